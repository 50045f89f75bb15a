import type { Deprecation, ListedPrice, ModelPage, ServedModel } from "../models/adapter.ts";
import { asDate, asObject, asObjects, asText, asTexts, asTimeMs, type JsonObject } from "../models/json-value.ts";
import type { ProviderType } from "../models/provider-types.ts";
import { isInDollars, perMillion } from "./billing.ts";
import { readDescription } from "./described.ts";

/** There are no pages. */
export function modelsQuery(): Record<string, string> {
  return {};
}

/**
 * The models of `{object: "list", data: […]}`, or of `models`, as Cohere has them. OpenRouter and LiteLLM have their own order and
 * members, llama.cpp has the same models a second time in Ollama's words, and Ollama writes null for none.
 */
export function readModels(body: JsonObject, providerType?: ProviderType): ModelPage | undefined {
  const isEmpty = body.data === null && body.object === "list";
  const list = body.data ?? body.models;
  if (!isEmpty && !Array.isArray(list)) return undefined;
  const models = asObjects(list);
  return { models: models.map((model) => readModel(withParent(model, models), providerType)), next: undefined };
}

/** vLLM lists adapters without a context of their own: they run in their parent's. */
function withParent(model: JsonObject, models: readonly JsonObject[]): JsonObject {
  const parent = model.max_model_len === null && models.find(({ id }) => id === model.parent);
  return parent ? { ...model, max_model_len: parent.max_model_len } : model;
}

function readModel(model: JsonObject, providerType: ProviderType | undefined): ServedModel {
  const name = asText(model.name);
  return {
    id: asText(model.id) || name,
    // OpenRouter and Mistral; Google.
    displayName: name || asText(model.display_name),
    ownedBy: asText(model.owned_by),
    aliases: aliasesOf(model),
    createdAt: asTimeMs(model.created),
    ...readDescription(model),
    deprecation: readDeprecation(model),
    price: readPrice(model, providerType),
  };
}

/** Mistral's, and Google's: it lists a model as `models/…`, and takes it without. */
function aliasesOf(model: JsonObject): readonly string[] {
  const id = asText(model.id);
  return [...asTexts(model.aliases), ...(id.startsWith("models/") ? [id.slice("models/".length)] : [])];
}

/**
 * OpenRouter's, in dollars for a token, as texts; of a router that has none of its own it writes -1. Others have dollars of a
 * million by the same names, which are too much for a token, or another currency, or a price of each request beside: none of
 * these is read. That a model costs nothing is believed of OpenRouter alone: elsewhere it is what stands where there is no price.
 */
function readPrice(model: JsonObject, providerType: ProviderType | undefined): ListedPrice | undefined {
  const pricing = asObject(model.pricing) ?? {};
  const [input, output] = [perMillion(pricing.prompt), perMillion(pricing.completion)];
  const isWhole = isInDollars(pricing) && pricing.unit === undefined && !(Number(pricing.request) > 0);
  if (input === undefined || output === undefined || !isWhole) return undefined;
  if (input === "0" && output === "0" && providerType !== "OPEN_ROUTER") return undefined;
  return {
    input,
    output,
    cacheRead: perMillion(pricing.input_cache_read),
    cacheWrite: perMillion(pricing.input_cache_write),
  };
}

/** OpenRouter tells the last day; Mistral since when the model is deprecated, and what to use instead. */
function readDeprecation(model: JsonObject): Deprecation | undefined {
  const retiresAt = asDate(model.expiration_date);
  const deprecatedAt = asDate(model.deprecation);
  if (retiresAt === undefined && deprecatedAt === undefined) return undefined;
  return { deprecatedAt, retiresAt, successor: asText(model.deprecation_replacement_model) || undefined };
}
