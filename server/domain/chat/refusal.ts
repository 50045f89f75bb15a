import { Fault, type Reason } from "../../base/fault.ts";
import type { Llm } from "../../store/llm.entity.ts";
import { type FailureKind, UpstreamFailure } from "../../upstream/failure.ts";

const REASONS: Readonly<Record<FailureKind, Reason>> = {
  blocked: "ENDPOINT_NOT_ALLOWED",
  unreachable: "UPSTREAM_UNAVAILABLE",
  timeout: "UPSTREAM_TIMEOUT",
  "key-refused": "UPSTREAM_KEY_REFUSED",
  "model-not-found": "UPSTREAM_MODEL_NOT_FOUND",
  "request-refused": "UPSTREAM_REQUEST_REFUSED",
  "rate-limited": "UPSTREAM_RATE_LIMITED",
  "quota-exhausted": "UPSTREAM_QUOTA_EXHAUSTED",
  unavailable: "UPSTREAM_UNAVAILABLE",
  "bad-reply": "UPSTREAM_BAD_REPLY",
};

/** The refusal of a chat whose endpoint failed; every other error stays what it is. */
export function refusalOf(error: unknown, llm: Readonly<Llm>): unknown {
  if (!(error instanceof UpstreamFailure)) return error;
  return new Fault(
    REASONS[error.kind],
    error.message,
    {
      metadata: {
        llmId: llm.id,
        ...(error.kind === "key-refused" && llm.previousCredentials ? { previousCredentials: "true" } : {}),
        ...(error.httpStatus === undefined ? {} : { upstreamHttpStatus: String(error.httpStatus) }),
      },
      ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    },
    error,
  );
}
