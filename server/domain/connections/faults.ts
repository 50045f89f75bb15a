import { Fault, type Reason } from "../../base/fault.ts";
import type { Llm, StoredTest } from "../../store/schema/llm.entity.ts";
import { type FailureKind, UpstreamFailure } from "../../upstream/models/failure.ts";

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
  const isRefused = error instanceof UpstreamFailure && error.kind === "key-refused";
  const more = isRefused && llm.previousCredentials ? { previousCredentials: "true" } : {};
  return upstreamFault(error, { llmId: llm.id, ...more });
}

/** The same of any call of an endpoint; the metadata says for what it was made. */
export function upstreamFault(error: unknown, metadata: Readonly<Record<string, string>>): unknown {
  if (!(error instanceof UpstreamFailure)) return error;
  return new Fault(
    REASONS[error.kind],
    error.message,
    {
      metadata: {
        ...metadata,
        ...(error.httpStatus === undefined ? {} : { upstreamHttpStatus: String(error.httpStatus) }),
      },
      ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    },
    error,
  );
}

/** The result of a test that ended before anything was sent, because the key could not be had. */
export function testOfRefusedRef({ reason, message }: Fault): StoredTest {
  // What does not answer now proves nothing of the connection.
  const mayWork = reason === "SECRET_SOURCE_UNAVAILABLE";
  const skipped = (name: string) => ({ name, state: "SKIPPED", message: "" });
  return {
    outcome: mayWork ? "INCONCLUSIVE" : "SECRET_UNRESOLVED",
    message,
    stages: [
      ...["ADDRESS", "CONNECTION"].map(skipped),
      { name: "KEY", state: mayWork ? "INCONCLUSIVE" : "FAILED", message },
      ...["MODEL", "REPLY", "STREAM"].map(skipped),
    ],
    latencyMs: 0,
    model: "",
    testedAt: Date.now(),
  };
}
