import {
  create,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  mergeFromJson,
  type Registry,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type FieldMask, FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { HttpBodySchema } from "../../../gen/google/api/httpbody_pb.ts";
import { didYouMean, fieldsOf, formOf, hasOwnForm, valueTypeOf } from "../call/fields.ts";
import { type ExactJson, isObject, parseJson, readMessage } from "../call/json-body.ts";
import { SPELLINGS, type Spelling, spellingIn } from "../call/spelling.ts";
import {
  invalidField,
  invalidRequest,
  mediaTypeNotSupported,
  messageTooLarge,
  unknownName,
} from "../call/wire-error.ts";
import { decompress, readContentEncoding } from "../http/body.ts";
import { announcesBody, type NodeRequest } from "../http/exchange.ts";
import { type Intaking, readBytes } from "../http/intake.ts";
import type { Binding, VariableField } from "./binding.ts";
import { readParameter } from "./parameter.ts";
import { addQueryPair, createTree, enclosing, type JsonTree, type QueryPair, splitQuery } from "./query.ts";

/** What a REST call gives its rpc. */
export interface RequestParts {
  /** The values of the template's variables, decoded. */
  readonly variables: readonly string[];
  /** The query as sent. */
  readonly query: string;
  /** The body, decompressed; empty if there is none. */
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  /** The version of a resource that a change is made from, as the header If-Match has it. */
  readonly ifMatch?: string | undefined;
  /** Hears how the caller writes the names of fields, of the query and then of the body. */
  readonly onSpelling?: (spelling: Spelling) => void;
}

/**
 * Makes the request message of a REST call, or throws an error that names what is wrong.
 *
 * Each field comes from one place: the path, else the body, else the query. A place that gives another value for a field
 * of the path is a conflict and an error, so that nobody can ask for one thing in the path and get another.
 */
export function readRequest(binding: Binding, parts: RequestParts, registry: Registry): Message {
  const { input } = binding.spec.method;
  const tree = createTree();
  addVariables(tree, binding.variables, parts.variables);
  const pairs = splitQuery(parts.query);
  const inQuery = spellingIn(input, Object.fromEntries(pairs));
  parts.onSpelling?.(inQuery);
  addQuery(tree, binding, pairs, inQuery);
  const json = readBodyJson(binding, parts.body);
  // Before what the path and the query give is put among it.
  const spell = json === undefined ? inQuery : spellingIn(input, json);
  parts.onSpelling?.(spell);
  const isOne = isSilentOn(json, tree, input);
  if (isOne) Object.assign(json, tree);
  const message = json === undefined ? withHttpBody(binding, parts) : readMessage(input, json, "", registry, spell);
  if (message === undefined) return withEtag(binding, fromParameters(input, tree), parts);
  if (!isOne && Object.keys(tree).length > 0) {
    const names = { tree, prefix: "", spell };
    refuseConflicts(reflect(input, message), reflect(input, fromParameters(input, tree)), names);
    mergeFromJson(input, message, tree as JsonValue);
  }
  addMask(binding, message, json);
  return withEtag(binding, message, parts);
}

/** One entity tag, strong or weak, or written without quotes. */
const ETAG = /^(?:W\/)?"([^"]*)"$|^([^",*]+)$/;

/** Takes If-Match for the etag of a change; whoever sends it where there is none counts on what would not be looked at. */
function withEtag({ httpMethod, spec }: Binding, message: Message, { ifMatch }: RequestParts): Message {
  if (ifMatch === undefined || httpMethod === "GET") return message;
  const field = fieldsOf(spec.method.input).get("etag");
  if (field === undefined) throw invalidField("If-Match", "is not taken here: what this call changes has no etag");
  if (ifMatch.trim() === "*") return message;
  const [, quoted, bare] = ETAG.exec(ifMatch.trim()) ?? [];
  const etag = quoted ?? bare;
  if (etag === undefined) throw invalidField("If-Match", 'must be one etag, such as "r3", or *');
  const given = reflect(spec.method.input, message);
  if (given.isSet(field) && given.get(field) !== etag)
    throw invalidField("etag", "is given by If-Match, with another value");
  given.set(field, etag);
  return message;
}

function addVariables(tree: JsonTree, variables: readonly VariableField[], values: readonly string[]): void {
  for (const [index, { path, fields, field }] of variables.entries()) {
    const type = valueTypeOf(field);
    const value = readParameter(type, values[index] ?? "");
    if (value === undefined) throw invalidField(SPELLINGS.json(path), formOf(type, values[index]));
    enclosing(tree, fields, path)[field.jsonName] = value;
  }
}

function addQuery(tree: JsonTree, binding: Binding, pairs: readonly QueryPair[], spell: Spelling): void {
  for (const pair of pairs) {
    const isClaimed = (fieldPath: string, value: JsonValue): boolean => {
      refuseBodyField(binding, pair[0], fieldPath);
      const variable = binding.variables.find(({ path }) => path === fieldPath);
      if (variable === undefined) return false;
      const bound = enclosing(tree, variable.fields, fieldPath)[variable.field.jsonName];
      if (bound !== value) throw invalidField(pair[0], "is given by the path, with another value");
      return true;
    };
    addQueryPair(tree, binding.spec.method.input, pair, isClaimed, spell);
  }
}

function refuseBodyField({ body }: Binding, key: string, fieldPath: string): void {
  if (body.kind === "message") throw invalidField(key, "belongs in the body, this call has no query parameters");
  if (body.kind === "field" && (fieldPath === body.field.name || fieldPath.startsWith(`${body.field.name}.`))) {
    throw invalidField(key, "belongs in the body");
  }
}

/** An empty object is no body, either: some clients cannot send nothing. */
const NO_BODY = /^\s*(\{\s*\}\s*)?$/;

/** The JSON of the request message as far as the body gives it; undefined if it gives none. */
function readBodyJson({ body: rule }: Binding, body: Uint8Array): ExactJson | undefined {
  if (body.length === 0) return undefined;
  if (rule.kind === "none") {
    if (!NO_BODY.test(Buffer.from(body).toString())) throw invalidRequest("this call takes no body");
    return undefined;
  }
  if (rule.isHttpBody) return undefined;
  const json = parseJson(body);
  return rule.kind === "message" ? json : { [rule.field.jsonName]: json };
}

/** Whether a body says nothing of what the parameters give, nor of what that excludes: then both are read as one. */
function isSilentOn(json: ExactJson | undefined, tree: JsonTree, desc: DescMessage): json is Record<string, ExactJson> {
  if (!isObject(json)) return false;
  for (const jsonName in tree) {
    const field = fieldsOf(desc).get(jsonName);
    if (!field || field.oneof || Object.hasOwn(json, jsonName) || Object.hasOwn(json, field.name)) return false;
  }
  return true;
}

/** The request message around a google.api.HttpBody; undefined if the body is none. */
function withHttpBody({ spec, body: rule }: Binding, { body, contentType }: RequestParts): Message | undefined {
  if (rule.kind === "none" || !rule.isHttpBody) return undefined;
  const content = create(HttpBodySchema, { contentType: contentType ?? "", data: body });
  if (rule.kind === "message") return content;
  const message = reflect(spec.method.input);
  message.set(rule.field, reflect(HttpBodySchema, content));
  return message.message;
}

/** Each value has been checked; only what holds them can still be refused, for its depth. */
function fromParameters(desc: DescMessage, tree: JsonTree): Message {
  try {
    return fromJson(desc, tree as JsonValue);
  } catch (error) {
    throw invalidRequest("the parameters do not fit together", error);
  }
}

/** How the values of parameters are called where they are told of. */
interface Names {
  readonly tree: JsonTree;
  readonly prefix: string;
  readonly spell: Spelling;
}

function refuseConflicts(body: ReflectMessage, parameters: ReflectMessage, { tree, prefix, spell }: Names): void {
  for (const field of parameters.fields) {
    if (!(field.jsonName in tree)) continue;
    const path = prefix + spell(field.name);
    const other = field.oneof && body.oneofCase(field.oneof);
    if (other && other !== field)
      throw invalidField(prefix + spell(other.name), `excludes \`${path}\`, give only one of them`);
    if (!body.isSet(field)) continue;
    if (field.fieldKind === "message" && !hasOwnForm(field.message)) {
      const names = { tree: tree[field.jsonName] as JsonTree, prefix: `${path}.`, spell };
      refuseConflicts(body.get(field), parameters.get(field), names);
    } else if (!isSame(body.get(field), parameters.get(field))) {
      throw invalidField(path, "is given by the path, with another value");
    }
  }
}

function isSame(a: unknown, b: unknown): boolean {
  return a instanceof Uint8Array && b instanceof Uint8Array ? Buffer.compare(a, b) === 0 : a === b;
}

function addMask({ spec, body, maskField }: Binding, message: Message, json: ExactJson | undefined): void {
  if (maskField === undefined || body.kind !== "field" || body.field.message === undefined) return;
  const given = (message as Record<string, unknown>)[maskField.localName] as FieldMask | undefined;
  if (given !== undefined && given.paths.length > 0) return;
  const content = (json as { [name: string]: ExactJson } | undefined)?.[body.field.jsonName] ?? {};
  const mask = create(FieldMaskSchema, { paths: maskOf(body.field.message, content) });
  reflect(spec.method.input, message).set(maskField, reflect(FieldMaskSchema, mask));
}

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
      throw invalidField(SPELLINGS.json(path), "has no fields");
    } else {
      yield path;
    }
  }
}

function isFilledObject(json: ExactJson): json is { [key: string]: ExactJson } {
  return typeof json === "object" && json !== null && !Array.isArray(json) && Object.keys(json).length > 0;
}

const NONE = new Uint8Array(0);

/**
 * Reads the body of a request and decompresses it. Neither what arrives nor what comes out of it is ever more than the
 * limit; whatever else the caller sends is not kept.
 */
export async function readBody(request: NodeRequest, intaking: Intaking, limitBytes: number): Promise<Uint8Array> {
  const coding = readContentEncoding(request.headers["content-encoding"]);
  if (!announcesBody(request)) return NONE;
  if (Number(request.headers["content-length"] ?? 0) > limitBytes) throw messageTooLarge(limitBytes);
  const body = await readBytes(request, intaking, limitBytes, () => messageTooLarge(limitBytes));
  if (coding === undefined || body.length === 0) return body;
  const decompressed = await decompress(coding, body, limitBytes);
  intaking.intake.hold(intaking.response, decompressed.length);
  return decompressed;
}

/**
 * Refuses a body that is not declared as JSON, before it is read. A body without a content type passes: whether it is
 * JSON will show.
 */
export function requireJson(request: NodeRequest): void {
  const contentType = request.headers["content-type"];
  if (contentType === undefined || !announcesBody(request)) return;
  const [mediaType = "", ...parameters] = contentType.toLowerCase().split(";");
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=\s*"?([^"\s]*)"?\s*$/.exec(parameter)?.[1])
    .find(Boolean);
  if (mediaType.trim() === "application/json" && /^utf-?8$/.test(charset ?? "utf-8")) return;
  const header = { POST: "accept-post", PATCH: "accept-patch" }[request.method ?? ""] ?? "accept";
  throw mediaTypeNotSupported(
    "the body must be application/json, in UTF-8; with curl: -H 'content-type: application/json'",
    { [header]: "application/json" },
  );
}
