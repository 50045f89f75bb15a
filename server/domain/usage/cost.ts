import { estimateTokenCount } from "tokenx";
import type { Billing, ChatMessage, ModelRequest, Reply, ToolCall, Usage } from "../../upstream/models/conversation.ts";

/** What is asked of a model, as far as its cost can be told before the reply is there. Nothing is reckoned that nobody asks for. */
export interface Prompt {
  /** How many tokens it has, roughly. */
  estimate(): number;
  /** How many are held for it before they are counted: with what APIs put around what is said. */
  held(): number;
  /** Whether it is all text: what images come to is only known to the provider. */
  isText(): boolean;
  /** How many tokens the reply may have; undefined when nothing limits it. */
  maxTokens(): number | undefined;
}

/** The kinds of tokens that are billed, each on its own: no token is of two kinds. */
const KINDS = ["input", "cacheRead", "cacheWrite", "hourCacheWrite", "output", "reasoning"] as const;

export type TokenKind = (typeof KINDS)[number];

/** How many tokens of each kind. */
export type Tokens = Readonly<Record<TokenKind, number>>;

/** Pico-dollars a token of each kind; a kind without a rate has no price, and is not free. */
export type Rates = { readonly [Kind in TokenKind]?: bigint | undefined };

/** What tokens cost, in pico-dollars; undefined when the rate of a kind that was used is unknown. */
export function costOf(tokens: Tokens, rates: Rates): bigint | undefined {
  let cost = 0n;
  for (const kind of KINDS) {
    if (tokens[kind] === 0) continue;
    const rate = rates[kind];
    if (rate === undefined) return undefined;
    cost += BigInt(tokens[kind]) * rate;
  }
  return cost;
}

/**
 * The tokens of a reply by kind; undefined unless prompt and reply were both counted. A provider that says nothing of
 * caches or reasoning had none to bill for: without a count of its own, a token is billed at the rate of the whole.
 */
export function tokensOf(usage: Usage, { hourCacheTokens = 0 }: Billing = {}): Tokens | undefined {
  const { inputTokens, outputTokens, cacheReadTokens = 0, cacheWriteTokens = 0, reasoningTokens = 0 } = usage;
  if (inputTokens === undefined || outputTokens === undefined || hourCacheTokens > cacheWriteTokens) return undefined;
  const input = inputTokens - cacheReadTokens - cacheWriteTokens;
  const output = outputTokens - reasoningTokens;
  // Counts that contradict each other are no counts.
  if (input < 0 || output < 0) return undefined;
  return {
    input,
    cacheRead: cacheReadTokens,
    cacheWrite: cacheWriteTokens - hourCacheTokens,
    hourCacheWrite: hourCacheTokens,
    output,
    reasoning: reasoningTokens,
  };
}

/** The rate for so many US dollars a million tokens; of more than six decimals, the rest is rounded. */
export function rateOf(dollarsPerMillion: string | number): bigint {
  return BigInt(Math.round(Number(dollarsPerMillion) * 1e6));
}

/** A reply of so many words is no reply of no tokens. */
const SURELY_A_TOKEN = 4;

/**
 * Whether the counts that came with a reply prove that somebody counted: a prompt has a token, and so has what was said. A
 * usage of zeros is what gateways write in the place of one that they did not get; counts that contradict each other are none.
 * What was said is only estimated where it decides.
 */
export function isCounted(usage: Usage, estimateOutput: () => number): boolean {
  const { inputTokens = 0, outputTokens } = usage;
  if (inputTokens <= 0 || outputTokens === undefined || tokensOf(usage) === undefined) return false;
  return outputTokens > 0 || estimateOutput() <= SURELY_A_TOKEN;
}

/** What APIs put around each message, in tokens: 3, and 1 for a name, by OpenAI's cookbook "How to count tokens with tiktoken". */
export const TOKENS_A_MESSAGE = 4;
/** What they begin the reply with, which is of the prompt, by the same. */
export const TOKENS_BEFORE_A_REPLY = 3;
/** As much as providers bill for a large image. */
export const TOKENS_AN_IMAGE = 1_600;

/** How many tokens a text has, roughly: within a tenth for prose and code, a third more for Chinese. */
export function estimateText(text: string): number {
  return text === "" ? 0 : estimateTokenCount(text);
}

/** How many tokens messages have, roughly. */
export function estimateMessages(messages: readonly ChatMessage[]): number {
  let tokens = 0;
  for (const { parts, toolCalls } of messages) {
    tokens += TOKENS_A_MESSAGE + estimateCalls(toolCalls);
    for (const part of parts) tokens += part.type === "text" ? estimateText(part.text) : TOKENS_AN_IMAGE;
  }
  return tokens;
}

/** How many tokens calls of tools have, roughly. */
export function estimateCalls(calls: readonly ToolCall[]): number {
  return calls.reduce((sum, call) => sum + estimateText(call.name) + estimateText(call.arguments), 0);
}

/** How many tokens a reply has, roughly. */
export function estimateReply({ text, reasoning, toolCalls }: Pick<Reply, "text" | "reasoning" | "toolCalls">): number {
  return estimateText(text) + estimateText(reasoning) + estimateCalls(toolCalls);
}

/** How many tokens a prompt has, roughly. */
export function estimatePrompt({ messages, tools }: ModelRequest): number {
  return estimateMessages(messages) + (tools.length > 0 ? estimateText(JSON.stringify(tools)) : 0);
}

/** Whether a prompt is all text: what images come to is only known to the provider. */
export function isText({ messages }: ModelRequest): boolean {
  return messages.every(({ parts }) => parts.every(({ type }) => type === "text"));
}

/** A request of ours as a prompt. */
export function promptOf(request: ModelRequest): Prompt {
  return {
    estimate: () => estimatePrompt(request),
    held: () => estimatePrompt(request) + TOKENS_BEFORE_A_REPLY,
    isText: () => isText(request),
    maxTokens: () => request.sampling.maxTokens,
  };
}
