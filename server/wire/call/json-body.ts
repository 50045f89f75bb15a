import {
  type DescField,
  type DescMessage,
  fromJson,
  getOption,
  hasOption,
  type JsonValue,
  type Message,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { field as rulesOfField } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { plain_as } from "../../../gen/patchbay/v1/options_pb.ts";
import { describeSyntax } from "../../base/json-syntax.ts";
import {
  didYouMean,
  enumValueOf,
  fieldsOf,
  formOf,
  formOfField,
  hasOwnForm,
  type ValueType,
  valueTypeOf,
  wrappedScalar,
} from "./fields.ts";
import { isServersOwn, wasRead } from "./read-back.ts";
import { type Spelling, spellingIn } from "./spelling.ts";
import { invalidField, invalidFields, invalidRequest, type Problem } from "./wire-error.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** JSON whose integers may be bigints, where a number would lose digits. */
export type ExactJson = JsonValue | bigint | ExactJson[] | { [key: string]: ExactJson };

/** Parses JSON text in UTF-8. An integer that a number cannot hold becomes a bigint, so that an int64 arrives whole. */
export function parseJson(bytes: Uint8Array): ExactJson {
  try {
    const text = utf8.decode(bytes);
    return /\d{16}/.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
  } catch (error) {
    throw invalidRequest(describeSyntax(bytes, error), error);
  }
}

/** Longer ones are no int64, and take long to read. */
const LONG_INTEGER = /^-?\d{16,20}$/;

function keepDigits(_key: string, value: ExactJson, context?: { source?: string }): ExactJson {
  const source = context?.source ?? "";
  return typeof value === "number" && LONG_INTEGER.test(source) ? BigInt(source) : value;
}

/**
 * Reads a message from its JSON, or throws an error that names the field, as the caller writes names.
 *
 * It is proto JSON, unknown fields are refused, and booleans may come as strings, as numbers may by proto JSON: some
 * clients quote everything. The strict reader goes first, so only JSON that needs it pays for the patient one. That one
 * changes the JSON.
 */
export function readMessage(
  desc: DescMessage,
  json: ExactJson,
  path: string,
  registry: Registry,
  spell = spellingIn(desc, json),
): Message {
  const strict = () => fromJson(desc, json as JsonValue, { registry });
  refuseEmptyLists(desc, json);
  try {
    return strict();
  } catch {
    new PatientReader(registry, spell).read(desc, json, path);
  }
  try {
    return strict();
  } catch (error) {
    throw invalidRequest(`the body is no ${desc.typeName}`, error);
  }
}

/** Refuses an empty list of what cannot be cleared: a message does not have it, so that it would change nothing and nobody said so. */
function refuseEmptyLists(desc: DescMessage, json: ExactJson): void {
  if (!isObject(json)) return;
  for (const [name, value] of Object.entries(json)) {
    if (!Array.isArray(value) || value.length > 0) continue;
    const field = fieldsOf(desc).get(name);
    const rule = field && hasOption(field, rulesOfField) ? getOption(field, rulesOfField).type : undefined;
    if (rule?.case === "repeated" && rule.value.minItems > 0n) {
      throw invalidField(name, "cannot be empty; a change that leaves it out keeps what there is");
    }
  }
}

/** protobuf-es stops here, too. */
const DEEPEST_JSON = 100;

/** More than this is not told at once. */
const MAX_PROBLEMS = 20;

/** Finds all that is wrong with JSON that the strict reader refuses, and puts right what is only written otherwise. */
class PatientReader {
  readonly #registry: Registry;
  readonly #spell: Spelling;
  readonly #problems: Problem[] = [];

  constructor(registry: Registry, spell: Spelling) {
    this.#registry = registry;
    this.#spell = spell;
  }

  /** Throws what is wrong, if anything is. */
  read(desc: DescMessage, json: ExactJson, path: string): void {
    this.#check(desc, json, path, 0);
    if (this.#problems.length > 0) throw invalidFields(this.#problems.slice(0, MAX_PROBLEMS));
  }

  #check(desc: DescMessage, json: ExactJson, path: string, depth: number): void {
    if (depth > DEEPEST_JSON) throw invalidField(path, `is nested more than ${DEEPEST_JSON} deep`);
    if (!isObject(json)) {
      if (path === "") this.#refuse("body", `must be an object${whatIsNoObject(json)}`);
      else this.#refuse(path, formOf({ kind: "message", message: desc }, json, this.#spell));
      return;
    }
    const given = new Map<unknown, string>();
    const isRead = wasRead(desc, json);
    for (const name of Object.keys(json)) {
      const fieldPath = path === "" ? name : `${path}.${name}`;
      const field = fieldsOf(desc).get(name);
      if (field === undefined) {
        this.#checkUnknown(desc, json, name, fieldPath, isRead);
        continue;
      }
      const value = json[name] ?? null;
      const isOwnName = name === field.jsonName || name === field.name;
      if (!isOwnName) delete json[name];
      if (value === null && field.message?.typeName !== "google.protobuf.Value") continue;
      const slot = field.oneof ?? field;
      const other = given.get(slot);
      if (other !== undefined) {
        this.#refuse(fieldPath, `excludes \`${other}\`, give only one of them`);
        continue;
      }
      given.set(slot, name);
      const before = this.#problems.length;
      const read = this.#checkField(field, value, fieldPath, depth);
      json[isOwnName ? name : field.jsonName] = read;
      if (this.#problems.length === before) this.#probe(desc, field, read, fieldPath);
    }
  }

  /** What the server says of a thing may come back with all of it, and is left out; by itself it is a wish that is not granted. */
  #checkUnknown(
    desc: DescMessage,
    json: { [name: string]: ExactJson },
    name: string,
    path: string,
    isRead: boolean,
  ): void {
    const remark = didYouMean(desc, name, this.#spell);
    if (!isServersOwn(desc, name)) this.#refuse(path, `unknown field \`${path}\`${remark}`, true);
    else if (isRead) delete json[name];
    else this.#refuse(path, `\`${path}\` is the server's to say, and no change sets it${remark}`, true);
  }

  #refuse(field: string, description: string, isSentence = false): void {
    this.#problems.push({ field, description, isSentence });
  }

  #checkField(field: DescField, value: ExactJson, path: string, depth: number): ExactJson {
    const type = valueTypeOf(field);
    if (typeof value === "number" && isDecimal(field)) return plainDecimal(value);
    if (field.fieldKind === "list") {
      if (Array.isArray(value)) {
        return value.map((item, index) => this.#checkValue(type, item, `${path}[${index}]`, depth));
      }
      this.#refuse(path, "must be an array, [ and ] around its items, also around one");
    } else if (field.fieldKind !== "map") {
      return this.#checkValue(type, value, path, depth);
    } else if (isObject(value)) {
      for (const key of Object.keys(value)) {
        value[key] = this.#checkValue(type, value[key] ?? null, `${path}[${key}]`, depth);
      }
    } else {
      this.#refuse(path, "must be an object of names with their values");
    }
    return value;
  }

  #checkValue(type: ValueType, value: ExactJson, path: string, depth: number): ExactJson {
    if (type.kind === "enum") return typeof value === "string" ? (enumValueOf(type.enum, value)?.name ?? value) : value;
    if (type.kind === "scalar") return unquote(type.scalar, value);
    const scalar = wrappedScalar(type.message);
    if (scalar !== undefined) return unquote(scalar, value);
    if (hasOwnForm(type.message)) return roundIntegers(value, path, depth);
    const whole = unfold(type.message, value);
    this.#check(type.message, whole, path, depth + 1);
    return whole;
  }

  /** Messages have been checked field by field; the rest is left to the strict reader, one field at a time. */
  #probe(desc: DescMessage, field: DescField, value: ExactJson | undefined, path: string): void {
    const type = valueTypeOf(field);
    if (type.kind === "message" && !hasOwnForm(type.message)) return;
    try {
      fromJson(desc, { [field.jsonName]: value as JsonValue }, { registry: this.#registry });
    } catch {
      this.#refuse(path, formOfField(field, value, this.#spell));
    }
  }
}

/** The JSON of a message that a plain object may stand for: its map is told from it by holding an object, not texts. */
function unfold(desc: DescMessage, value: ExactJson): ExactJson {
  const name = getOption(desc, plain_as);
  if (name === "" || !isObject(value)) return value;
  const isWhole = Object.keys(value).every((key) => key === name && isObject(value[key]));
  return isWhole && Object.keys(value).length > 0 ? value : { [name]: value };
}

/** Whether a text is a decimal number by its rule, so that a number may stand for it. */
function isDecimal(field: DescField): boolean {
  if (field.scalar !== ScalarType.STRING || !hasOption(field, rulesOfField)) return false;
  const { type } = getOption(field, rulesOfField);
  return type.case === "string" && type.value.pattern.startsWith("^[0-9]{1,");
}

/** Without an exponent, which no decimal text has. */
function plainDecimal(value: number): string {
  return /e/.test(String(value)) ? value.toFixed(12).replace(/\.?0+$/, "") : String(value);
}

/** What a body is that is JSON and no object, where that tells how it came about. */
function whatIsNoObject(json: ExactJson): string {
  if (Array.isArray(json)) return ", and is a list: send what is in it one by one";
  if (typeof json !== "string") return "";
  return /^\s*[{[]/.test(json) ? ", and is a text with JSON in it: it was made JSON twice" : ", and is a text";
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
