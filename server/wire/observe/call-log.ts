import { randomUUID } from "node:crypto";
import type { DescMethod } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import type { Logger } from "../../base/log.ts";
import type { AskedModel, Watch, WatchedCall } from "../../base/watch.ts";
import { callerOf, setAddress, setHeaders, setWatch } from "../../service/call/context.ts";
import { clientAddress, type NodeRequest, type NodeResponse } from "../http/exchange.ts";
import type { CallMetrics } from "./call-metrics.ts";
import { type CallTrace, codeOfAbort, codeOfStatus, isComplete, type Protocol, type Tracer } from "./trace.ts";
import { UpstreamCall } from "./upstream-call.ts";

/** Where what is observed goes. */
export interface Sinks {
  readonly log: Logger;
  /** Undefined: nothing is counted. */
  readonly metrics: CallMetrics | undefined;
  /** Undefined: nothing is traced. */
  readonly tracer: Tracer | undefined;
  /** The header in which the proxy in front says where a call comes from; undefined: there is none. */
  readonly addressHeader: string | undefined;
}

const callKey = createContextKey<Call | undefined>(undefined, { description: "the call as it is observed" });

/**
 * One call from its headers to the last byte of its answer, as the log, the metrics and the trace have it.
 *
 * It ends with the response, whatever ends that: so none is missed that an interceptor does not see (a body that cannot
 * be read, a path that leads nowhere), none is told twice, and what is in flight comes back to 0.
 */
export class Call implements Watch {
  readonly requestId = randomUUID();
  /** For the handlers; the call itself is among them, as nothing ambient reaches into streams. */
  readonly values: ContextValues = createContextValues();
  readonly #sinks: Sinks;
  readonly #request: NodeRequest;
  readonly #response: NodeResponse;
  readonly #startedAt = performance.now();
  #rpc: string;
  #protocol: Protocol;
  #context: HandlerContext | undefined;
  #trace: CallTrace | undefined;
  #code: string | undefined;
  #factsAtDeadline: () => Readonly<Record<string, string>> = () => ({});

  constructor(sinks: Sinks, request: NodeRequest, response: NodeResponse, rpc: string, protocol: Protocol) {
    this.#sinks = sinks;
    this.#request = request;
    this.#response = response;
    this.#rpc = rpc;
    this.#protocol = protocol;
    this.values.set(callKey, this);
    setWatch(this.values, this);
    setHeaders(this.values, request.headers);
    setAddress(this.values, clientAddress(request, sinks.addressHeader));
    response.once("close", () => this.#end());
  }

  /** Whether an rpc's messages come as JSON; REST has its errors spelled for it by itself. */
  get speaksJson(): boolean {
    return this.#protocol !== "rest" && (this.#request.headers["content-type"]?.includes("json") ?? false);
  }

  /** The call has reached its rpc: from here on it is in flight, and has a span. */
  enter(context: HandlerContext): void {
    this.#context = context;
    this.#rpc = rpcName(context.method);
    this.#protocol = context.protocolName as Protocol;
    this.#trace = this.#sinks.tracer?.start(this.#rpc, this.#protocol, this.#request.headers);
    this.#sinks.metrics?.began(this.#rpc, this.#protocol);
  }

  /** What came of it, undefined for success. The first word counts: what comes later comes of that. */
  settle(code: Code | undefined): void {
    this.#code ??= wordFor(code);
  }

  get isSettled(): boolean {
    return this.#code !== undefined;
  }

  begin(providerType: string, asked?: AskedModel): WatchedCall {
    const trace = this.#trace?.startUpstream(providerType, asked);
    return new UpstreamCall(providerType, asked, this.#sinks.metrics, trace);
  }

  tellAtDeadline(facts: () => Readonly<Record<string, string>>): void {
    this.#factsAtDeadline = facts;
  }

  /** What is told of the call if its deadline ends it now. */
  get factsAtDeadline(): Readonly<Record<string, string>> {
    return this.#factsAtDeadline();
  }

  #end(): void {
    const ms = performance.now() - this.#startedAt;
    const rpc = this.#rpc;
    const protocol = this.#protocol;
    const code = this.#outcome();
    const { log, metrics } = this.#sinks;
    if (this.#context) metrics?.left(rpc, protocol);
    // There was no call: an OPTIONS was answered.
    else if (code === "Ok") return;
    metrics?.ended({ rpc, protocol, code }, ms / 1_000);
    this.#trace?.end(code);
    const caller = callerOf(this.values);
    const line = {
      requestId: this.requestId,
      rpc,
      protocol,
      code,
      ms: Math.round(ms * 10) / 10,
      // Undefined facts are not written.
      httpStatus: protocol === "rest" ? this.#response.statusCode : undefined,
      accountId: caller?.accountId,
      apiKeyId: caller?.apiKeyId || undefined,
      subject: caller?.subject,
      traceId: this.#trace?.traceId,
    };
    log.info(line, "call");
  }

  /** What an interceptor said, unless the answer failed after that; without it, what the answer tells. */
  #outcome(): string {
    const { statusCode } = this.#response;
    if (this.#code !== undefined && (this.#code !== "Ok" || statusCode < 400)) return this.#code;
    const reason = this.#context?.signal.reason;
    if (!isComplete(this.#response)) return wordFor(codeOfAbort(reason));
    // Connect aborts the signal with the error that it sends, such as that of a message that cannot be parsed.
    return wordFor(reason instanceof ConnectError ? reason.code : codeOfStatus(statusCode));
  }
}

function wordFor(code: Code | undefined): string {
  return code === undefined ? "Ok" : (Code[code] ?? "Unknown");
}

/** The call that a handler's context belongs to. */
export function callOf(values: ContextValues): Call {
  const call = values.get(callKey);
  if (!call) throw new Error("a call came in past the door");
  return call;
}

/** A method as gRPC's paths and OpenTelemetry name it, such as `patchbay.v1.LlmService/GetLlm`. */
export function rpcName({ parent, name }: HandlerContext["method"]): string {
  return `${parent.typeName}/${name}`;
}

/** On a request object: a WeakMap costs thirty times as much (1.5 µs a request). */
const CALL = Symbol("the call that a request makes");

type Observed = NodeRequest & { [CALL]?: Call };

/** Stands at the door: every request that may become a call is observed from there, and has its id. */
export class Observer {
  readonly #sinks: Sinks;

  constructor(sinks: Sinks) {
    this.#sinks = sinks;
  }

  /** Begins to observe. The method is that of the path; REST's is known later, if its path leads to one. */
  open(request: NodeRequest, response: NodeResponse, method: DescMethod | undefined): Call {
    const rpc = method ? rpcName(method) : "none";
    const protocol = protocolOf(request.headers["content-type"], method ? "connect" : "rest");
    const call = new Call(this.#sinks, request, response, rpc, protocol);
    (request as Observed)[CALL] = call;
    return call;
  }

  /** What the context of a handler starts with. */
  valuesOf(request: NodeRequest): ContextValues {
    const call = (request as Observed)[CALL];
    if (!call) throw new Error("a request came in past the door");
    return call.values;
  }
}

/** A guess for what is refused before it reaches its protocol's handler. */
function protocolOf(contentType: string | undefined, fallback: Protocol): Protocol {
  if (!contentType?.startsWith("application/grpc")) return fallback;
  return contentType.startsWith("application/grpc-web") ? "grpc-web" : "grpc";
}
