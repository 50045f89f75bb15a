import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";

/**
 * The request that makes changes of a thing, and only these: a null clears its field by the mask, and the map of labels
 * is replaced as a whole.
 */
export function updateRequest(method: DescMethodUnary, changes: JsonObject): JsonObject {
  const names = new Map(method.input.fields.map((field) => [field.jsonName, field.name]));
  const isCleared = (field: string) => changes[field] === null && field !== "labels";
  const given = Object.entries(changes).filter(([field]) => !isCleared(field));
  const cleared = Object.keys(changes).filter(isCleared);
  const fields = Object.fromEntries(given.map(([field, value]) => replacing(names, field, value as JsonObject)));
  if (cleared.length === 0) return fields;
  // A mask names all that changes, not only what it clears.
  const masked = [...Object.keys(fields), ...cleared];
  return { ...fields, updateMask: masked.join(",") };
}

function replacing(names: ReadonlyMap<string, string>, field: string, value: JsonObject): [string, JsonObject] {
  return field === "labels" && names.has("replaceLabels") ? ["replaceLabels", { labels: value ?? {} }] : [field, value];
}
