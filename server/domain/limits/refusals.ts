import { Fault, invalidField } from "../../base/fault.ts";
import { plural } from "../../base/plural.ts";
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

/** The refusal of who has made as many calls as they may in a minute. */
export function overRequests(held: HeldLimits, retryAfterMs: number): Fault {
  const { requestsPerMinute } = held;
  const what = `${plural(requestsPerMinute, "call")} of models a minute, and has`;
  return overRate(held, "REQUESTS_PER_MINUTE", requestsPerMinute, retryAfterMs, what);
}

/** The refusal of a call that may take more tokens than are left of a minute's. */
export function overTokens(held: HeldLimits, tokens: number, retryAfterMs: number): Fault {
  const { tokensPerMinute } = held;
  const what =
    `${plural(tokensPerMinute, "token")} a minute, and has too few left for this call, which may take ${tokens} with its reply: ` +
    "calls under way hold what they may take";
  return overRate(held, "TOKENS_PER_MINUTE", tokensPerMinute, retryAfterMs, what);
}

function overRate(held: HeldLimits, limit: LimitName, allowed: number, retryAfterMs: number, what: string): Fault {
  const resetsAt = Date.now() + retryAfterMs;
  return new Fault(
    "RATE_LIMITED",
    `${holderName(held)} may take ${what}; it begins anew at ` +
      `${new Date(resetsAt).toISOString()}. Ask ${held.contact} for more`,
    { retryAfterMs, metadata: { limit, allowed: String(allowed), resetsAt: String(resetsAt), ...holderFacts(held) } },
  );
}

/** The refusal of a call that takes more tokens than there are in a whole minute: to wait for the next would not help. */
export function tooManyTokens(held: HeldLimits, tokens: number): Fault {
  const { tokensPerMinute } = held;
  const description =
    `the prompt has about ${plural(tokens, "token")}, more than the ${tokensPerMinute} that ${holderName(held)} may take in a ` +
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
    `${holderName(held)} may have ${plural(parallelCalls, "call")} of models at the same time, and has; try again when one of them ` +
      `has ended. Ask ${held.contact} for more`,
    {
      retryAfterMs: CALLS_END_AFTER_MS,
      metadata: { limit: "PARALLEL_CALLS", allowed: String(parallelCalls), ...holderFacts(held) },
    },
  );
}
