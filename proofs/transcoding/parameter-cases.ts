/** Cases about values in paths and queries. Where a peer is looser than proto JSON, a rule here says so. */
import {
  type DescField,
  type DescMessage,
  type FileRegistry,
  fromJson,
  type JsonObject,
  type JsonValue,
  mergeFromJson,
  toJson,
} from "@bufbuild/protobuf";
import { fieldsOf, valueTypeOf } from "../../server/wire/call/fields.ts";
import { invalidField } from "../../server/wire/call/wire-error.ts";
import { isParameter } from "../../server/wire/rest/parameter.ts";
import { addQueryPair, createTree, type QueryPair } from "../../server/wire/rest/query.ts";
import { messageType } from "./case-types.ts";
import { attempt, compare, type Verdict } from "./verdict.ts";

interface ExpectedMessage {
  readonly json?: JsonObject;
  readonly error?: boolean;
}

/** One value for one field, and the message that it makes; or whether the field can be a parameter at all. */
export interface ParameterCase {
  readonly message: string;
  readonly field_path: string;
  readonly value: string;
  readonly initial?: JsonObject;
  readonly expect: ExpectedMessage & { readonly is_parameter_type?: boolean };
}

/** Runs a case of `param`. */
export function checkParameter(given: ParameterCase, registry: FileRegistry): Verdict {
  const desc = messageType(registry, given.message);
  const field = lastField(desc, given.field_path);
  if (given.expect.is_parameter_type !== undefined) return checkKind(given, given.expect.is_parameter_type, field);
  const pair: QueryPair = [given.field_path, given.value];
  if (field?.message?.typeName === "google.protobuf.StringValue" && given.value.startsWith('"')) {
    const expected = { [field.jsonName]: given.value };
    return compare(
      given,
      expected,
      attempt(() => readPairs(desc, [pair], [], {})),
      ["the text of a StringValue is the string itself, quotes included: a parameter is text, not JSON"],
    );
  }
  return checkPairs(given, desc, [pair], [], given.expect, given.initial);
}

function checkKind(given: ParameterCase, expected: boolean, field: DescField | undefined): Verdict {
  const isJson = field?.message?.typeName === "google.protobuf.Value";
  const reasons = isJson ? ["a Value can be a parameter: its text is JSON"] : [];
  const got = field !== undefined && isParameter(valueTypeOf(field));
  return compare(given, isJson ? !expected : expected, got, reasons);
}

/** A query, taken apart, and the message that it makes; `exclude` are fields that the path or the body gives. */
export interface QueryCase {
  readonly message: string;
  readonly query: Readonly<Record<string, readonly string[]>>;
  readonly exclude: readonly string[];
  readonly expect: ExpectedMessage;
}

/** Runs a case of `query`. */
export function checkQuery(given: QueryCase, registry: FileRegistry): Verdict {
  const pairs = Object.entries(given.query).flatMap(([key, values]) => values.map((value): QueryPair => [key, value]));
  return checkPairs(given, messageType(registry, given.message), pairs, given.exclude, given.expect);
}

/**
 * Reads pairs and compares the message. Pairs that only a peer accepts have to be refused, each by itself; then the rest
 * has to come to what is left of the expected message.
 */
function checkPairs(
  input: unknown,
  desc: DescMessage,
  pairs: readonly QueryPair[],
  excluded: readonly string[],
  { json, error }: ExpectedMessage,
  initial: JsonObject = {},
): Verdict {
  const read = (some: readonly QueryPair[]) => attempt(() => readPairs(desc, some, excluded, initial));
  if (error) return compare(input, "an error", read(pairs) instanceof Error ? "an error" : read(pairs));
  const looser = new Map(pairs.map((pair) => [pair, whyRefused(desc, pair, excluded)]));
  const kept = pairs.filter((pair) => looser.get(pair) === undefined);
  const refused = pairs.filter((pair) => looser.get(pair) !== undefined);
  const accepted = refused.filter((pair) => !(read([pair]) instanceof Error));
  if (accepted.length > 0) return { kind: "failed", input, expected: "an error for these", got: accepted };
  const expected = without(desc, json ?? {}, refused, excluded);
  const got = read(kept);
  return compare(input, toJson(desc, fromJson(desc, expected)), got instanceof Error ? got.message : got, [
    ...new Set(refused.map((pair) => looser.get(pair) ?? "")),
  ]);
}

function readPairs(
  desc: DescMessage,
  pairs: readonly QueryPair[],
  excluded: readonly string[],
  initial: JsonObject,
): JsonValue {
  const tree = createTree();
  for (const pair of pairs) {
    addQueryPair(tree, desc, pair, (fieldPath) => {
      if (isWithin(fieldPath, excluded)) throw invalidField(pair[0], "is given elsewhere");
      return false;
    });
  }
  return toJson(desc, mergeFromJson(desc, fromJson(desc, initial), tree as JsonValue));
}

function isWithin(fieldPath: string, excluded: readonly string[]): boolean {
  return excluded.some((path) => fieldPath === path || fieldPath.startsWith(`${path}.`));
}

/** The rules of ours that are stricter than a peer's. */
function whyRefused(desc: DescMessage, [key, text]: QueryPair, excluded: readonly string[]): string | undefined {
  const field = lastField(desc, key);
  if (field === undefined) return "an unknown key is an error, not ignored";
  if (isWithin(key, excluded)) return "a key that the path or the body gives is an error, not ignored";
  switch (field.message?.typeName) {
    case "google.protobuf.Duration":
      return /^(\d+(h|m|ms|us|ns))+/.test(text)
        ? "Go duration syntax: proto JSON has seconds, such as 1.5s"
        : undefined;
    default:
      return field.enum && text === "null"
        ? "null is no name of an enum value: a parameter is text, not JSON"
        : undefined;
  }
}

function lastField(root: DescMessage, key: string): DescField | undefined {
  let field: DescField | undefined;
  let desc: DescMessage | undefined = root;
  for (const name of key.replace(/\[.*$/s, "").split(".")) {
    field = desc && fieldsOf(desc).get(name);
    desc = field?.message;
  }
  return field;
}

/** What is expected without what refused pairs would have given. */
function without(
  desc: DescMessage,
  json: JsonObject,
  refused: readonly QueryPair[],
  excluded: readonly string[],
): JsonObject {
  const names = refused
    .filter(([key]) => !isWithin(key, excluded))
    .map(([key]) => lastField(desc, key)?.jsonName)
    .filter((name) => name !== undefined);
  return Object.fromEntries(Object.entries(json).filter(([name]) => !names.includes(name)));
}
