import type { Billing } from "../models/conversation.ts";
import { asCount, asObject, asText, type JsonObject, known } from "../models/json-value.ts";
import type { ProviderType } from "../models/provider-types.ts";

/** Provider types whose servers are no resellers: what they may write of a cost is not known to be one. */
const SAY_NO_COST: ReadonlySet<ProviderType> = new Set(["OPENAI", "VLLM", "OLLAMA", "LLAMA_CPP", "DASHSCOPE"]);

/** What a chat completion, or a chunk of a streamed one, says of what it costs. */
export function readBilling(body: JsonObject, providerType: ProviderType | undefined): Billing {
  const usage = asObject(body.usage) ?? {};
  return known<Billing>({
    costPicoUsd: providerType !== undefined && SAY_NO_COST.has(providerType) ? undefined : costIn(usage, providerType),
    tier: tierIn(asText(body.service_tier)),
    hourCacheTokens: hourCacheIn(usage),
    hasExtras: hasAudio(usage) || undefined,
  });
}

/** The tiers that cost what the list says. */
const USUAL_TIERS = new Set(["", "default", "standard", "auto", "on_demand"]);

function tierIn(tier: string): string | undefined {
  return USUAL_TIERS.has(tier) ? undefined : tier;
}

/**
 * In dollars: `cost` of OpenRouter and LiteLLM, with what the provider takes from the account that it is called with there;
 * `total_cost` of Perplexity, ticks of xAI, `estimated_cost` of DeepInfra. LiteLLM writes 0 of what it has no price for.
 */
function costIn(usage: JsonObject, providerType: ProviderType | undefined): number | undefined {
  const ticks = asCount(usage.cost_in_usd_ticks);
  if (ticks !== undefined) return ticks * 100;
  const costs = asObject(usage.cost);
  const cost = amount(usage.cost) ?? amount(costs?.total_cost) ?? amount(usage.estimated_cost);
  if (!isInDollars(usage) || (costs && !isInDollars(costs))) return undefined;
  if (cost === undefined || (cost === 0 && providerType !== "OPEN_ROUTER")) return undefined;
  if (usage.is_byok !== true) return picoDollars(cost);
  const upstream = amount(asObject(usage.cost_details)?.upstream_inference_cost);
  return upstream === undefined ? undefined : picoDollars(cost + upstream);
}

/** The pico-dollars of an amount in dollars. */
export function picoDollars(dollars: number): number {
  return Math.round(dollars * 1e12);
}

/** No model asks a thousand dollars of a million tokens: what is more is the price of something else. */
const MOST_A_TOKEN = 0.001;

/** Of a price for a token, that for a million, as a decimal string; undefined when it is none. */
export function perMillion(dollars: unknown): string | undefined {
  const rate = amount(dollars);
  return rate === undefined || rate > MOST_A_TOKEN ? undefined : String(Math.round(rate * 1e12) / 1e6);
}

/** Whether nothing says that amounts are in another currency. */
export function isInDollars({ currency }: JsonObject): boolean {
  return /^(usd|us\$|\$|us dollars?|dollars?|)$/i.test(asText(currency));
}

/** Some write a number as a text. */
function amount(value: unknown): number | undefined {
  const number = typeof value === "string" && /^\d/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) && number >= 0 && number < 1_000 ? number : undefined;
}

/** LiteLLM passes on what Anthropic says of it. */
function hourCacheIn(usage: JsonObject): number | undefined {
  const details = asObject(asObject(usage.prompt_tokens_details)?.cache_creation_token_details);
  return asCount(details?.ephemeral_1h_input_tokens) || undefined;
}

/** Audio has prices of its own. */
function hasAudio(usage: JsonObject): boolean {
  const details = [usage.prompt_tokens_details, usage.completion_tokens_details].map(asObject);
  return details.some((detail) => (asCount(detail?.audio_tokens) ?? 0) > 0);
}
