import type { DescField, DescMessage, JsonValue } from "@bufbuild/protobuf";
import { didYouMean, fieldsOf, formOf, hasOwnForm, valueTypeOf } from "../call/fields.ts";
import { formOfNumber } from "../call/number-forms.ts";
import { SPELLINGS, type Spelling } from "../call/spelling.ts";
import { invalidField, unknownName } from "../call/wire-error.ts";
import { isParameter, readParameter } from "./parameter.ts";
import { decodeAll } from "./path.ts";

/** The JSON of a message in the making, by JSON names. It inherits nothing, so that no key can reach a prototype. */
export interface JsonTree {
  [jsonName: string]: JsonValue | JsonTree;
}

/** A prototype with nothing in it: of an object that has no prototype at all, V8 makes a hash table. */
const NOTHING = Object.freeze(Object.create(null));

/** A tree with nothing in it. */
export function createTree(): JsonTree {
  return Object.create(NOTHING) as JsonTree;
}

/** A key of a query and the text of its value, decoded. */
export type QueryPair = readonly [key: string, text: string];

/** Cuts a query into its pairs and decodes them, once. A plus is a space, as in the queries that forms and URLs make. */
export function splitQuery(query: string): QueryPair[] {
  return query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const [key = "", ...value] = pair.replaceAll("+", " ").split("=");
      return [decodeAll(key), decodeAll(value.join("="))];
    });
}

/** What http.proto reserves for the system, and keys that common clients add by themselves. */
const IGNORED_KEYS = new Set(["alt", "pretty", "prettyPrint"]);

/** As deep as messages may be nested in JSON. */
const DEEPEST_PATH = 100;

/** Where a key of a query leads: through singular messages to a field, and to an entry of it if it is a map. */
interface Destination {
  readonly fields: readonly DescField[];
  /** Undefined where it is no map, or the text names the entry. */
  readonly mapKey: string | undefined;
}

/**
 * Adds one parameter of a query to the tree of a message, or throws an error that names the key.
 *
 * Keys are paths of fields, by JSON or proto names. Entries of a map are `labels[key]=value`, `labels.key=value`, or as
 * generated clients can send them, `labels=key=value`. A field that the path or the body gives may not come from the query
 * as well: `isClaimed` throws, or says that the value is known.
 */
export function addQueryPair(
  tree: JsonTree,
  desc: DescMessage,
  [key, text]: QueryPair,
  isClaimed: (fieldPath: string, value: JsonValue) => boolean,
  spell: Spelling = SPELLINGS.json,
): void {
  const destination = resolve(desc, key, spell);
  if (destination === undefined) return;
  const { fields } = destination;
  const field = fields.at(-1);
  if (field === undefined) return;
  const type = valueTypeOf(field);
  if (!isParameter(type)) throw invalidField(key, "is a message, give its fields one by one");
  const [mapKey, said] =
    field.fieldKind === "map" ? readEntry(field, destination.mapKey, text, key) : [undefined, text];
  const value = readParameter(type, said);
  if (value === undefined) throw invalidField(key, formOfNumber(field, said, spell) ?? formOf(type, said));
  if (isClaimed(fields.map(({ name }) => name).join("."), value)) return;
  addValue(enclosing(tree, fields, key), field, mapKey, value, key);
}

/** The tree around the last of the fields; made where it is not there yet. */
export function enclosing(tree: JsonTree, fields: readonly DescField[], key: string): JsonTree {
  let node = tree;
  for (const field of fields.slice(0, -1)) {
    refuseOtherMember(node, field, key);
    node = subtree(node, field);
  }
  return node;
}

function addValue(node: JsonTree, field: DescField, mapKey: string | undefined, value: JsonValue, key: string): void {
  refuseOtherMember(node, field, key);
  if (field.fieldKind === "list") {
    node[field.jsonName] ??= [];
    (node[field.jsonName] as JsonValue[]).push(value);
  } else if (field.fieldKind === "map") {
    addOnce(subtree(node, field), mapKey ?? "", value, key, `has the entry \`${mapKey}\` more than once`);
  } else {
    addOnce(node, field.jsonName, value, key, "is given more than once");
  }
}

function subtree(node: JsonTree, { jsonName }: DescField): JsonTree {
  node[jsonName] ??= createTree();
  return node[jsonName] as JsonTree;
}

function addOnce(node: JsonTree, name: string, value: JsonValue, key: string, otherwise: string): void {
  if (name in node) throw invalidField(key, otherwise);
  node[name] = value;
}

function refuseOtherMember(node: JsonTree, { oneof, jsonName }: DescField, key: string): void {
  const other = oneof?.fields.find((member) => member.jsonName !== jsonName && member.jsonName in node);
  if (other) throw invalidField(key, `excludes \`${other.jsonName}\`, give only one of them`);
}

/** Undefined for a key that is not for the message at all. */
function resolve(root: DescMessage, key: string, spell: Spelling): Destination | undefined {
  const [, path = key, bracketed] = /^([^[\]]*)\[(.*)\]$/s.exec(key) ?? [];
  const names = path.split(".");
  if (names.length > DEEPEST_PATH) throw invalidField("query", "has a key that is nested too deep");
  const fields: DescField[] = [];
  let desc = root;
  for (const [index, name] of names.entries()) {
    const field = fieldsOf(desc).get(name);
    if (field === undefined) {
      if (index === 0 && (key.startsWith("$") || IGNORED_KEYS.has(key))) return undefined;
      throw unknownName("parameter", key, didYouMean(desc, name, spell));
    }
    fields.push(field);
    if (field.fieldKind === "map") return { fields, mapKey: mapKeyOf(field, names.slice(index + 1), bracketed, key) };
    if (index === names.length - 1) break;
    if (field.fieldKind !== "message" || hasOwnForm(field.message))
      throw invalidField(key, `\`${name}\` has no fields`);
    desc = field.message;
  }
  if (bracketed !== undefined) throw invalidField(key, "is no map");
  return { fields, mapKey: undefined };
}

function mapKeyOf(
  field: DescField,
  rest: readonly string[],
  bracketed: string | undefined,
  key: string,
): string | undefined {
  if (rest.length === 0) return bracketed;
  if (bracketed !== undefined) throw noEntry(field, key);
  return rest.join(".");
}

/** The key of an entry and the text of its value: where the query's key does not say which entry, its text begins with that. */
function readEntry(
  field: DescField & { fieldKind: "map" },
  named: string | undefined,
  text: string,
  key: string,
): readonly [mapKey: string, value: string] {
  const end = text.indexOf("=");
  if (named === undefined && end < 0) throw noEntry(field, key);
  const [mapKey, value] = named === undefined ? [text.slice(0, end), text.slice(end + 1)] : [named, text];
  const type = { kind: "scalar", scalar: field.mapKey } as const;
  if (readParameter(type, mapKey) === undefined) throw invalidField(key, `has an entry whose name ${formOf(type)}`);
  return [mapKey, value];
}

function noEntry({ jsonName }: DescField, key: string): Error {
  return invalidField(key, `is a map, give an entry as \`${jsonName}=key=value\` or \`${jsonName}[key]=value\``);
}
