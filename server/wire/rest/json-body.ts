import {
  type DescField,
  type DescMessage,
  fromJson,
  getOption,
  type JsonValue,
  type Message,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { FieldBehavior, field_behavior } from "../../../gen/google/api/field_behavior_pb.ts";
import { takes_back } from "../../../gen/patchbay/v1/options_pb.ts";
import { invalidField, invalidRequest, unknownName } from "../call/wire-error.ts";
import { didYouMean, fieldsOf, formOf, hasOwnForm, type ValueType, valueTypeOf, wrappedScalar } from "./fields.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** JSON whose integers may be bigints, where a number would lose digits. */
export type ExactJson = JsonValue | bigint | ExactJson[] | { [key: string]: ExactJson };

/** Parses JSON text in UTF-8. An integer that a number cannot hold becomes a bigint, so that an int64 arrives whole. */
export function parseJson(bytes: Uint8Array): ExactJson {
  try {
    const text = utf8.decode(bytes);
    return /\d{16}/.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
  } catch (error) {
    throw invalidRequest("the body is not JSON in UTF-8", error);
  }
}

/** Longer ones are no int64, and take long to read. */
const LONG_INTEGER = /^-?\d{16,20}$/;

function keepDigits(_key: string, value: ExactJson, context?: { source?: string }): ExactJson {
  const source = context?.source ?? "";
  return typeof value === "number" && LONG_INTEGER.test(source) ? BigInt(source) : value;
}

/**
 * Reads a message from its JSON, or throws an error that names the field.
 *
 * It is proto JSON, unknown fields are refused, and booleans may come as strings, as numbers may by proto JSON: some
 * clients quote everything. The strict reader goes first, so only JSON that needs it pays for the patient one. That one
 * changes the JSON.
 */
export function readMessage(desc: DescMessage, json: ExactJson, path: string, registry: Registry): Message {
  const strict = () => fromJson(desc, json as JsonValue, { registry });
  try {
    return strict();
  } catch {
    new PatientReader(registry).check(desc, json, path, 0);
  }
  try {
    return strict();
  } catch (error) {
    throw invalidRequest(`the body is no ${desc.typeName}`, error);
  }
}

/** protobuf-es stops here, too. */
const DEEPEST_JSON = 100;

/** Finds what is wrong with JSON that the strict reader refuses, and puts right what is only quoted. */
class PatientReader {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  check(desc: DescMessage, json: ExactJson, path: string, depth: number): void {
    if (depth > DEEPEST_JSON) throw invalidField(path, `is nested more than ${DEEPEST_JSON} deep`);
    if (!isObject(json)) throw invalidField(path || "body", "must be an object");
    const given = new Map<unknown, string>();
    for (const name of Object.keys(json)) {
      const fieldPath = path === "" ? name : `${path}.${name}`;
      const field = fieldsOf(desc).get(name);
      if (field === undefined) {
        if (!isTakenBack(desc, name)) throw unknownName("field", fieldPath, didYouMean(desc, name));
        delete json[name];
        continue;
      }
      const value = json[name] ?? null;
      if (value === null && field.message?.typeName !== "google.protobuf.Value") continue;
      const slot = field.oneof ?? field;
      const other = given.get(slot);
      if (other !== undefined) throw invalidField(fieldPath, `excludes \`${other}\`, give only one of them`);
      given.set(slot, name);
      json[name] = this.#checkField(field, value, fieldPath, depth);
      this.#probe(desc, field, json[name], fieldPath);
    }
  }

  #checkField(field: DescField, value: ExactJson, path: string, depth: number): ExactJson {
    const type = valueTypeOf(field);
    if (field.fieldKind === "list") {
      if (!Array.isArray(value)) throw invalidField(path, "must be an array");
      return value.map((item, index) => this.#checkValue(type, item, `${path}[${index}]`, depth));
    }
    if (field.fieldKind !== "map") return this.#checkValue(type, value, path, depth);
    if (!isObject(value)) throw invalidField(path, "must be an object");
    for (const key of Object.keys(value)) {
      value[key] = this.#checkValue(type, value[key] ?? null, `${path}[${key}]`, depth);
    }
    return value;
  }

  #checkValue(type: ValueType, value: ExactJson, path: string, depth: number): ExactJson {
    if (type.kind === "enum") return value;
    if (type.kind === "scalar") return unquote(type.scalar, value);
    const scalar = wrappedScalar(type.message);
    if (scalar !== undefined) return unquote(scalar, value);
    if (hasOwnForm(type.message)) return roundIntegers(value, path, depth);
    this.check(type.message, value, path, depth + 1);
    return value;
  }

  /** Messages have been checked field by field; the rest is left to the strict reader, one field at a time. */
  #probe(desc: DescMessage, field: DescField, value: ExactJson | undefined, path: string): void {
    const type = valueTypeOf(field);
    if (type.kind === "message" && !hasOwnForm(type.message)) return;
    try {
      fromJson(desc, { [field.jsonName]: value as JsonValue }, { registry: this.#registry });
    } catch {
      const many = field.fieldKind === "list" || field.fieldKind === "map";
      throw invalidField(path, many ? `each value ${formOf(type)}` : formOf(type));
    }
  }
}

/** Whether a field is one that the message named by `takes_back` has, and that is the server's to say. */
function isTakenBack(desc: DescMessage, name: string): boolean {
  const typeName = getOption(desc, takes_back);
  if (typeName === "") return false;
  const messages = [desc.file, ...desc.file.dependencies].flatMap((file) => file.messages);
  const source = messages.find((message) => message.typeName === typeName);
  const field = source && fieldsOf(source).get(name);
  return field !== undefined && getOption(field, field_behavior).includes(FieldBehavior.OUTPUT_ONLY);
}

export function isObject(json: ExactJson | undefined): json is { [key: string]: ExactJson } {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function unquote(scalar: ScalarType, value: ExactJson): ExactJson {
  if (scalar === ScalarType.BOOL && (value === "true" || value === "false")) return value === "true";
  if ((scalar === ScalarType.DOUBLE || scalar === ScalarType.FLOAT) && typeof value === "bigint") return Number(value);
  return value;
}

/** The numbers of a Struct are doubles. */
function roundIntegers(value: ExactJson, path: string, depth: number): ExactJson {
  if (depth > DEEPEST_JSON) throw invalidField(path, `is nested more than ${DEEPEST_JSON} deep`);
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map((item) => roundIntegers(item, path, depth + 1));
  if (!isObject(value)) return value;
  for (const key of Object.keys(value)) value[key] = roundIntegers(value[key] ?? null, path, depth + 1);
  return value;
}
