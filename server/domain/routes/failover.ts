import type { Fault, Reason } from "../../base/fault.ts";
import type { FailureKind } from "../../upstream/models/failure.ts";

/** How long an Llm is left alone that has failed, unless its endpoint says so: the first time, and at most. */
export interface Cooling {
  readonly firstMs: number;
  readonly mostMs: number;
}

/** What a failure before the first piece of a reply means for the rest of a route. */
export interface FailoverRule {
  /** Whether another Llm is tried: any, or only one that attends to more tokens; undefined: what is wrong is the caller's. */
  readonly next: "any" | "more-context" | undefined;
  /** Undefined: it says nothing of the next call. */
  readonly cools: Cooling | undefined;
}

/** It may be back in a moment, and nobody will say so. */
const OUTAGE: Cooling = { firstMs: 1_000, mostMs: 8_000 };
/** It is well, and has too much to do. */
const LOAD: Cooling = { firstMs: 1_000, mostMs: 30_000 };
/** Somebody has to do something first. */
const BROKEN: Cooling = { firstMs: 5_000, mostMs: 60_000 };

const outage: FailoverRule = { next: "any", cools: OUTAGE };
const load: FailoverRule = { next: "any", cools: LOAD };
const broken: FailoverRule = { next: "any", cools: BROKEN };
const callers: FailoverRule = { next: undefined, cools: undefined };

/** What fails over, by verdict. After a piece of a reply has left, nothing does; the Llm is left alone all the same. */
export const FAILOVER: Readonly<Record<FailureKind, FailoverRule>> = {
  unreachable: outage,
  cut: outage,
  timeout: outage,
  unavailable: outage,
  "bad-reply": outage,
  "rate-limited": load,
  busy: load,
  "quota-exhausted": broken,
  "key-refused": broken,
  "provider-key-refused": broken,
  "model-not-found": broken,
  "model-not-allowed": broken,
  "region-refused": broken,
  blocked: broken,
  "context-too-long": { next: "more-context", cools: undefined },
  "content-refused": callers,
  "feature-refused": callers,
  "parameter-refused": callers,
  "request-refused": callers,
};

/** That an Llm is deleted or disabled: no call goes to it, whatever is asked. */
export const GONE: ReadonlySet<Reason> = new Set<Reason>(["LLM_NOT_FOUND", "LLM_DISABLED"]);

/** Why an Llm cannot be called at all: it is passed over, and nothing was sent. */
const PASSED_OVER: ReadonlySet<Reason> = new Set<Reason>([
  ...GONE,
  "CREDENTIALS_UNREADABLE",
  "SECRET_REF_NOT_ALLOWED",
  "SECRET_REF_UNRESOLVED",
  "SECRET_SOURCE_UNAVAILABLE",
  "RESPONSE_FORMAT_NOT_SUPPORTED",
  "PRICE_UNKNOWN",
]);

/** Whether an Llm is passed over for a refusal. A budget of its owner may be its alone; the caller's own are the caller's. */
export function isPassedOver({ reason, facts }: Fault): boolean {
  return PASSED_OVER.has(reason) || (reason === "BUDGET_EXHAUSTED" && facts.metadata?.budgetId !== undefined);
}

/** An endpoint that asks for more patience than this is asked again sooner: it may have meant a date of its own. */
export const LONGEST_TOLD_MS = 600_000;
