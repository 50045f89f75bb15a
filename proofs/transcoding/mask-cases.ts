/** Cases about the masks that the body of a PATCH comes to. */
import type { DescField, DescMessage, FileRegistry } from "@bufbuild/protobuf";
import { fieldsOf } from "../../server/wire/call/fields.ts";
import { parseJson } from "../../server/wire/call/json-body.ts";
import { maskOf } from "../../server/wire/rest/read-request.ts";
import { messageType } from "./case-types.ts";
import { attempt, compare, type Verdict } from "./verdict.ts";

/** A body and the paths that it sets. */
export interface MaskCase {
  readonly message: string | null;
  readonly body: string;
  readonly expect: { readonly paths?: readonly string[]; readonly error?: boolean };
}

/** Runs a case of `field_mask`. */
export function checkMask(given: MaskCase, registry: FileRegistry): Verdict {
  const { paths, error } = given.expect;
  if (given.message === null) return compare(given, paths, []); // No body, no message: nothing is read.
  const desc = messageType(registry, given.message);
  const got = attempt(() => maskOf(desc, parseJson(Buffer.from(given.body))));
  if (error || got instanceof Error)
    return compare(given, error === true ? "an error" : paths, got instanceof Error ? "an error" : got);
  const whole = (paths ?? []).map((path) => upToStruct(desc, path));
  const isShortened = whole.some((path, index) => path !== paths?.[index]);
  const reason = "a path ends at a Struct or a Value: what is inside are no fields, and a FieldMask names fields only";
  return compare(given, [...new Set(whole)].sort(), got, isShortened ? [reason] : []);
}

/** A path, cut after the first field that holds free-form JSON. */
function upToStruct(root: DescMessage, path: string): string {
  const kept: string[] = [];
  let desc: DescMessage | undefined = root;
  for (const name of path.split(".")) {
    const field: DescField | undefined = desc && fieldsOf(desc).get(name);
    kept.push(name);
    if (/^google\.protobuf\.(Struct|Value|ListValue)$/.test(field?.message?.typeName ?? "")) break;
    desc = field?.message;
  }
  return kept.join(".");
}
