import { type Tracer as Api, type Context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import type { AskedModel, ReplyFacts, WatchedCall } from "../../../base/watch.ts";
import { askAttributes, CHAT, isError, replyAttributes } from "../gen-ai.ts";
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

  startUpstream(providerType: string, asked: AskedModel | undefined): WatchedCall {
    const attributes = { "patchbay.provider_type": providerType, ...(asked ? askAttributes(providerType, asked) : {}) };
    const name = asked ? `${CHAT} ${asked.model}` : `call ${providerType}`;
    const span = this.#api.startSpan(name, { kind: SpanKind.CLIENT, attributes }, this.#context);
    return new OtelUpstreamTrace(span, trace.setSpan(this.#context, span), asked?.model ?? "");
  }

  end(code: string): void {
    this.#span.setAttribute("rpc.status_code", canonical(code));
    if (FAULTS.has(code)) this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
  }
}

/**
 * The span of one call of an endpoint, in the words of OpenTelemetry's conventions for generative AI. It says which model
 * and how much, and neither which endpoint nor a word of what is asked or replied.
 */
class OtelUpstreamTrace implements WatchedCall {
  readonly headers: Readonly<Record<string, string>>;
  readonly #span: Span;
  readonly #model: string;

  constructor(span: Span, context: Context, model: string) {
    this.#span = span;
    this.#model = model;
    const headers: Record<string, string> = {};
    propagator.inject(context, headers, OUTGOING);
    this.headers = headers;
  }

  replied(): void {
    this.#span.addEvent("first token");
  }

  told(facts: ReplyFacts): void {
    this.#span.setAttributes(replyAttributes(facts, this.#model));
  }

  end(outcome: string): void {
    this.#span.setAttribute("patchbay.outcome", outcome);
    if (isError(outcome)) {
      this.#span.setAttribute("error.type", outcome);
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
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
