import type { ModelPrice, TieredPrices } from "@pydantic/genai-prices";
import type { Llm, StoredPrice } from "../../store/schema/llm.entity.ts";
import { DEMO_URL } from "../../upstream/demo/demo-endpoint.ts";
import type { Billing, Usage } from "../../upstream/models/conversation.ts";
import { type ProviderType, providers, providerTypeOf } from "../../upstream/models/provider-types.ts";
import { isOtherFamily } from "../../upstream/models/same-model.ts";
import { USUAL_MOST_TOKENS } from "../limits/uses.ts";
import { costOf, type Prompt, type Rates, rateOf, tokensOf } from "./cost.ts";

/** What a model's tokens cost, and who says so. */
export interface Price {
  /** Long prompts may have rates of their own. */
  ratesFor(inputTokens: number): Rates;
  readonly source: string;
  /** The day of the price, such as 2026-11-25. */
  readonly date: string;
}

/**
 * What the tokens of an Llm cost: as its owner says, or else as its endpoint's own list does, or else as the catalog does;
 * undefined if none knows. The demo endpoint costs nothing, so that a first budget does not stop a first chat.
 */
export async function priceOf(llm: Readonly<Llm>): Promise<Price | undefined> {
  if (llm.price) return ownPrice(llm.price, providerTypeOf(llm), "owner");
  if (llm.endpointUrl === DEMO_URL) return ownPrice(freeOfCharge(), providerTypeOf(llm), "demo endpoint");
  const { listed } = llm.model;
  if (listed) return ownPrice(listed, providerTypeOf(llm), "endpoint's list");
  return lookUpPrice(providerTypeOf(llm), llm.modelIdentifier);
}

/** What a reply to a prompt may cost, in pico-dollars; undefined where there is no price. */
export async function likelyCost(
  llm: Readonly<Llm>,
  prompt: Pick<Prompt, "held" | "maxTokens">,
): Promise<bigint | undefined> {
  const price = await priceOf(llm);
  const input = prompt.held();
  const output = prompt.maxTokens() ?? USUAL_MOST_TOKENS;
  const tokens = { input, output, cacheRead: 0, cacheWrite: 0, hourCacheWrite: 0, reasoning: 0 };
  return price && costOf(tokens, price.ratesFor(input));
}

function freeOfCharge(): StoredPrice {
  return { input: "0", output: "0", setAt: Date.now() };
}

/** What of a reply its cost depends on. */
export interface CostlyReply {
  /** The model that replied, as the endpoint names it; empty when it does not. */
  readonly model: string;
  readonly usage: Usage;
  readonly billing: Billing;
}

/** A cost, and who says so. */
export interface Cost {
  /** In pico-dollars; undefined when it is not known. */
  readonly cost: bigint | undefined;
  readonly source: string | undefined;
  readonly date: string | undefined;
}

/**
 * What a reply cost. The owner's word goes first, then the reply's own, then lists. Of a reply by another model than the Llm's,
 * as the endpoint says or a name of another family does, and of one out of a gateway's cache, only its own word counts; of one in
 * a tier of its own, or with more than tokens of text, no list's.
 */
export async function costOfReply(llm: Readonly<Llm>, { model, usage, billing }: CostlyReply): Promise<Cost> {
  const own = picoDollarsOf(billing);
  const isAnothers = billing.isFallback || isOtherFamily(llm.modelIdentifier, model);
  if (own !== undefined && (isAnothers || billing.isFromCache || !llm.price)) {
    return { cost: own, source: "reply", date: dayOf(Date.now()) };
  }
  const price = isAnothers ? undefined : await priceOf(llm);
  const tokens = tokensOf(usage, billing);
  const factor = llm.price ? 1 : factorOf(providerTypeOf(llm), billing);
  if (!price || !tokens || factor === undefined) return { cost: undefined, source: price?.source, date: price?.date };
  const cost = costOf(tokens, price.ratesFor(usage.inputTokens ?? 0));
  const source = factor === 1 ? price.source : `${price.source}, ${billing.tier}`;
  return { cost: cost && cost / BigInt(1 / factor), source, date: price.date };
}

/** How list prices apply: OpenAI's flex tier costs half; what other tiers and audio cost, the lists do not say. */
function factorOf(providerType: ProviderType, { tier, hasExtras }: Billing): 1 | 0.5 | undefined {
  if (hasExtras) return undefined;
  if (tier === undefined) return 1;
  return tier === "flex" && providerType === "OPENAI" ? 0.5 : undefined;
}

function picoDollarsOf({ costPicoUsd }: Billing): bigint | undefined {
  return costPicoUsd === undefined ? undefined : BigInt(costPicoUsd);
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/**
 * A price that somebody set. What was read from a cache costs no more than what was not, so that is the bound where its rate is
 * not known; what was written to one costs more at Anthropic, by a factor that it publishes, and nothing more elsewhere.
 */
function ownPrice(price: StoredPrice, providerType: ProviderType, source: string): Price {
  const { input, cacheRead = input, cacheWrite, output, reasoning = output, setAt } = price;
  const inputRate = rateOrNone(input);
  const isAnthropic = providerType === "ANTHROPIC";
  const writeRate = rateOrNone(cacheWrite) ?? (isAnthropic ? times(inputRate, 125n) : inputRate);
  const rates: Rates = {
    input: inputRate,
    cacheRead: rateOrNone(cacheRead),
    cacheWrite: writeRate,
    hourCacheWrite: larger(writeRate, times(inputRate, HOUR_CACHE_PERCENT)),
    output: rateOrNone(output),
    reasoning: rateOrNone(reasoning),
  };
  return { ratesFor: () => rates, source, date: dayOf(setAt) };
}

/** What is written to a cache for an hour costs twice the input, by Anthropic's list. */
const HOUR_CACHE_PERCENT = 200n;

function times(rate: bigint | undefined, percent: bigint): bigint | undefined {
  return rate === undefined ? undefined : (rate * percent) / 100n;
}

function larger(one: bigint | undefined, other: bigint | undefined): bigint | undefined {
  return one === undefined || other === undefined ? undefined : one > other ? one : other;
}

function rateOrNone(dollarsPerMillion: string | undefined): bigint | undefined {
  return dollarsPerMillion === undefined ? undefined : rateOf(dollarsPerMillion);
}

/** The release of the catalog's package, and its day; a test holds it against package.json. */
export const CATALOG = { name: "@pydantic/genai-prices", version: "0.1.8", date: "2026-09-23" } as const;

/** Prices change with the hour (some providers have night rates), and looking one up is not free. */
const KEPT_MS = 60_000;
const MAX_KEPT = 1_000;
const kept = new Map<string, { readonly price: Price | undefined; readonly until: number }>();

/** The list price of a model; undefined if the catalog does not know it. It loads the catalog once, in 30 ms. */
export async function lookUpPrice(providerType: ProviderType, model: string): Promise<Price | undefined> {
  const providerId = providers[providerType].priceCatalog;
  if (!providerId) return undefined;
  const key = `${providerId}:${model}`;
  const found = kept.get(key);
  if (found && found.until > Date.now()) return found.price;
  const { calcPrice } = await import("@pydantic/genai-prices");
  const listed = calcPrice({ input_tokens: 1 }, model, { providerId, timestamp: new Date() });
  const price = listed ? listPrice(listed.model_price) : undefined;
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(key, { price, until: Date.now() + KEPT_MS });
  return price;
}

function listPrice(listed: ModelPrice): Price {
  const at = (inputTokens: number): Rates => {
    const rate = (name: string) => {
      const value = listed[name];
      return value === undefined ? undefined : rateOf(typeof value === "number" ? value : tierOf(value, inputTokens));
    };
    const output = rate("output_mtok");
    return {
      input: rate("input_mtok"),
      cacheRead: rate("cache_read_mtok"),
      cacheWrite: rate("cache_write_mtok"),
      hourCacheWrite: times(rate("input_mtok"), HOUR_CACHE_PERCENT),
      output,
      reasoning: output,
    };
  };
  const flat = Object.values(listed).every((value) => typeof value !== "object") ? at(0) : undefined;
  return {
    ratesFor: (inputTokens) => flat ?? at(inputTokens),
    source: `${CATALOG.name} ${CATALOG.version}`,
    date: CATALOG.date,
  };
}

/** The length of the whole prompt decides the rate of every token, those of the reply among them. */
function tierOf({ base, tiers }: TieredPrices, inputTokens: number): number {
  return tiers.reduce((price, tier) => (inputTokens > tier.start ? tier.price : price), base);
}
