import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "../../../gen/google/rpc/error_details_pb.ts";
import { type Facts, Fault, type Reason } from "../../base/fault.ts";
import type { Rename } from "../call/json-names.ts";
import { WireError } from "../call/wire-error.ts";
import { fitFacts, fitMessage } from "./error-size.ts";

/** The `domain` of every ErrorInfo of ours. */
export const ERROR_DOMAIN = "patchbay";

const CODES: Readonly<Record<Reason, Code>> = {
  INVALID_REQUEST: Code.InvalidArgument,
  API_KEY_REFUSED: Code.Unauthenticated,
  PERMISSION_MISSING: Code.PermissionDenied,
  LLM_NOT_FOUND: Code.NotFound,
  PROVIDER_NOT_FOUND: Code.NotFound,
  PROVIDER_IN_USE: Code.FailedPrecondition,
  DEFAULT_LLM_NOT_SET: Code.NotFound,
  LLM_ID_TAKEN: Code.AlreadyExists,
  LLM_DUPLICATE: Code.AlreadyExists,
  ETAG_MISMATCH: Code.Aborted,
  CREDENTIALS_REQUIRED: Code.FailedPrecondition,
  CREDENTIALS_UNREADABLE: Code.FailedPrecondition,
  ENDPOINT_NOT_ALLOWED: Code.InvalidArgument,
  SECRET_REF_NOT_ALLOWED: Code.FailedPrecondition,
  SECRET_REF_UNRESOLVED: Code.FailedPrecondition,
  SECRET_SOURCE_UNAVAILABLE: Code.Unavailable,
  PENDING_CREDENTIALS_MISSING: Code.FailedPrecondition,
  PENDING_CREDENTIALS_UNTESTED: Code.FailedPrecondition,
  PREVIOUS_CREDENTIALS_MISSING: Code.FailedPrecondition,
  ROTATION_UNFINISHED: Code.FailedPrecondition,
  PAGE_TOKEN_INVALID: Code.InvalidArgument,
  UPSTREAM_KEY_REFUSED: Code.FailedPrecondition,
  UPSTREAM_MODEL_NOT_FOUND: Code.FailedPrecondition,
  UPSTREAM_REQUEST_REFUSED: Code.InvalidArgument,
  UPSTREAM_PROVIDER_KEY_REFUSED: Code.FailedPrecondition,
  UPSTREAM_MODEL_NOT_ALLOWED: Code.FailedPrecondition,
  UPSTREAM_CONTEXT_TOO_LONG: Code.InvalidArgument,
  UPSTREAM_CONTENT_REFUSED: Code.InvalidArgument,
  UPSTREAM_REGION_REFUSED: Code.FailedPrecondition,
  UPSTREAM_FEATURE_REFUSED: Code.InvalidArgument,
  UPSTREAM_PARAMETER_REFUSED: Code.InvalidArgument,
  UPSTREAM_BUSY: Code.Unavailable,
  UPSTREAM_UNREACHABLE: Code.Unavailable,
  UPSTREAM_RATE_LIMITED: Code.ResourceExhausted,
  UPSTREAM_QUOTA_EXHAUSTED: Code.ResourceExhausted,
  UPSTREAM_UNAVAILABLE: Code.Unavailable,
  UPSTREAM_TIMEOUT: Code.DeadlineExceeded,
  UPSTREAM_BAD_REPLY: Code.Unavailable,
  MESSAGE_TOO_LARGE: Code.ResourceExhausted,
  MEDIA_TYPE_NOT_SUPPORTED: Code.InvalidArgument,
  METHOD_NOT_ALLOWED: Code.Unimplemented,
  ROUTE_NOT_FOUND: Code.NotFound,
  STORE_UNAVAILABLE: Code.Unavailable,
  RATE_LIMITED: Code.ResourceExhausted,
  AUDIT_UNAVAILABLE: Code.Unavailable,
  KEYS_UNAVAILABLE: Code.Unavailable,
  API_KEY_NOT_FOUND: Code.NotFound,
  ACCOUNT_NOT_FOUND: Code.NotFound,
  ACCOUNT_ID_TAKEN: Code.AlreadyExists,
  ACCOUNT_IN_USE: Code.FailedPrecondition,
  LAST_ADMIN_KEY: Code.FailedPrecondition,
  API_KEY_EXCEEDS_CALLER: Code.PermissionDenied,
  API_KEY_ENDED: Code.FailedPrecondition,
  API_KEY_SECRET_TAKEN: Code.AlreadyExists,
  REQUEST_ID_REUSED: Code.InvalidArgument,
  ALIAS_TAKEN: Code.AlreadyExists,
  LLM_ROUTE_NOT_FOUND: Code.NotFound,
  LLM_ROUTE_UNAVAILABLE: Code.Unavailable,
  ANSWER_OUTDATED: Code.FailedPrecondition,
  RESUME_TOKEN_EXPIRED: Code.OutOfRange,
  RESUME_TOKEN_INVALID: Code.InvalidArgument,
  RESPONSE_FORMAT_NOT_SUPPORTED: Code.InvalidArgument,
  LLM_DISABLED: Code.FailedPrecondition,
  SESSION_NOT_FOUND: Code.NotFound,
  SESSION_BUSY: Code.Aborted,
  SESSION_OF_ANOTHER_LLM: Code.FailedPrecondition,
  TURN_LOST: Code.Aborted,
  BUDGET_EXHAUSTED: Code.ResourceExhausted,
  PRICE_UNKNOWN: Code.FailedPrecondition,
  BUDGET_NOT_FOUND: Code.NotFound,
  BUDGET_IMPOSED: Code.FailedPrecondition,
  DEADLINE_PASSED: Code.DeadlineExceeded,
  CALL_CANCELLED: Code.Canceled,
  SERVER_STOPPING: Code.Unavailable,
  SERVER_BUSY: Code.Unavailable,
  RPC_NOT_FOUND: Code.Unimplemented,
  INTERNAL_ERROR: Code.Internal,
};

/** Where a code stands for one reason, for errors that connect itself raises. */
const REASONS: Partial<Record<Code, Reason>> = {
  [Code.InvalidArgument]: "INVALID_REQUEST",
  [Code.ResourceExhausted]: "MESSAGE_TOO_LARGE",
  [Code.Unimplemented]: "MEDIA_TYPE_NOT_SUPPORTED",
  [Code.DeadlineExceeded]: "DEADLINE_PASSED",
  [Code.Canceled]: "CALL_CANCELLED",
  [Code.Unavailable]: "SERVER_STOPPING",
};

/** How connect begins to say that it cannot read a request. */
const UNREADABLE = /^(parse binary|decompression failed|protocol error|received compressed envelope)/;

/** Tells whether an error is an outage of something we need, and which refusal that is. */
export type Classify = (error: unknown) => Fault | undefined;

/** An error as it goes to the caller, and whether it is a bug of ours, which belongs into the log. */
export interface Refusal {
  readonly error: ConnectError;
  readonly isUnexpected: boolean;
}

/**
 * The one translation of errors. A Fault says what it says; what connect raises gets a reason; everything else is a
 * bug, of which the caller learns the request id and nothing more.
 */
export function refuse(error: unknown, requestId: string, classify: Classify, rename: Rename = asItIs): Refusal {
  const fault = error instanceof Fault ? error : (classify(error) ?? unreadable(error));
  // What cannot be read has its names as the caller wrote them.
  if (fault) {
    const told = error instanceof WireError ? fault : renamed(fault, rename);
    return { error: presentFault(told, requestId), isUnexpected: false };
  }
  if (error instanceof ConnectError) {
    // Connect takes bytes that are no message for a fault of its own; they are the caller's.
    const code = UNREADABLE.test(error.rawMessage) ? Code.InvalidArgument : error.code;
    const reason = REASONS[code];
    if (reason && error.details.length === 0) {
      const refusal = new Fault(reason, error.rawMessage, {}, error);
      return { error: presentFault(refusal, requestId, code), isUnexpected: false };
    }
    if (code !== Code.Internal && code !== Code.Unknown) return { error: fitted(error), isUnexpected: false };
  }
  const message = `internal error; the log has it under request id ${requestId}`;
  return { error: presentFault(new Fault("INTERNAL_ERROR", message, {}, error), requestId), isUnexpected: true };
}

/** What connect refuses by itself may repeat names of the request, of any length. */
function fitted(error: ConnectError): ConnectError {
  const message = fitMessage(error.rawMessage);
  if (message === error.rawMessage || error instanceof WireError) return error;
  return new ConnectError(message, error.code, error.metadata, error.details as never, error);
}

const asItIs: Rename = (text) => text;

/** A body that is not what the rpc takes, with the fields that are wrong. */
function unreadable(error: unknown): Fault | undefined {
  if (!(error instanceof WireError)) return undefined;
  if (error.reason === "SERVER_BUSY") return new Fault("SERVER_BUSY", error.rawMessage, factsOf(error), error);
  if (error.reason !== "INVALID_REQUEST") return undefined;
  const [badRequest] = error.findDetails(BadRequestSchema);
  return new Fault("INVALID_REQUEST", error.rawMessage, { fields: badRequest?.fieldViolations ?? [] }, error);
}

function factsOf({ retryAfterMs }: WireError): Facts {
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}

function renamed(fault: Fault, rename: Rename): Fault {
  if (rename === asItIs) return fault;
  const { fields, ...facts } = fault.facts;
  const spelled = fields?.map(({ field, description }) => ({ field: rename(field), description: rename(description) }));
  return new Fault(fault.reason, rename(fault.message), spelled ? { ...facts, fields: spelled } : facts, fault);
}

function presentFault(fault: Fault, requestId: string, code = CODES[fault.reason]): ConnectError {
  const { metadata = {}, fields = [], retryAfterMs } = fitFacts(fault.facts);
  const message = fitMessage(fault.message);
  const details: { desc: DescMessage; value: object }[] = [];
  const add = <Type extends DescMessage>(desc: Type, value: MessageInitShape<Type>) => details.push({ desc, value });
  add(ErrorInfoSchema, { reason: fault.reason, domain: ERROR_DOMAIN, metadata });
  if (fields.length > 0) {
    add(BadRequestSchema, { fieldViolations: fields.map(({ field, description }) => ({ field, description })) });
  }
  if (retryAfterMs !== undefined) add(RetryInfoSchema, { retryDelay: durationFromMs(retryAfterMs) });
  add(RequestInfoSchema, { requestId });
  // RFC 9110 wants it with every 401; where the answer is none, it is one header or trailer more.
  const headers = code === Code.Unauthenticated ? { "www-authenticate": "Bearer" } : undefined;
  return new ConnectError(message, code, headers, details as never, fault);
}
