import type { ReplyRecord } from "../../store/queries/usage/entry.ts";
import type { Usage } from "../../upstream/models/conversation.ts";
import { known } from "../../upstream/models/json-value.ts";
import { isCounted, type Prompt, tokensOf } from "../usage/cost.ts";

/** A template of a server may be longer than a short prompt, and says nothing of the next. */
const MOST_TIMES_MORE = 2;

/** Tokens, and who counted them; undefined when nobody could. */
export interface Count {
  readonly usage: Usage;
  readonly source: "REPORTED" | "ESTIMATED" | undefined;
}

/** What the provider counted, and an estimate in the place of what it did not; nothing is estimated that is counted. */
export function countOf(prompt: Prompt, reported: Usage, estimate: () => number | undefined): Count {
  if (isCounted(reported, () => estimate() ?? 0)) return { usage: reported, source: "REPORTED" };
  const estimated = estimate();
  // Zero of a prompt, or of a reply that says something, is no count.
  const inputTokens = reported.inputTokens || (prompt.isText() ? prompt.estimate() : undefined);
  const outputTokens = reported.outputTokens || estimated;
  const whole = known<Usage>({ ...reported, inputTokens, outputTokens });
  // Of counts that contradict what is known of both, no part is kept.
  const usage = tokensOf(whole) === undefined ? known<Usage>({ inputTokens, outputTokens }) : whole;
  const isKnown = usage.inputTokens !== undefined || usage.outputTokens !== undefined;
  return { usage, source: isKnown ? "ESTIMATED" : undefined };
}

/** How much more the provider counts than is estimated; what it counts less may be a cut of its own. */
export function tokensPerEstimate(prompt: Prompt, { inputTokens = 0 }: Usage, source: Count["source"]): number {
  if (source !== "REPORTED" || !prompt.isText()) return 1;
  return Math.min(Math.max(inputTokens / Math.max(prompt.estimate(), 1), 1), MOST_TIMES_MORE);
}

/** The tokens that a reply took, for the limits of who asked for it; undefined if nobody knows. */
export function takenBy(reply: ReplyRecord | undefined): number | undefined {
  if (!reply || reply.outcome === "REFUSED") return 0;
  const { inputTokens, outputTokens } = reply;
  return inputTokens === undefined && outputTokens === undefined ? undefined : (inputTokens ?? 0) + (outputTokens ?? 0);
}
