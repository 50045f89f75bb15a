import type { Deprecation, ListedPrice, ModelPage, ServedModel } from "../models/adapter.ts";
import {
  asBoolean,
  asCount,
  asDate,
  asObject,
  asObjects,
  asText,
  asTexts,
  asTimeMs,
  type JsonObject,
} from "../models/json-value.ts";
import { perMillion } from "./billing.ts";

/** There are no pages. */
export function modelsQuery(): Record<string, string> {
  return {};
}

/**
 * The models of `{object: "list", data: […]}`. OpenRouter and LiteLLM have their own order and members, llama.cpp has the
 * same models a second time in Ollama's words, and Ollama writes null for none.
 */
export function readModels(body: JsonObject): ModelPage | undefined {
  const isEmpty = body.data === null && body.object === "list";
  if (!isEmpty && !Array.isArray(body.data)) return undefined;
  return { models: asObjects(body.data).map(readModel), next: undefined };
}

function readModel(model: JsonObject): ServedModel {
  const parameters = asTexts(model.supported_parameters); // OpenRouter
  const capabilities = asObject(model.capabilities); // Mistral
  return {
    id: asText(model.id),
    // OpenRouter and Mistral; Google.
    displayName: asText(model.name) || asText(model.display_name),
    ownedBy: asText(model.owned_by),
    aliases: asTexts(model.aliases), // Mistral
    createdAt: asTimeMs(model.created),
    maxContextLength:
      asCount(model.context_length) ?? // OpenRouter, Together
      asCount(model.max_model_len) ?? // vLLM
      asCount(model.max_context_length) ?? // Mistral
      asCount(asObject(model.meta)?.n_ctx) ?? // llama.cpp: of a slot, as it runs
      asCount(asObject(model.meta)?.n_ctx_train), // and as it was trained
    supportsFunctionCalling: includes(parameters, "tools") ?? asBoolean(capabilities?.function_calling),
    supportsSamplingParameters: includes(parameters, "temperature"),
    inputModalities: readModalities(model, capabilities),
    deprecation: readDeprecation(model),
    price: readPrice(model),
  };
}

/** Whether something is in a list; of an empty one nothing is known. */
function includes(list: readonly string[], item: string): boolean | undefined {
  return list.length > 0 ? list.includes(item) : undefined;
}

/** OpenRouter lists them; Mistral says whether the model sees. */
function readModalities(model: JsonObject, capabilities: JsonObject | undefined): readonly string[] | undefined {
  const listed = asTexts(asObject(model.architecture)?.input_modalities);
  if (listed.length > 0) return listed;
  const vision = asBoolean(capabilities?.vision);
  return vision === undefined ? undefined : ["text", ...(vision ? ["image"] : [])];
}

/** OpenRouter's, in dollars for a token, as texts; of a router that has none of its own it writes -1. */
function readPrice(model: JsonObject): ListedPrice | undefined {
  const pricing = asObject(model.pricing) ?? {};
  const [input, output] = [perMillion(pricing.prompt), perMillion(pricing.completion)];
  if (input === undefined || output === undefined) return undefined;
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
