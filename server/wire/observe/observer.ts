import type { DescMethod } from "@bufbuild/protobuf";
import type { ContextValues } from "@connectrpc/connect";
import type { NodeRequest, NodeResponse } from "../call/exchange.ts";
import { Call, rpcName, type Sinks } from "./call.ts";
import type { Protocol } from "./trace.ts";

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
  open(request: NodeRequest, response: NodeResponse, method: DescMethod | undefined): void {
    const rpc = method ? rpcName(method) : "none";
    const protocol = protocolOf(request.headers["content-type"], method ? "connect" : "rest");
    (request as Observed)[CALL] = new Call(this.#sinks, request, response, rpc, protocol);
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
