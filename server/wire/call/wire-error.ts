import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type BadRequest_FieldViolation,
  BadRequestSchema,
  RetryInfoSchema,
} from "../../../gen/google/rpc/error_details_pb.ts";

/** When those who were refused for lack of room are to come again. */
const BUSY_MS = 1_000;

/** Why this library refused a request by itself; sent as the reason of an ErrorInfo. */
export type WireReason =
  | "INVALID_REQUEST"
  | "ROUTE_NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "MEDIA_TYPE_NOT_SUPPORTED"
  | "MESSAGE_TOO_LARGE"
  | "SERVER_BUSY"
  | "DEADLINE_PASSED"
  | "CALL_CANCELLED"
  | "INTERNAL_ERROR";

/** A refusal by this library: an error of the call that also knows its HTTP status, where the code alone does not say. */
export class WireError extends ConnectError {
  readonly reason: WireReason;
  readonly httpStatus: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(reason: WireReason, code: Code, message: string, extra: WireErrorExtra = {}) {
    const details = [
      ...(extra.fields ? [{ desc: BadRequestSchema, value: { fieldViolations: extra.fields } }] : []),
      ...(extra.retryAfterMs
        ? [{ desc: RetryInfoSchema, value: { retryDelay: durationFromMs(extra.retryAfterMs) } }]
        : []),
    ];
    super(message, code, extra.headers, details as never, extra.cause);
    this.reason = reason;
    this.httpStatus = extra.httpStatus;
    this.retryAfterMs = extra.retryAfterMs;
  }

  /** ConnectError takes whatever looks like one for an instance, and subclasses would inherit that. */
  static override [Symbol.hasInstance](value: unknown): value is WireError {
    return Function.prototype[Symbol.hasInstance].call(WireError, value);
  }
}

interface WireErrorExtra {
  readonly httpStatus?: number;
  readonly retryAfterMs?: number;
  readonly headers?: Record<string, string>;
  readonly fields?: Pick<BadRequest_FieldViolation, "field" | "description">[];
  readonly cause?: unknown;
}

/** A request that cannot be read. */
export function invalidRequest(message: string, cause?: unknown): WireError {
  return new WireError("INVALID_REQUEST", Code.InvalidArgument, message, { cause });
}

/** A request with a wrong value; the field is its path in the request message, as the caller spells it. */
export function invalidField(field: string, description: string): WireError {
  return new WireError("INVALID_REQUEST", Code.InvalidArgument, `${field}: ${description}`, {
    fields: [{ field, description }],
  });
}

/** A request with a name that nothing has, and what the caller may have meant. */
export function unknownName(what: "field" | "parameter", path: string, remark: string): WireError {
  const description = `unknown ${what} \`${path}\`${remark}`;
  return invalidFields([{ field: path, description, isSentence: true }]);
}

/** One thing that is wrong with a request; a sentence names its field by itself. */
export interface Problem {
  readonly field: string;
  readonly description: string;
  readonly isSentence?: boolean;
}

/** A request with several wrong values, each with its field. */
export function invalidFields(problems: readonly Problem[]): WireError {
  return new WireError("INVALID_REQUEST", Code.InvalidArgument, sentenceOf(problems), {
    fields: problems.map(({ field, description }) => ({ field, description })),
  });
}

/** All that is wrong, as one sentence. */
export function sentenceOf(problems: readonly Problem[]): string {
  return problems
    .map(({ field, description, isSentence }) => (isSentence || !field ? description : `${field}: ${description}`))
    .join("; ");
}

/** A path that no route has. */
export function routeNotFound(hint = "/docs has all that there is"): WireError {
  return new WireError("ROUTE_NOT_FOUND", Code.NotFound, `nothing is served at this path; ${hint}`);
}

/** A path that is served, but not by this method. */
export function methodNotAllowed(method: string, allow: string, hint?: string): WireError {
  const sentence = `this path has no ${method}; it has ${allow}${hint === undefined ? "" : `; ${hint}`}`;
  return new WireError("METHOD_NOT_ALLOWED", Code.Unimplemented, sentence, {
    httpStatus: 405,
    headers: { allow },
  });
}

/** A wish for a WebSocket: there is none, and everything is served without. */
export function noWebSocket(): WireError {
  return new WireError("METHOD_NOT_ALLOWED", Code.Unimplemented, "no WebSocket is served here; send a POST", {
    httpStatus: 426,
  });
}

/** A body in a form that is not read; the headers say which are. */
export function mediaTypeNotSupported(message: string, headers: Record<string, string>): WireError {
  return new WireError("MEDIA_TYPE_NOT_SUPPORTED", Code.InvalidArgument, message, { httpStatus: 415, headers });
}

/** A body over the limit. The status is 413, not the code's 429: to try again later cannot help. */
export function messageTooLarge(limitBytes: number): WireError {
  return new WireError("MESSAGE_TOO_LARGE", Code.ResourceExhausted, `the body is larger than ${limitBytes} bytes`, {
    httpStatus: 413,
  });
}

/** A body for which there is no room beside those of other calls. */
export function serverBusy(): WireError {
  const message = "the server holds as many large requests as it may (REQUEST_BODIES_MIB); try again in a moment";
  return new WireError("SERVER_BUSY", Code.Unavailable, message, { retryAfterMs: BUSY_MS });
}

/** A body that comes in drops. */
export function bodyTooSlow(bytesPerSecond: number): WireError {
  const message = `the body comes too slowly: after a time of grace, ${bytesPerSecond} bytes a second are expected`;
  return new WireError("DEADLINE_PASSED", Code.DeadlineExceeded, message, { httpStatus: 408 });
}

/** A call whose caller has left. */
export function callCancelled(): WireError {
  return new WireError("CALL_CANCELLED", Code.Canceled, "the caller has left");
}

/** Escapes of printable characters other than `%` itself. */
const NEEDLESS = /%(2[0-46-9a-f]|[3-6][0-9a-f]|7[0-9a-e])/gi;

/**
 * A `grpc-message` as gRPC wants it, which escapes only `%` and what does not print. Connect escapes reserved characters
 * too, and grpc-js does not undo that: its users would read `%3A` for every colon.
 */
export function plainGrpcMessage(message: string): string {
  return message.replace(NEEDLESS, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Has an answer write its `grpc-message` as gRPC wants it. */
export function writePlainGrpcMessage(response: Pick<ServerResponse, "addTrailers">): void {
  const addTrailers = response.addTrailers.bind(response);
  response.addTrailers = (trailers: OutgoingHttpHeaders) => {
    const message = trailers["grpc-message"];
    addTrailers(message === undefined ? trailers : { ...trailers, "grpc-message": plainGrpcMessage(String(message)) });
  };
}
