import type { Deprecation, ModelPage, ServedModel } from "../models/adapter.ts";
import { asBoolean, asCount, asDate, asObject, asObjects, asText, type JsonObject } from "../models/json-value.ts";

/** The most that a page may have. */
const PAGE_SIZE = "1000";

export function modelsQuery(after: string | undefined): Record<string, string> {
  return { limit: PAGE_SIZE, ...(after === undefined ? {} : { after_id: after }) };
}

/** The models of `{data: […], has_more, last_id}`. */
export function readModels(body: JsonObject): ModelPage | undefined {
  if (!Array.isArray(body.data)) return undefined;
  const lastId = asText(body.last_id);
  return {
    models: asObjects(body.data).map(readModel),
    next: body.has_more === true && lastId !== "" ? lastId : undefined,
  };
}

function readModel(model: JsonObject): ServedModel {
  const createdAt = Date.parse(asText(model.created_at));
  const seesImages = asBoolean(asObject(asObject(model.capabilities)?.image_input)?.supported);
  return {
    id: asText(model.id),
    displayName: asText(model.display_name),
    ownedBy: "",
    aliases: [],
    createdAt: createdAt > 0 ? createdAt : undefined,
    maxContextLength: asCount(model.max_input_tokens),
    maxOutputTokens: asCount(model.max_tokens),
    supportsFunctionCalling: undefined,
    supportsSamplingParameters: undefined,
    inputModalities: seesImages === undefined ? undefined : ["text", ...(seesImages ? ["image"] : [])],
    deprecation: readDeprecation(model),
  };
}

/** What is retired is not listed; that the last day of a listed model is over does not mean that the model is. */
function readDeprecation(model: JsonObject): Deprecation | undefined {
  if (model.lifecycle !== "deprecated") return undefined;
  return { deprecatedAt: asDate(model.deprecated_at), retiresAt: asDate(model.retires_at), successor: undefined };
}
