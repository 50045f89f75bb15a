import type { ModelPage, ServedModel } from "../adapter.ts";
import { asCount, asObject, asObjects, asText, asTimeMs, type JsonObject } from "../json-value.ts";

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
  return {
    id: asText(model.id),
    // OpenRouter and Mistral; Google.
    displayName: asText(model.name) || asText(model.display_name),
    ownedBy: asText(model.owned_by),
    createdAt: asTimeMs(model.created),
    maxContextLength:
      asCount(model.context_length) ?? // OpenRouter, Together
      asCount(model.max_model_len) ?? // vLLM
      asCount(model.max_context_length) ?? // Mistral
      asCount(asObject(model.meta)?.n_ctx_train), // llama.cpp
  };
}
