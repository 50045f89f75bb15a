import {
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { FieldError } from "./field-names.ts";
import { nearestOf } from "./nearest.ts";

/** Says what is wrong with the JSON of a message: the path of a field, and what would be right. */
export function explainJson(schema: DescMessage, input: JsonObject, error: unknown): FieldError {
  const { path, description } = findWrong(schema, input, "") ?? {
    path: schema.name,
    description: (error as Error).message,
  };
  return new FieldError(path, description, error);
}

interface Wrong {
  readonly path: string;
  readonly description: string;
}

function findWrong(schema: DescMessage, value: JsonObject, path: string): Wrong | undefined {
  if (schema.typeName.startsWith("google.protobuf.")) return undefined;
  const fields = fieldsOf(schema);
  for (const [name, inner] of Object.entries(value)) {
    const field = fields.get(name);
    if (!field) return { path: `${path}${name}`, description: unknownField(schema, name, path) };
    const found = partsOf(field, inner).map((part) => findWrong(part.schema, part.value, `${path}${name}${part.at}.`));
    const first = found.find((each) => each !== undefined);
    if (first) return first;
    if (!canBe(schema, { [name]: inner ?? null })) return { path: `${path}${name}`, description: kindOf(field) };
  }
  return undefined;
}

function unknownField({ fields }: DescMessage, name: string, path: string): string {
  const known = fields.map(({ jsonName }) => jsonName);
  const [nearest] = nearestOf(name, known);
  return `there is no such field. ${nearest ? `Did you mean ${path}${nearest}?` : `Known are: ${known.join(", ")}.`}`;
}

function canBe(schema: DescMessage, value: JsonObject): boolean {
  try {
    fromJson(schema, value);
    return true;
  } catch {
    return false;
  }
}

/** What a field takes; what it was given is not repeated, as it may be a secret. */
function kindOf(field: DescField): string {
  if (field.fieldKind === "map") return "must be an object of names with their values";
  const one = field.enum
    ? `one of ${wordsOf(field.enum).join(", ")}`
    : field.message
      ? "an object"
      : field.scalar === ScalarType.STRING
        ? "a text"
        : field.scalar === ScalarType.BOOL
          ? "true or false"
          : "a number";
  return field.fieldKind === "list" ? `must be a list, each ${one}` : `must be ${one}`;
}

/** The words of an enum, without the one that says nothing. */
export function wordsOf({ values }: DescEnum): string[] {
  return values.filter(({ number }) => number !== 0).map(({ localName }) => localName);
}

function fieldsOf(schema: DescMessage): ReadonlyMap<string, DescField> {
  return new Map(schema.fields.flatMap((field) => [[field.jsonName, field] as const, [field.name, field]]));
}

interface Part {
  readonly schema: DescMessage;
  readonly value: JsonObject;
  /** Which of a list it is: `[0]`. */
  readonly at: string;
}

/** The messages that a field holds. */
function partsOf(field: DescField, value: JsonValue | undefined): Part[] {
  const schema = field.message;
  if (!schema || field.fieldKind === "map") return [];
  if (field.fieldKind !== "list") return isObject(value) ? [{ schema, value, at: "" }] : [];
  const values = Array.isArray(value) ? value : [];
  return values.flatMap((each, index) => (isObject(each) ? [{ schema, value: each, at: `[${index}]` }] : []));
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** YAML reads `2.5` as a number and `yes` as a text: where a field is a text, a number or a claim is taken as one. */
export function lenient(schema: DescMessage, value: JsonValue): JsonValue {
  if (!isObject(value) || schema.typeName.startsWith("google.protobuf.")) return value;
  const fields = fieldsOf(schema);
  const entries = Object.entries(value).map(([name, inner]) => [name, asField(fields.get(name), inner)] as const);
  return Object.fromEntries(entries) as JsonObject;
}

function asField(field: DescField | undefined, value: JsonValue | undefined): JsonValue | undefined {
  if (!field || value === undefined || value === null) return value;
  if (field.fieldKind === "list" && Array.isArray(value)) return value.map((each) => asSingle(field, each));
  if (field.fieldKind !== "map" || !isObject(value)) return asSingle(field, value);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, asSingle(field, each ?? null)]));
}

function asSingle(field: DescField, value: JsonValue): JsonValue {
  if (field.message) return lenient(field.message, value);
  const isText = field.scalar === ScalarType.STRING;
  return isText && (typeof value === "number" || typeof value === "boolean") ? String(value) : value;
}
