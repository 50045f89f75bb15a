import type { DescMessage } from "@bufbuild/protobuf";
import { invalidField, unknownName } from "../call/wire-error.ts";
import type { ExactJson } from "./json-body.ts";
import { didYouMean, fieldsOf } from "./message-fields.ts";
import { hasOwnForm } from "./value-form.ts";

/**
 * The mask of what the JSON of a message sets: the paths of its fields, by proto names, sorted.
 *
 * A path ends at a list, at a map and at a message with a JSON form of its own, such as a Struct or an Any: those are
 * set as a whole. It also ends at an empty object, and at a value that is no object.
 */
export function maskOf(desc: DescMessage, json: ExactJson): string[] {
  return [...paths(desc, json, "")].sort();
}

function* paths(desc: DescMessage, json: ExactJson, prefix: string): Generator<string> {
  if (!isFilledObject(json)) return;
  for (const [name, value] of Object.entries(json)) {
    const field = fieldsOf(desc).get(name);
    if (field === undefined) throw unknownName("field", prefix + name, didYouMean(desc, name));
    const path = prefix + field.name;
    const isObject = isFilledObject(value);
    if (isObject && field.fieldKind === "message" && !hasOwnForm(field.message)) {
      yield* paths(field.message, value, `${path}.`);
    } else if (isObject && (field.fieldKind === "scalar" || field.fieldKind === "enum")) {
      throw invalidField(path, "has no fields");
    } else {
      yield path;
    }
  }
}

function isFilledObject(json: ExactJson): json is { [key: string]: ExactJson } {
  return typeof json === "object" && json !== null && !Array.isArray(json) && Object.keys(json).length > 0;
}
