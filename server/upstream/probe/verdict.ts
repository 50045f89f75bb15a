import type { FailureKind, UpstreamFailure } from "../models/failure.ts";
import type { Target } from "../models/provider-types.ts";

/** The same words as `ConnectionTest.Outcome` in proto/patchbay/v1/connection_test.proto. */
export type TestOutcome =
  | "OK"
  | "KEY_REFUSED"
  | "MODEL_NOT_FOUND"
  | "UNREACHABLE"
  | "TIMEOUT"
  | "RATE_LIMITED"
  | "QUOTA_EXHAUSTED"
  | "BAD_REPLY"
  | "BLOCKED"
  | "INCONCLUSIVE"
  | "BUSY"
  | "REFUSED";

/** The same words as `ConnectionTest.Stage.Name`, in their order. */
export type StageName = "ADDRESS" | "CONNECTION" | "KEY" | "MODEL" | "REPLY" | "STREAM" | "MONITORING" | "TOOLS";

/** The same words as `ConnectionTest.Stage.State`. */
export type StageState = "PASSED" | "FAILED" | "SKIPPED" | "INCONCLUSIVE";

/** One step of a test. */
export interface TestStage {
  readonly name: StageName;
  readonly state: StageState;
  /** Empty when there is nothing to add. */
  readonly message: string;
}

/** What came of asking an endpoint for one real, small reply. */
export interface TestResult {
  readonly outcome: TestOutcome;
  /** The failure that a chat would end in; undefined when a chat works, or nothing was sent. */
  readonly failure: FailureKind | undefined;
  /** A sentence, with what to do next. */
  readonly message: string;
  readonly stages: readonly TestStage[];
  /** From sending the request to the end of the reply; 0 when nothing was sent. */
  readonly latencyMs: number;
  /** Undefined when no answer came. */
  readonly httpStatus: number | undefined;
  /** As the endpoint names it; empty when none replied. */
  readonly model: string;
  /** From sending the request to the head of the answer; undefined when none came. */
  readonly headersMs: number | undefined;
  /** From sending the request to the first piece of the reply; undefined when none came, or not in a stream. */
  readonly firstTokenMs: number | undefined;
}

/** What an attempt has proven, whatever came of it. */
export interface Proof {
  /** The status of an answer that was no refusal. */
  httpStatus?: number;
  /** As the endpoint names it; undefined as long as no model has begun to reply. */
  model?: string;
  headersMs?: number;
  firstTokenMs?: number;
}

/** Those that the verdict is about. */
const STAGES: readonly StageName[] = ["ADDRESS", "CONNECTION", "KEY", "MODEL", "REPLY", "STREAM"];

interface Verdict {
  readonly outcome: TestOutcome;
  /** The states of the stages: Passed, Failed, Skipped, Inconclusive. */
  readonly states: string;
  /** What to do next; empty where the failure itself says it. */
  readonly advice: string;
}

/**
 * What each failure proves. Only a reply proves a key: an endpoint that names an unknown model may have looked at the
 * model first, and one that limits the rate at neither.
 */
const VERDICTS: Readonly<Record<FailureKind, Verdict>> = {
  blocked: { outcome: "BLOCKED", states: "FSSSSS", advice: "" },
  cut: { outcome: "BAD_REPLY", states: "PPIIFF", advice: "" },
  unreachable: { outcome: "UNREACHABLE", states: "PFSSSS", advice: "" },
  timeout: { outcome: "TIMEOUT", states: "PPIIFF", advice: "if it is still loading the model, test again later" },
  "key-refused": { outcome: "KEY_REFUSED", states: "PPFSSS", advice: "" },
  // The endpoint took our key, and called its provider.
  "provider-key-refused": { outcome: "REFUSED", states: "PPPISS", advice: "" },
  "model-not-found": { outcome: "MODEL_NOT_FOUND", states: "PPIFSS", advice: "" },
  "model-not-allowed": { outcome: "REFUSED", states: "PPIFSS", advice: "" },
  "context-too-long": { outcome: "REFUSED", states: "PPIIFS", advice: "" },
  "content-refused": { outcome: "INCONCLUSIVE", states: "PPIIIS", advice: "" },
  "region-refused": { outcome: "REFUSED", states: "PPIIFS", advice: "" },
  "feature-refused": { outcome: "REFUSED", states: "PPIIFS", advice: "" },
  "parameter-refused": { outcome: "REFUSED", states: "PPIIFS", advice: "" },
  "request-refused": { outcome: "INCONCLUSIVE", states: "PPIIII", advice: "check the model and the provider type" },
  "rate-limited": { outcome: "RATE_LIMITED", states: "PPIIII", advice: "" },
  "quota-exhausted": { outcome: "QUOTA_EXHAUSTED", states: "PPIIFS", advice: "" },
  busy: { outcome: "BUSY", states: "PPIIIS", advice: "" },
  unavailable: { outcome: "INCONCLUSIVE", states: "PPIIII", advice: "" },
  "bad-reply": { outcome: "BAD_REPLY", states: "PPIIFF", advice: "" },
};

const STATES: Readonly<Record<string, StageState>> = { P: "PASSED", F: "FAILED", S: "SKIPPED", I: "INCONCLUSIVE" };

/** The result of a test that ended in a failure. */
export function verdictOf(
  failure: UpstreamFailure,
  target: Target,
  proof: Proof,
  latencyMs: number,
  proven?: string,
): TestResult {
  const { outcome, advice, ...verdict } = VERDICTS[failure.kind];
  const states = proven ?? verdict.states;
  const wasSent = failure.kind !== "blocked" && failure.kind !== "unreachable";
  return {
    outcome,
    failure: failure.kind,
    message: [proven === undefined ? "" : "only streamed replies come", failure.message, advice]
      .filter((part) => part !== "")
      .join("; "),
    stages: stagesOf(states, target, proof, failure.message),
    // Of a call that was not sent, the time would tell a closed port from one that drops what it gets.
    latencyMs: wasSent ? latencyMs : 0,
    httpStatus: failure.httpStatus,
    model: proof.model ?? "",
    headersMs: proof.headersMs,
    firstTokenMs: proof.firstTokenMs,
  };
}

/**
 * The result of a test in which a reply came; with a failure, if the endpoint replies but does not stream, and with a word on
 * it if another model than the one that was asked for replied.
 */
export function verdictOfReply(
  target: Target,
  proof: Proof,
  latencyMs: number,
  failure?: UpstreamFailure,
  otherModel?: string,
): TestResult {
  const states = `PPP${otherModel === undefined ? "P" : "I"}P${failure === undefined ? "P" : "F"}`;
  const replied = `the endpoint replied with the model ${quoted(proof.model ?? "", target)}, ${otherModel}`;
  const streams = failure === undefined ? "" : `, but not in a stream: ${failure.message}`;
  const message = otherModel === undefined ? `the model replied${streams}` : replied;
  const stages = stagesOf(states, target, otherModel === undefined ? proof : {}, failure?.message ?? "");
  return {
    outcome: otherModel === undefined ? "OK" : "INCONCLUSIVE",
    failure: undefined,
    message,
    stages: stages.map((stage) => (stage.name === "MODEL" && otherModel !== undefined ? { ...stage, message } : stage)),
    latencyMs,
    httpStatus: proof.httpStatus,
    model: proof.model ?? "",
    headersMs: proof.headersMs,
    firstTokenMs: proof.firstTokenMs,
  };
}

/** A name that the endpoint gave, unless it repeats the key. */
function quoted(name: string, { apiKey }: Target): string {
  const secret = apiKey?.secret.reveal();
  const isPlain = name.length <= 255 && (secret === undefined || !name.includes(secret));
  return JSON.stringify(isPlain ? name : "…");
}

/** The stages in these states: Passed, Failed, Skipped, Inconclusive. */
export function stagesOf(states: string, { apiKey }: Target, { model }: Proof, message: string): TestStage[] {
  return STAGES.map((name, index) => {
    let state = STATES[states.charAt(index)] as StageState;
    // A model that has begun to reply has proven both, however the reply ended.
    if (model !== undefined && (name === "KEY" || name === "MODEL")) state = "PASSED";
    if (name === "KEY" && apiKey === undefined && state !== "FAILED") state = "SKIPPED";
    return { name, state, message: state === "FAILED" ? message : "" };
  });
}
