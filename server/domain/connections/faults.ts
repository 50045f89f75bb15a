import { Fault, type Reason } from "../../base/fault.ts";
import type { Llm, StoredTest } from "../../store/schema/llm.entity.ts";
import { type FailureKind, UpstreamFailure } from "../../upstream/models/failure.ts";

/** What a program is told of each way in which an endpoint fails. */
export const UPSTREAM_REASONS: Readonly<Record<FailureKind, Reason>> = {
  blocked: "ENDPOINT_NOT_ALLOWED",
  unreachable: "UPSTREAM_UNREACHABLE",
  cut: "UPSTREAM_UNAVAILABLE",
  timeout: "UPSTREAM_TIMEOUT",
  "key-refused": "UPSTREAM_KEY_REFUSED",
  "provider-key-refused": "UPSTREAM_PROVIDER_KEY_REFUSED",
  "model-not-found": "UPSTREAM_MODEL_NOT_FOUND",
  "model-not-allowed": "UPSTREAM_MODEL_NOT_ALLOWED",
  "context-too-long": "UPSTREAM_CONTEXT_TOO_LONG",
  "content-refused": "UPSTREAM_CONTENT_REFUSED",
  "region-refused": "UPSTREAM_REGION_REFUSED",
  "feature-refused": "UPSTREAM_FEATURE_REFUSED",
  "parameter-refused": "UPSTREAM_PARAMETER_REFUSED",
  busy: "UPSTREAM_BUSY",
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

/** The refusal of any call whose endpoint failed; the metadata says for what it was made. */
export function upstreamFault(error: unknown, metadata: Readonly<Record<string, string>>): unknown {
  if (!(error instanceof UpstreamFailure)) return error;
  return new Fault(
    UPSTREAM_REASONS[error.kind],
    error.message,
    {
      metadata: { ...metadata, ...told(error) },
      ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    },
    error,
  );
}

/** What is known of a failure beside its sentence, for a program. */
function told({ kind, facts }: UpstreamFailure): Record<string, string> {
  const known = {
    upstreamHttpStatus: facts.httpStatus,
    upstreamRequestId: facts.requestId,
    parameter: facts.parameter,
    feature: facts.feature,
    promptTokens: facts.promptTokens,
    contextTokens: facts.contextTokens,
    // What was carried out nobody knows, so it may have been billed.
    requestWasSent: kind === "cut" ? "true" : undefined,
  };
  const said = Object.entries(known).filter(([, value]) => value !== undefined && value !== "");
  return Object.fromEntries(said.map(([name, value]) => [name, String(value)]));
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

/** An answer that says nothing of whether chats work: another time they may. */
const PROVES_NOTHING: ReadonlySet<string> = new Set(["INCONCLUSIVE", "RATE_LIMITED", "BUSY"]);

/** The status of an Llm or a Provider after a test of its connection. A test that proved nothing changes nothing. */
export function statusAfter({ status }: { readonly status: string }, { outcome }: StoredTest): string {
  if (outcome === "OK") return "ACTIVE";
  if (!PROVES_NOTHING.has(outcome)) return "FAILING";
  // That its credentials opened is proven.
  return status === "CREDENTIALS_UNREADABLE" ? "UNTESTED" : status;
}
