import type { Thinking } from "../models/conversation.ts";
import type { JsonObject } from "../models/json-value.ts";
import type { ProviderType, Target } from "../models/provider-types.ts";

/**
 * OpenAI's reasoning models (the o series, and gpt-5 and later but gpt-5-chat, fine-tuned ones too) refuse `max_tokens`
 * and every sampling parameter. By their own name they are met at OpenAI and, as on Azure, at custom endpoints; proxies
 * such as OpenRouter and LiteLLM translate by themselves.
 */
export function isReasoningModel(providerType: ProviderType, model: string): boolean {
  const isAtOpenAi = providerType === "OPENAI" || providerType === "CUSTOM_OPENAI_COMPATIBLE";
  return isAtOpenAi && /^(ft:)?(o\d|gpt-(?!5-chat)([5-9]|[12]\d))/.test(model);
}

/** Whether an endpoint is told how much to think: by OpenRouter always, else only for models that are known to take it. */
export function takesThinking({ providerType, model }: Target): boolean {
  if (providerType === "OPEN_ROUTER" || isReasoningModel(providerType, model)) return true;
  return providerType === "LITELLM_PROXY" && /(^|\/)(o\d|gpt-(?!5-chat)([5-9]|[12]\d))/.test(model);
}

/** How much to think, in the words of chat completions; nothing where the model is to decide, or does not take it. */
export function writeThinking(target: Target, thinking: Thinking): JsonObject {
  if (!takesThinking(target)) return {};
  const { effort, budgetTokens } = thinking;
  if (target.providerType === "OPEN_ROUTER") {
    if (budgetTokens !== undefined) return { reasoning: { max_tokens: budgetTokens } };
    return effort === undefined ? { reasoning: { enabled: true } } : { reasoning: { effort: orLess(effort) } };
  }
  const word = effort ?? (budgetTokens === undefined ? undefined : effortFor(budgetTokens));
  return word === undefined ? {} : { reasoning_effort: least(target.model, orLess(word)) };
}

/** The effort that a budget of tokens comes to. */
function effortFor(budgetTokens: number): "low" | "medium" | "high" {
  if (budgetTokens < 4_096) return "low";
  return budgetTokens < 16_384 ? "medium" : "high";
}

/** The most that all models take which take any. */
function orLess(effort: NonNullable<Thinking["effort"]>): string {
  return effort === "xhigh" || effort === "max" ? "high" : effort;
}

/** Not to think at all is what GPT-5.1 began with, and to think a minimum GPT-5. */
function least(model: string, effort: string): string {
  const isOld = /(^|\/)o\d/.test(model);
  if (effort === "none" && !/gpt-5\.[1-9]/.test(model)) return isOld ? "low" : "minimal";
  return effort === "minimal" && isOld ? "low" : effort;
}
