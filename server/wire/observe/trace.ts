import type { IncomingHttpHeaders } from "node:http";
import { constants } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import type { AskedModel, WatchedCall } from "../../base/watch.ts";
import type { NodeResponse } from "../http/exchange.ts";

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
  startUpstream(providerType: string, asked: AskedModel | undefined): WatchedCall;
  end(code: string): void;
}

/** How a call is made. */
export type Protocol = "grpc" | "grpc-web" | "connect" | "rest";

/** What a refusal means that no rpc gave, by its HTTP status. */
const CODES: Readonly<Record<number, Code>> = {
  401: Code.Unauthenticated,
  403: Code.PermissionDenied,
  404: Code.NotFound,
  405: Code.Unimplemented,
  408: Code.DeadlineExceeded,
  413: Code.ResourceExhausted,
  429: Code.ResourceExhausted,
  499: Code.Canceled,
  501: Code.Unimplemented,
  503: Code.Unavailable,
  504: Code.DeadlineExceeded,
  505: Code.Unimplemented,
};

/** The code for an HTTP status; undefined for success. */
export function codeOfStatus(status: number): Code | undefined {
  if (status < 400) return undefined;
  return CODES[status] ?? (status < 500 ? Code.InvalidArgument : Code.Internal);
}

/**
 * What the abort of a call means: a deadline and our own stop say so, and everything else is a caller who has left. For
 * that connect has an AbortError, or a ConnectError by the code of the reset, which a client may choose as it likes.
 */
export function codeOfAbort(reason: unknown): Code {
  const { Canceled, DeadlineExceeded, Unavailable } = Code;
  if (!(reason instanceof ConnectError)) return Canceled;
  return reason.code === DeadlineExceeded || reason.code === Unavailable ? reason.code : Canceled;
}

/** Whether an answer that is over was sent to its end; else the caller left, or was cut off. */
export function isComplete(response: NodeResponse): boolean {
  if (!("stream" in response)) return response.writableFinished;
  return response.stream.rstCode === constants.NGHTTP2_NO_ERROR;
}
