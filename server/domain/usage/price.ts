import type { Llm, StoredPrice } from "../../store/llm.entity.ts";
import { providerTypeOf } from "../llms/llm-values.ts";
import { type Rates, rateOf } from "./cost.ts";
import { lookUpPrice } from "./price-catalog.ts";

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
