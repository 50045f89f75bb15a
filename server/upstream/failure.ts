/** The ways in which an endpoint fails us; each one asks for something else from the owner. */
export type FailureKind =
  | "blocked"
  | "unreachable"
  | "timeout"
  | "key-refused"
  | "model-not-found"
  | "request-refused"
  | "rate-limited"
  | "quota-exhausted"
  | "unavailable"
  | "bad-reply";

/** What is known of a failure beside its kind. */
export interface FailureFacts {
  /** Undefined when no answer came. */
  readonly httpStatus?: number | undefined;
  /** When the endpoint said so. */
  readonly retryAfterMs?: number | undefined;
  /** The part of the request that the endpoint refuses, by the name the endpoint gives it. */
  readonly parameter?: string | undefined;
}

/** A call of an endpoint that did not give a reply. Its message is ours: it never quotes the endpoint. */
export class UpstreamFailure extends Error {
  override readonly name = "UpstreamFailure";
  readonly kind: FailureKind;
  readonly httpStatus: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly parameter: string | undefined;

  constructor(kind: FailureKind, message: string, facts: FailureFacts = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.httpStatus = facts.httpStatus;
    this.retryAfterMs = facts.retryAfterMs;
    this.parameter = facts.parameter;
  }
}
