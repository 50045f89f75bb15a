import type { IncomingHttpHeaders } from "node:http";
import { type Tracer as Api, type Context, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { CallTrace, Protocol, Tracer } from "../trace.ts";
import { OtelCallTrace } from "./otel-call-trace.ts";
import { OtlpExporter, type OtlpExporterOptions } from "./otlp-exporter.ts";

export interface OtelTracerOptions extends OtlpExporterOptions {
  readonly serviceName: string;
  readonly version: string;
}

/** How long a span waits for others to be sent with. */
const BATCH_MS = 1_000;
/** How long closing may take, out of the time that there is to stop. */
const FLUSH_MS = 1_000;

/** OpenTelemetry's names for what our protocols are. */
const SYSTEMS: Readonly<Record<Protocol, string>> = {
  grpc: "grpc",
  "grpc-web": "grpc",
  connect: "connectrpc",
  rest: "rest",
};

const propagator = new W3CTraceContextPropagator();

/**
 * Traces by OpenTelemetry, in the words of its semantic conventions: all calls, but for those whose caller says in the
 * flags of `traceparent` that the trace is not kept. Nothing is registered globally, nothing ambient is relied on.
 */
export class OtelTracer implements Tracer {
  readonly #provider: TracerProvider;
  readonly #api: Api;

  constructor({ serviceName, version, ...exporting }: OtelTracerOptions) {
    const identity = resourceFromAttributes({ "service.name": serviceName, "service.version": version });
    const exporter = new OtlpExporter(exporting);
    this.#provider = new TracerProvider({
      resource: defaultResource().merge(identity),
      spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: BATCH_MS })],
    });
    this.#api = this.#provider.getTracer("patchbay", version);
  }

  start(rpc: string, protocol: Protocol, headers: IncomingHttpHeaders): CallTrace {
    const parent: Context = propagator.extract(ROOT_CONTEXT, headers, INCOMING);
    const attributes = { "rpc.system.name": SYSTEMS[protocol], "rpc.method": rpc };
    const span = this.#api.startSpan(rpc, { kind: SpanKind.SERVER, attributes }, parent);
    return new OtelCallTrace(this.#api, span, trace.setSpan(parent, span));
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const patience = setTimeout(resolve, FLUSH_MS);
    // What could not be sent, the exporter has told.
    this.#provider.shutdown().then(resolve, resolve);
    await promise;
    clearTimeout(patience);
  }
}

const INCOMING = {
  keys: (headers: IncomingHttpHeaders) => Object.keys(headers),
  get: (headers: IncomingHttpHeaders, name: string) => headers[name],
};
