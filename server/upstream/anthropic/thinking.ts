import type { ModelRequest, Thinking } from "../models/conversation.ts";
import type { JsonObject } from "../models/json-value.ts";

/** How much a model shall think, in the words of Messages, and how long a reply may be with it. */
export interface WrittenThinking {
  readonly thinking: JsonObject;
  readonly effort?: string | undefined;
  readonly maxTokens: number | undefined;
}

/** The budgets of models that have one, by the effort that is asked for. */
const BUDGETS: Readonly<Record<NonNullable<Thinking["effort"]>, number>> = {
  none: 0,
  minimal: 1_024,
  low: 2_048,
  medium: 8_192,
  high: 16_384,
  xhigh: 32_000,
  max: 32_000,
};
/** What models that think by themselves take. */
const EFFORTS: Readonly<Record<NonNullable<Thinking["effort"]>, string>> = {
  none: "low",
  minimal: "low",
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "high",
  max: "max",
};
/** What the API asks for at least. */
const LEAST_BUDGET = 1_024;
/** For the reply behind it, if nobody limits that. */
const REPLY_TOKENS = 4_096;

/** Undefined when it is not asked for, or the API would refuse it: for this model, with a tool that must be called, or too short a reply. */
export function writeThinking(model: string, request: ModelRequest): WrittenThinking | undefined {
  const { thinking, toolChoice, sampling } = request;
  if (thinking === undefined || thinking.effort === "none") return undefined;
  const kind = thinkingOf(model);
  const isForced = toolChoice?.type === "required" || toolChoice?.type === "tool";
  if (kind === undefined || isForced || lacksThoughts(request)) return undefined;
  if (kind === "by-itself") {
    const effort = thinking.effort && EFFORTS[thinking.effort];
    return { thinking: { type: "adaptive" }, effort, maxTokens: sampling.maxTokens };
  }
  const wanted = thinking.budgetTokens ?? BUDGETS[thinking.effort ?? "medium"];
  const maxTokens = sampling.maxTokens ?? wanted + REPLY_TOKENS;
  // Both are within the one limit.
  const budget = Math.min(wanted, Math.floor(maxTokens * 0.75));
  if (budget < LEAST_BUDGET) return undefined;
  return { thinking: { type: "enabled", budget_tokens: budget }, maxTokens };
}

/** Whether a model that thinks goes on with calls of tools whose thoughts are not there: the API refuses that. */
function lacksThoughts({ messages }: ModelRequest): boolean {
  const asked = messages.findLastIndex(({ role }) => role === "user");
  return messages
    .slice(asked + 1)
    .some(({ role, toolCalls, state }) => role === "assistant" && toolCalls.length > 0 && state === undefined);
}

/** By a budget since Claude 3.7; since 4.6 a model decides by itself, and later ones take no budget. */
function thinkingOf(model: string): "by-budget" | "by-itself" | undefined {
  if (model.startsWith("claude-3-7-")) return "by-budget";
  const { major, minor } = versionOf(model);
  if (major < 4) return undefined;
  return major > 4 || minor >= 6 ? "by-itself" : "by-budget";
}

/** The version in a name such as claude-opus-4-7 or claude-sonnet-5; 0.0 where there is none. */
export function versionOf(model: string): { readonly major: number; readonly minor: number } {
  const version = /^claude-[a-z]+-(?<major>\d+)(-(?<minor>\d{1,2})(?!\d))?/.exec(model)?.groups;
  return { major: Number(version?.major ?? 0), minor: Number(version?.minor ?? 0) };
}
