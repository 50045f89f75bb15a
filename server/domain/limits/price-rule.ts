import { isDeepStrictEqual } from "node:util";
import { Fault } from "../../base/fault.ts";
import type { Llm, StoredPrice } from "../../store/schema/llm.entity.ts";
import { budgetOver } from "../access/grant.ts";
import type { Caller } from "../call/scope.ts";
import { holderFacts, holderName } from "./refusals.ts";

/** What a change of an Llm says of what calls cost: undefined stays as it is. */
interface Repricing {
  readonly price: StoredPrice | null | undefined;
  readonly modelIdentifier: string | undefined;
  readonly providerId: string | null | undefined;
}

/** Refuses the price of a new Llm from whoever is held by a budget: with a price of 0 there would be none. */
export function requireMayPrice(caller: Caller, price: StoredPrice | undefined): void {
  if (price) refuseHeld(caller, "price");
}

/** Refuses them another price, and to let one that somebody has said stand for another model. */
export function requireMayReprice(caller: Caller, llm: Readonly<Llm>, change: Repricing): void {
  const { price, modelIdentifier = llm.modelIdentifier, providerId = llm.provider } = change;
  if (price !== undefined && !isDeepStrictEqual(ratesOf(price), ratesOf(llm.price))) refuseHeld(caller, "price");
  if (!llm.price) return;
  if (modelIdentifier !== llm.modelIdentifier) refuseHeld(caller, "model_identifier");
  if ((providerId ?? null) !== (llm.provider ?? null)) refuseHeld(caller, "provider_id");
}

function ratesOf(price: StoredPrice | null | undefined): object | null {
  if (!price) return null;
  const rates = Object.entries(price).filter(([name, rate]) => name !== "setAt" && rate !== undefined);
  return Object.fromEntries(rates);
}

function refuseHeld(caller: Caller, field: "price" | "model_identifier" | "provider_id"): void {
  const held = budgetOver(caller);
  if (!held) return;
  const description =
    `is not for the caller to say, who is held by the budget of ${holderName(held)}: what calls cost is counted by it. ` +
    `Ask ${held.contact}`;
  throw new Fault("API_KEY_EXCEEDS_CALLER", `${field}: ${description}`, {
    fields: [{ field, description }],
    metadata: { limit: "BUDGET", ...holderFacts(held) },
  });
}
