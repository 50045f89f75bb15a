import type { ModelPage, ServedModel } from "../adapter.ts";
import { asCount, asObjects, asText, type JsonObject } from "../json-value.ts";

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
  return {
    id: asText(model.id),
    displayName: asText(model.display_name),
    ownedBy: "",
    createdAt: createdAt > 0 ? createdAt : undefined,
    maxContextLength: asCount(model.max_input_tokens),
  };
}
