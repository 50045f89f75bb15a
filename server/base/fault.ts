/** Why a call was refused; the same words as the enum `Reason` in proto/patchbay/v1/reason.proto. */
export type Reason =
  | "INVALID_REQUEST"
  | "API_KEY_REFUSED"
  | "PERMISSION_MISSING"
  | "LLM_NOT_FOUND"
  | "PROVIDER_NOT_FOUND"
  | "PROVIDER_IN_USE"
  | "DEFAULT_LLM_NOT_SET"
  | "LLM_ID_TAKEN"
  | "LLM_DUPLICATE"
  | "ETAG_MISMATCH"
  | "CREDENTIALS_REQUIRED"
  | "CREDENTIALS_UNREADABLE"
  | "ENDPOINT_NOT_ALLOWED"
  | "SECRET_REF_NOT_ALLOWED"
  | "SECRET_REF_UNRESOLVED"
  | "SECRET_SOURCE_UNAVAILABLE"
  | "PENDING_CREDENTIALS_MISSING"
  | "PENDING_CREDENTIALS_UNTESTED"
  | "PREVIOUS_CREDENTIALS_MISSING"
  | "ROTATION_UNFINISHED"
  | "PAGE_TOKEN_INVALID"
  | "UPSTREAM_KEY_REFUSED"
  | "UPSTREAM_MODEL_NOT_FOUND"
  | "UPSTREAM_REQUEST_REFUSED"
  | "UPSTREAM_PROVIDER_KEY_REFUSED"
  | "UPSTREAM_MODEL_NOT_ALLOWED"
  | "UPSTREAM_CONTEXT_TOO_LONG"
  | "UPSTREAM_CONTENT_REFUSED"
  | "UPSTREAM_REGION_REFUSED"
  | "UPSTREAM_FEATURE_REFUSED"
  | "UPSTREAM_PARAMETER_REFUSED"
  | "UPSTREAM_BUSY"
  | "UPSTREAM_UNREACHABLE"
  | "UPSTREAM_RATE_LIMITED"
  | "UPSTREAM_QUOTA_EXHAUSTED"
  | "UPSTREAM_UNAVAILABLE"
  | "UPSTREAM_TIMEOUT"
  | "UPSTREAM_BAD_REPLY"
  | "MESSAGE_TOO_LARGE"
  | "MEDIA_TYPE_NOT_SUPPORTED"
  | "METHOD_NOT_ALLOWED"
  | "ROUTE_NOT_FOUND"
  | "STORE_UNAVAILABLE"
  | "RATE_LIMITED"
  | "AUDIT_UNAVAILABLE"
  | "KEYS_UNAVAILABLE"
  | "API_KEY_NOT_FOUND"
  | "ACCOUNT_NOT_FOUND"
  | "ACCOUNT_ID_TAKEN"
  | "ACCOUNT_IN_USE"
  | "LAST_ADMIN_KEY"
  | "API_KEY_EXCEEDS_CALLER"
  | "API_KEY_ENDED"
  | "API_KEY_SECRET_TAKEN"
  | "REQUEST_ID_REUSED"
  | "ANSWER_OUTDATED"
  | "ALIAS_TAKEN"
  | "LLM_ROUTE_NOT_FOUND"
  | "LLM_ROUTE_UNAVAILABLE"
  | "RESUME_TOKEN_EXPIRED"
  | "RESUME_TOKEN_INVALID"
  | "RESPONSE_FORMAT_NOT_SUPPORTED"
  | "LLM_DISABLED"
  | "SESSION_NOT_FOUND"
  | "SESSION_BUSY"
  | "SESSION_OF_ANOTHER_LLM"
  | "TURN_LOST"
  | "BUDGET_EXHAUSTED"
  | "PRICE_UNKNOWN"
  | "BUDGET_NOT_FOUND"
  | "BUDGET_IMPOSED"
  | "DEADLINE_PASSED"
  | "CALL_CANCELLED"
  | "SERVER_STOPPING"
  | "SERVER_BUSY"
  | "RPC_NOT_FOUND"
  | "INTERNAL_ERROR";

/** What a fault says beside its sentence. None of it may hold a key or a prompt: it goes to the caller. */
export interface Facts {
  /** Key and value pairs of the ErrorInfo detail. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** The fields that are wrong, by their path in the request, and what would be right. */
  readonly fields?: readonly { readonly field: string; readonly description: string }[];
  /** When trying again can help, if that is known. */
  readonly retryAfterMs?: number;
}

/** An expected refusal. The wire translates it; handlers never catch it. */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly reason: Reason;
  readonly facts: Facts;

  constructor(reason: Reason, message: string, facts: Facts = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
    this.facts = facts;
  }
}

/** The refusal of one field of a request. */
export function invalidField(field: string, description: string): Fault {
  return new Fault("INVALID_REQUEST", `${field}: ${description}`, { fields: [{ field, description }] });
}

/** Why a server cannot start, where whoever starts it can mend that: the message is all there is to say. */
export class StartError extends Error {
  override readonly name: string = "StartError";
}
