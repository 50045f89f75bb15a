import { type DescEnum, type DescField, type DescMessage, getOption, ScalarType } from "@bufbuild/protobuf";
import { also_written } from "../../../gen/patchbay/v1/options_pb.ts";
import { editDistance } from "../../base/names.ts";
import { formOfNumber } from "./number-forms.ts";
import { fieldsFor, formFor, remarkFor, valuesFor } from "./other-words.ts";
import { SPELLINGS, type Spelling } from "./spelling.ts";

const fieldsByName = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** The fields of a message, by all names that callers may write: their JSON names, proto names, and what else is taken. */
export function fieldsOf(desc: DescMessage): ReadonlyMap<string, DescField> {
  let fields = fieldsByName.get(desc);
  if (fields === undefined) {
    fields = new Map([
      ...desc.fields.flatMap((field) => otherNamesOf(field).map((name) => [name, field] as const)),
      ...desc.fields.flatMap((field) => [[field.jsonName, field] as const, [field.name, field] as const]),
    ]);
    fieldsByName.set(desc, fields);
  }
  return fields;
}

function otherNamesOf(field: DescField): string[] {
  const name = getOption(field, also_written);
  return name === "" ? [] : [name, name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`)];
}

/**
 * A remark for the caller who wrote an unknown name: what is to be done instead, or the fields that are meant by another
 * API's word, those with the most similar names, those of that name further in, those whose names have it as a word, or
 * those further in whose name was misspelt.
 */
export function didYouMean(desc: DescMessage, name: string, spell: Spelling = SPELLINGS.json): string {
  const remark = remarkFor(desc, name);
  if (remark !== undefined) return `: ${remark.replace(/`[^` ]+`/g, spell)}`;
  const names = desc.fields.map((field) => field.name);
  const candidates = [
    fieldsFor(desc, name),
    likeliest(name, names),
    within(desc, name, isSameWord, 2),
    wordMates(name, names),
    within(desc, name, isSlipOf, 2),
  ];
  const similar = candidates.find((found) => found.length > 0) ?? [];
  return similar.length === 0 ? "" : `, did you mean ${similar.map((known) => `\`${spell(known)}\``).join(" or ")}?`;
}

function likeliest(written: string, names: readonly string[]): string[] {
  if (written.length > 64) return [];
  const wanted = wordsOf(written).join("");
  return names
    .map((name) => ({ name, distance: editDistance(wanted, wordsOf(name).join("")) }))
    .filter(({ distance }) => distance <= Math.max(1, Math.min(3, wanted.length / 3)))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** The paths of the fields of a name that are further in, as deep as is told. */
function within(
  desc: DescMessage,
  name: string,
  means: (known: string, written: string) => boolean,
  depth: number,
): string[] {
  if (depth === 0) return [];
  return desc.fields.flatMap((field) => {
    if (field.fieldKind !== "message" || hasOwnForm(field.message)) return [];
    const here = field.message.fields.filter((one) => means(one.name, name)).map((one) => one.name);
    const found = here.length > 0 ? here : within(field.message, name, means, depth - 1);
    return found.map((path) => `${field.name}.${path}`);
  });
}

/** Of `model`, `model_identifier`; of `name`, `display_name`. */
function wordMates(name: string, names: readonly string[]): string[] {
  const wanted = wordsOf(name);
  return names.filter((known) => wanted.every((word) => wordsOf(known).includes(word))).slice(0, 3);
}

function wordsOf(name: string): string[] {
  return name
    .split(/_|(?=[A-Z])/)
    .filter(Boolean)
    .map((word) => word.toLowerCase());
}

function isSameWord(a: string, b: string): boolean {
  return wordsOf(a).join("") === wordsOf(b).join("");
}

/** A letter more, less, other or swapped, in a word that is long enough to be known by the rest. */
function isSlipOf(known: string, written: string): boolean {
  const [a, b] = [wordsOf(known).join(""), wordsOf(written).join("")];
  return a.length >= 5 && Math.abs(a.length - b.length) <= 1 && editDistance(a, b) <= 1;
}

/** The value of an enum that a name stands for, in whatever case it is written; undefined if there is none. */
export function enumValueOf(desc: DescEnum, text: string): DescEnum["values"][number] | undefined {
  const plain = text.toUpperCase().replaceAll(/[- ]/g, "_");
  return desc.values.find(({ name, jsonName }) => name === text || jsonName === text || name === plain);
}

/** What a single value is: the type of a field, of an item of a list, or of a value of a map. */
export type ValueType =
  | { readonly kind: "scalar"; readonly scalar: ScalarType }
  | { readonly kind: "enum"; readonly enum: DescEnum }
  | { readonly kind: "message"; readonly message: DescMessage };

/** The type of the values that a field holds, one or many. */
export function valueTypeOf(field: DescField): ValueType {
  if (field.message) return { kind: "message", message: field.message };
  if (field.enum) return { kind: "enum", enum: field.enum };
  return { kind: "scalar", scalar: field.scalar ?? ScalarType.STRING };
}

/** Whether a message has a JSON form of its own, so that its fields are not spelled out in JSON. */
export function hasOwnForm({ typeName }: DescMessage): boolean {
  return MESSAGE_FORMS.has(typeName) || WRAPPED.has(typeName);
}

/** The scalar inside a wrapper such as google.protobuf.BoolValue, or undefined for other messages. */
export function wrappedScalar({ typeName }: DescMessage): ScalarType | undefined {
  return WRAPPED.get(typeName);
}

/** What a value must look like, in words, to tell a caller who got it wrong. It never repeats what the caller sent. */
export function formOf(type: ValueType, written: unknown = undefined, spell: Spelling = SPELLINGS.json): string {
  switch (type.kind) {
    case "scalar":
      return SCALAR_FORMS[type.scalar];
    case "enum":
      return enumForm(type.enum, written);
    case "message": {
      const scalar = wrappedScalar(type.message);
      if (scalar !== undefined) return SCALAR_FORMS[scalar];
      return MESSAGE_FORMS.get(type.message.typeName) ?? objectForm(type.message, spell);
    }
  }
}

/** The form of what a field holds, or each of its values. */
export function formOfField(field: DescField, written: unknown, spell: Spelling): string {
  const number = formOfNumber(field, written, spell);
  if (number !== undefined) return number;
  const meant = formFor(field, written);
  const type = valueTypeOf(field);
  const wrong = Array.isArray(written) ? written.find((item) => !isValueOf(type, item)) : written;
  const form = formOf(type, wrong, spell);
  const whole = field.fieldKind === "list" || field.fieldKind === "map" ? `each value ${form}` : form;
  return meant === undefined ? whole : `${whole}; ${meant}`;
}

function isValueOf(type: ValueType, item: unknown): boolean {
  return type.kind === "enum" && typeof item === "string" && enumValueOf(type.enum, item) !== undefined;
}

function enumForm(desc: DescEnum, written: unknown): string {
  const names = namesOf(desc);
  const meant = typeof written === "string" ? valuesFor(desc, written, names) : [];
  const remark = meant.length > 0 ? `; did you mean ${meant.join(" or ")}?` : "";
  return `must be one of ${names.join(", ")}${remark}`;
}

/** The names that somebody may send: not the one that says that nothing is said. */
export function namesOf(desc: DescEnum): string[] {
  const names = desc.values.map(({ name }) => name);
  return names.filter((name, index) => index > 0 || !name.endsWith("UNSPECIFIED"));
}

function objectForm({ fields }: DescMessage, spell: Spelling): string {
  const names = fields.slice(0, MAX_TOLD_FIELDS).map(({ name }) => `\`${spell(name)}\``);
  if (names.length === 0) return "must be an object";
  return `must be an object with ${names.join(", ")}${fields.length > names.length ? " and others" : ""}`;
}

/** Of an object's fields, so many are told to whoever sent none. */
const MAX_TOLD_FIELDS = 5;

const WRAPPED: ReadonlyMap<string, ScalarType> = new Map([
  ["google.protobuf.BoolValue", ScalarType.BOOL],
  ["google.protobuf.BytesValue", ScalarType.BYTES],
  ["google.protobuf.DoubleValue", ScalarType.DOUBLE],
  ["google.protobuf.FloatValue", ScalarType.FLOAT],
  ["google.protobuf.Int32Value", ScalarType.INT32],
  ["google.protobuf.Int64Value", ScalarType.INT64],
  ["google.protobuf.StringValue", ScalarType.STRING],
  ["google.protobuf.UInt32Value", ScalarType.UINT32],
  ["google.protobuf.UInt64Value", ScalarType.UINT64],
]);

const MESSAGE_FORMS: ReadonlyMap<string, string> = new Map([
  ["google.protobuf.Any", "must be an object with a known `@type`"],
  ["google.protobuf.Duration", "must be a duration in seconds, such as 1.5s"],
  ["google.protobuf.FieldMask", "must be paths of fields, separated by commas"],
  ["google.protobuf.ListValue", "must be a JSON array"],
  ["google.protobuf.Struct", "must be a JSON object"],
  ["google.protobuf.Timestamp", "must be an RFC 3339 time, such as 2026-01-31T09:30:00Z"],
  ["google.protobuf.Value", "must be JSON, nested at most 100 deep"],
]);

const SCALAR_FORMS: Readonly<Record<ScalarType, string>> = {
  [ScalarType.BOOL]: "must be true or false",
  [ScalarType.BYTES]: "must be Base64",
  [ScalarType.DOUBLE]: "must be a number",
  [ScalarType.FIXED32]: "must be an integer from 0 to 2^32 - 1",
  [ScalarType.FIXED64]: "must be an integer from 0 to 2^64 - 1",
  [ScalarType.FLOAT]: "must be a number of single precision",
  [ScalarType.INT32]: "must be an integer from -2^31 to 2^31 - 1",
  [ScalarType.INT64]: "must be an integer from -2^63 to 2^63 - 1",
  [ScalarType.SFIXED32]: "must be an integer from -2^31 to 2^31 - 1",
  [ScalarType.SFIXED64]: "must be an integer from -2^63 to 2^63 - 1",
  [ScalarType.SINT32]: "must be an integer from -2^31 to 2^31 - 1",
  [ScalarType.SINT64]: "must be an integer from -2^63 to 2^63 - 1",
  [ScalarType.STRING]: "must be a string",
  [ScalarType.UINT32]: "must be an integer from 0 to 2^32 - 1",
  [ScalarType.UINT64]: "must be an integer from 0 to 2^64 - 1",
};
