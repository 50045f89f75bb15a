import type { ReplyFacts } from "../../domain/chat/attempt.ts";
import type { ReplyOrigin } from "../../domain/chat/chats.ts";
import { ATTEMPTS, type HeaderSink, tellEnding } from "../chat/present.ts";

/** Which Llm replied. */
export const LLM_ID = "patchbay-llm-id";
/** What the reply cost, in US dollars; absent where it is not known. */
export const COST = "patchbay-cost-usd";
/** Who counted the tokens: REPORTED by the endpoint, or ESTIMATED by us. */
export const USAGE_SOURCE = "patchbay-usage-source";
/** What of the request the model was not told, by names. */
export const DROPPED = "patchbay-dropped";

/** Tells whose reply it is. */
export function tellOrigin(
  header: HeaderSink,
  { llmId, ending }: Pick<ReplyOrigin, "llmId" | "ending">,
  dropped: readonly string[],
): void {
  header.set(LLM_ID, llmId);
  tellEnding(header, ending);
  if (dropped.length > 0) header.set(DROPPED, [...new Set(dropped)].join(", "));
}

/** What these headers would have said, as comments, where the head of an answer has left before it was known. */
export function originComment(header: ReadonlyMap<string, string>): Buffer {
  const facts = [LLM_ID, ATTEMPTS, DROPPED].flatMap((name) => {
    const value = header.get(name);
    return value === undefined ? [] : [`: ${name}: ${value}`];
  });
  return Buffer.from(`${facts.join("\n")}\n\n`);
}

/** Tells what a whole reply took. */
export function tellFacts(header: HeaderSink, { cost, source }: ReplyFacts): void {
  if (cost !== undefined) header.set(COST, dollars(cost));
  if (source !== undefined) header.set(USAGE_SOURCE, source);
}

/** What a streamed reply cost, as a comment before its last event: programs pass over comments. */
export function factsComment({ cost, source }: ReplyFacts): Buffer {
  const facts = [
    ...(cost === undefined ? [] : [`: ${COST}: ${dollars(cost)}`]),
    ...(source === undefined ? [] : [`: ${USAGE_SOURCE}: ${source}`]),
  ];
  return Buffer.from(facts.length === 0 ? "" : `${facts.join("\n")}\n\n`);
}

/** Pico-dollars as a decimal of dollars, exactly. */
function dollars(cost: bigint): string {
  const digits = cost.toString().padStart(13, "0");
  const decimals = digits.slice(-12).replace(/0+$/, "");
  return decimals === "" ? digits.slice(0, -12) : `${digits.slice(0, -12)}.${decimals}`;
}
