import { constants } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import type { NodeResponse } from "../call/exchange.ts";

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
