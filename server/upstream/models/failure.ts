/** The ways in which an endpoint fails us; each one asks for something else from the owner. */
export type FailureKind =
  | "blocked"
  | "unreachable"
  | "cut"
  | "timeout"
  | "key-refused"
  | "provider-key-refused"
  | "model-not-found"
  | "model-not-allowed"
  | "context-too-long"
  | "content-refused"
  | "region-refused"
  | "quota-exhausted"
  | "rate-limited"
  | "busy"
  | "feature-refused"
  | "parameter-refused"
  | "request-refused"
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
  /** What of the request is not served, for people: "tools", "images". */
  readonly feature?: string | undefined;
  /** Tokens of a request that is too long, and how many fit; when the endpoint said so. */
  readonly promptTokens?: number | undefined;
  readonly contextTokens?: number | undefined;
  /** By which the endpoint's operator finds the call. */
  readonly requestId?: string | undefined;
  /** Whether a provider behind the endpoint answered so. */
  readonly isOfProvider?: boolean | undefined;
}

/** A call of an endpoint that did not give a reply. Its message is ours: it never quotes the endpoint. */
export class UpstreamFailure extends Error {
  override readonly name = "UpstreamFailure";
  readonly kind: FailureKind;
  readonly facts: FailureFacts;

  constructor(kind: FailureKind, message: string, facts: FailureFacts = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.facts = facts;
  }

  get httpStatus(): number | undefined {
    return this.facts.httpStatus;
  }

  get retryAfterMs(): number | undefined {
    return this.facts.retryAfterMs;
  }

  get parameter(): string | undefined {
    return this.facts.parameter;
  }
}
