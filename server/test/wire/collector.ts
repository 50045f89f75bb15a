import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as it travels in OTLP's JSON, as far as the tests look at it. */
export interface SentSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  /** 2 is SERVER, 3 is CLIENT. */
  readonly kind: number;
  readonly status: { readonly code?: number };
  readonly events: readonly { readonly name: string }[];
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface Batch {
  readonly resourceSpans: {
    readonly resource: { readonly attributes: Attribute[] };
    readonly scopeSpans: { readonly spans: (Omit<SentSpan, "attributes"> & { readonly attributes: Attribute[] })[] }[];
  }[];
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** A collector of OpenTelemetry on loopback that keeps what it gets, or refuses it. */
export async function startCollector() {
  const bodies: string[] = [];
  const requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];
  let status = 200;
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request.setEncoding("utf8")) body += piece;
    requests.push({ path: request.url ?? "", headers: request.headers });
    if (status === 200) bodies.push(body);
    response.writeHead(status, { "content-type": "application/json" }).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const batches = () => bodies.flatMap((body) => (JSON.parse(body) as Batch).resourceSpans);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    /** Everything it got, as it came. */
    text: () => bodies.join("\n"),
    spans: (): SentSpan[] =>
      batches()
        .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
        .map((span) => ({ ...span, attributes: readAttributes(span.attributes) })),
    resource: () => readAttributes(batches()[0]?.resource.attributes ?? []),
    answerWith(next: number) {
      status = next;
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function readAttributes(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
