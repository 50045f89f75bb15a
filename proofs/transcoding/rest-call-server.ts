import { createServer, type IncomingHttpHeaders, request as sendRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { type DescMethod, type FileRegistry, fromJson, type JsonValue, type Message, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError, createMethodImplSpec, type MethodImplSpec } from "@connectrpc/connect";
import { codeToHttpStatus } from "@connectrpc/connect/protocol-connect";
import { createRestHandler } from "../../server/wire/rest/transcode.ts";
import { isRpcToFail, type RestCallCase } from "./rest-call-cases.ts";
import { examplesOf } from "./rest-call-types.ts";

/** What the client got, and what the rpc was asked, if it was. */
export interface Outcome {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly asked: Asked | undefined;
}

interface Asked {
  readonly request: JsonValue;
  readonly header: Headers;
}

/** Serves the rpc of a case and sends the request of the case. */
export async function runCall(given: RestCallCase, method: DescMethod, registry: FileRegistry): Promise<Outcome> {
  let asked: Asked | undefined;
  const spec = specOf(given, method, registry, (one) => {
    asked = one;
  });
  const handler = createRestHandler([spec], {
    readMaxBytes: () => 1_048_576,
    errorDomain: "example.com",
    corsOrigins: [],
    registry,
  });
  const server = createServer((request, response) => void handler(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const answer = await send(given, (server.address() as AddressInfo).port);
    return { ...answer, asked };
  } finally {
    server.close();
  }
}

/** The rpc of a case: it returns what the case says, or fails if the case says that. */
function specOf(
  { rule, expect }: RestCallCase,
  method: DescMethod,
  registry: FileRegistry,
  onAsked: (asked: Asked) => void,
): MethodImplSpec {
  const ask = (request: Message, { requestHeader: header }: { requestHeader: Headers }) => {
    onAsked({ request: toJson(method.input, request), header });
    if (isRpcToFail(expect)) throw failureOf(expect);
    return examplesOf(expect, rule.response_body ?? "").map((json) => fromJson(method.output, json, { registry }));
  };
  const unary = (...call: Parameters<typeof ask>) => ask(...call)[0] ?? {};
  const stream = async function* (...call: Parameters<typeof ask>) {
    yield* ask(...call);
  };
  return createMethodImplSpec(method, (method.methodKind === "server_streaming" ? stream : unary) as never);
}

function failureOf({ http_status: status, response, raw_response: raw = "{}" }: RestCallCase["expect"]): ConnectError {
  const { message = "" } = (response ?? JSON.parse(raw)) as { message?: string };
  const code = Object.values(Code).find((one) => typeof one === "number" && codeToHttpStatus(one) === status);
  return new ConnectError(message, code as Code);
}

/** Not fetch: that one would tidy up the URL and refuse a GET with a body. */
function send({ method, url, headers, body }: RestCallCase, port: number): Promise<Omit<Outcome, "asked">> {
  const content = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const contentType = content === undefined ? {} : { "content-type": "application/json" };
  const given = Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  return new Promise((resolve, reject) => {
    const options = { port, method, path: url, headers: { ...contentType, ...given }, agent: false };
    const outgoing = sendRequest(options, (response) => {
      const { statusCode: status = 0, headers } = response;
      response.toArray().then((chunks) => resolve({ status, headers, body: Buffer.concat(chunks).toString() }), reject);
    });
    outgoing.on("error", reject);
    outgoing.end(content);
  });
}
