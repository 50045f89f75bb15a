import { type Tracer as Api, type Context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import type { WatchedCall } from "../../../base/watch.ts";
import type { CallTrace } from "../trace.ts";

/** Codes that say that we failed; the others say that the caller did, which is no error of a server's span. */
const FAULTS = new Set(["Unknown", "DeadlineExceeded", "Unimplemented", "Internal", "Unavailable", "DataLoss"]);

const propagator = new W3CTraceContextPropagator();

/** The span of one call. */
export class OtelCallTrace implements CallTrace {
  readonly #api: Api;
  readonly #span: Span;
  readonly #context: Context;

  /** The context is the one that holds the span. */
  constructor(api: Api, span: Span, context: Context) {
    this.#api = api;
    this.#span = span;
    this.#context = context;
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  startUpstream(providerType: string): WatchedCall {
    const attributes = { "patchbay.provider_type": providerType };
    const span = this.#api.startSpan(`call ${providerType}`, { kind: SpanKind.CLIENT, attributes }, this.#context);
    return new OtelUpstreamTrace(span, trace.setSpan(this.#context, span));
  }

  end(code: string): void {
    this.#span.setAttribute("rpc.status_code", canonical(code));
    if (FAULTS.has(code)) this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
  }
}

/** The span of one call of an endpoint. It says neither which endpoint nor which model: that is the owner's business. */
class OtelUpstreamTrace implements WatchedCall {
  readonly headers: Readonly<Record<string, string>>;
  readonly #span: Span;

  constructor(span: Span, context: Context) {
    this.#span = span;
    const headers: Record<string, string> = {};
    propagator.inject(context, headers, OUTGOING);
    this.headers = headers;
  }

  replied(): void {
    this.#span.addEvent("first token");
  }

  end(outcome: string): void {
    this.#span.setAttribute("patchbay.outcome", outcome);
    if (outcome !== "ok" && outcome !== "left") this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
  }
}

const OUTGOING = {
  set: (headers: Record<string, string>, name: string, value: string) => {
    headers[name] = value;
  },
};

/** `NotFound` as gRPC spells it: `NOT_FOUND`. */
function canonical(code: string): string {
  if (code === "Canceled") return "CANCELLED";
  return code.replace(/(?<=[a-z])[A-Z]/g, (capital) => `_${capital}`).toUpperCase();
}
