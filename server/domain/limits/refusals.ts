import { Fault, invalidField } from "../../base/fault.ts";
import type { HeldLimits } from "../call/holder-limits.ts";
import type { LimitName } from "./states.ts";

/** When there is most often one call less under way. */
const CALLS_END_AFTER_MS = 1_000;

/** Whose limit it is, in words. */
export function holderName({ kind, holderId }: HeldLimits): string {
  if (kind === "ACCOUNT") return `account ${holderId}`;
  return kind === "API_KEY" ? `API key ${holderId}` : `subject ${holderId}`;
}

/** What the metadata of a refusal says of whose limit it is. */
export function holderFacts({ kind, holderId, contact }: HeldLimits): Record<string, string> {
  return { holder: kind, holderId, contact };
}

/** The refusal of who has used up what they may take in a minute. */
export function overRate(held: HeldLimits, limit: LimitName, allowed: number, retryAfterMs: number): Fault {
  const what = limit === "REQUESTS_PER_MINUTE" ? "calls of models" : "tokens";
  const resetsAt = Date.now() + retryAfterMs;
  return new Fault(
    "RATE_LIMITED",
    `${holderName(held)} may take ${allowed} ${what} a minute, and has; it begins anew at ` +
      `${new Date(resetsAt).toISOString()}. Ask ${held.contact} for more`,
    { retryAfterMs, metadata: { limit, allowed: String(allowed), resetsAt: String(resetsAt), ...holderFacts(held) } },
  );
}

/** The refusal of a call that takes more tokens than there are in a whole minute: to wait for the next would not help. */
export function tooManyTokens(held: HeldLimits, tokens: number): Fault {
  const { tokensPerMinute } = held;
  const description =
    `the prompt has about ${tokens} tokens, more than the ${tokensPerMinute} that ${holderName(held)} may take in a ` +
    `minute: send less, or ask ${held.contact} for more`;
  const { message, facts } = invalidField("messages", description);
  const metadata = { limit: "TOKENS_PER_MINUTE", allowed: String(tokensPerMinute), ...holderFacts(held) };
  return new Fault("INVALID_REQUEST", message, { ...facts, metadata });
}

/** The refusal of who has as many calls under way as they may. */
export function tooManyCalls(held: HeldLimits): Fault {
  const { parallelCalls } = held;
  return new Fault(
    "RATE_LIMITED",
    `${holderName(held)} may have ${parallelCalls} calls of models at the same time, and has; try again when one of them ` +
      `has ended. Ask ${held.contact} for more`,
    {
      retryAfterMs: CALLS_END_AFTER_MS,
      metadata: { limit: "PARALLEL_CALLS", allowed: String(parallelCalls), ...holderFacts(held) },
    },
  );
}
