import type { ModelPrice, TieredPrices } from "@pydantic/genai-prices";
import type { Llm, StoredPrice } from "../../store/schema/llm.entity.ts";
import { type ProviderType, providers } from "../../upstream/models/provider-types.ts";
import { providerTypeOf } from "../connections/provider-type.ts";
import { type Rates, rateOf } from "./cost.ts";

/** What a model's tokens cost, and who says so. */
export interface Price {
  /** Long prompts may have rates of their own. */
  ratesFor(inputTokens: number): Rates;
  readonly source: string;
  /** The day of the price, such as 2026-11-25. */
  readonly date: string;
}

/** What the tokens of an Llm cost: as its owner says, or else as the catalog does; undefined if neither knows. */
export async function priceOf(llm: Readonly<Llm>): Promise<Price | undefined> {
  return llm.price ? ownPrice(llm.price) : lookUpPrice(providerTypeOf(llm), llm.modelIdentifier);
}

function ownPrice({ input, cacheRead, cacheWrite, output, reasoning = output, setAt }: StoredPrice): Price {
  const rates: Rates = {
    input: rateOrNone(input),
    cacheRead: rateOrNone(cacheRead),
    cacheWrite: rateOrNone(cacheWrite),
    output: rateOrNone(output),
    reasoning: rateOrNone(reasoning),
  };
  return { ratesFor: () => rates, source: "owner", date: new Date(setAt).toISOString().slice(0, 10) };
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
