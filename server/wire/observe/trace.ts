import type { IncomingHttpHeaders } from "node:http";
import type { WatchedCall } from "../../base/watch.ts";

/** Makes the traces of calls. What does it with OpenTelemetry is in otel/, and loaded only when it is wanted. */
export interface Tracer {
  /** Begins the span of a call, below the one that the caller's `traceparent` names, if it does. */
  start(rpc: string, protocol: Protocol, headers: IncomingHttpHeaders): CallTrace;
  /** Sends what is left. */
  close(): Promise<void>;
}

/** The span of one call. Passed by hand to what is done for the call. */
export interface CallTrace {
  readonly traceId: string;
  /** Begins the span of a call of an endpoint, below this one. */
  startUpstream(providerType: string): WatchedCall;
  end(code: string): void;
}

/** How a call is made. */
export type Protocol = "grpc" | "grpc-web" | "connect" | "rest";
