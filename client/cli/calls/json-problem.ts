import { type DescField, type DescMessage, type JsonObject, type JsonValue, ScalarType } from "@bufbuild/protobuf";

/** Says what is wrong with the JSON of a message: the path of the field that is not known, with the nearest that is. */
export function explainJson(schema: DescMessage, input: JsonObject, error: unknown): string {
  const unknown = findUnknown(schema, input, "");
  if (!unknown)
    return `${schema.name}: ${(error as Error).message.replace(/^cannot decode message \S+ from JSON: /, "")}`;
  const { path, name, known } = unknown;
  const [nearest] = nearestOf(name, known);
  return `there is no field ${path}${name}. ${nearest ? `Did you mean ${path}${nearest}?` : `Known are: ${known.join(", ")}.`}`;
}

function findUnknown(schema: DescMessage, value: JsonObject, path: string): Unknown | undefined {
  if (schema.typeName.startsWith("google.protobuf.")) return undefined;
  const fields = new Map(schema.fields.flatMap((field) => [[field.jsonName, field] as const, [field.name, field]]));
  for (const [name, inner] of Object.entries(value)) {
    const field = fields.get(name);
    if (!field) return { path, name, known: schema.fields.map(({ jsonName }) => jsonName) };
    const found = messagesIn(field, inner).map((each) => findUnknown(each.schema, each.value, `${path}${name}.`));
    const first = found.find((each) => each !== undefined);
    if (first) return first;
  }
  return undefined;
}

interface Unknown {
  readonly path: string;
  readonly name: string;
  readonly known: readonly string[];
}

function messagesIn(field: DescField, value: JsonValue | undefined): { schema: DescMessage; value: JsonObject }[] {
  const schema = field.message;
  if (!schema) return [];
  const values = field.fieldKind === "list" && Array.isArray(value) ? value : [value];
  return values.flatMap((each) => (isObject(each) ? [{ schema, value: each }] : []));
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** YAML reads `2.5` as a number and `yes` as a text: where a field is a text, a number or a claim is taken as one. */
export function lenient(schema: DescMessage, value: JsonValue): JsonValue {
  if (!isObject(value) || schema.typeName.startsWith("google.protobuf.")) return value;
  const fields = new Map(schema.fields.flatMap((field) => [[field.jsonName, field] as const, [field.name, field]]));
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

/** Of the known words, those that a slip of the finger or another habit would have meant, the nearest first. */
export function nearestOf(word: string, known: readonly string[]): string[] {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, "");
  const wanted = plain(word);
  // A beginning or an end is as good as the whole: `model` means `modelIdentifier`, and `name` means `displayName`.
  const distanceTo = (name: string) =>
    Math.min(
      distanceOf(wanted, name),
      distanceOf(wanted, name.slice(0, wanted.length)) + 0.5,
      name.endsWith(wanted) ? 0.5 : Number.POSITIVE_INFINITY,
    );
  return known
    .map((name) => ({ name, distance: distanceTo(plain(name)) }))
    .filter(({ distance }) => distance <= Math.max(1.5, wanted.length / 3))
    .sort((a, b) => a.distance - b.distance)
    .map(({ name }) => name);
}

/** How many characters have to be put in, taken out, replaced, or swapped with the next. */
function distanceOf(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = isSwap ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      rows[i]?.push(Math.min(replaced, swapped, at(i - 1, j) + 1, at(i, j - 1) + 1));
    }
  }
  return at(a.length, b.length);
}
