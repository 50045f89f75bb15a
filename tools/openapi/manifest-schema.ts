import type { DescMessage, FileRegistry, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../../client/cli/resources/input.ts";
import { type CommentOf, Prose } from "./schema/prose.ts";
import { Requirements } from "./schema/requirements.ts";
import { Schemas } from "./schema/schemas.ts";

/** What the schema of manifests is made from. */
export interface ManifestSources {
  readonly registry: FileRegistry;
  readonly commentOf: CommentOf;
  readonly mainPackage: string;
  /** What a manifest has lists of, with the requests that make one of each. */
  readonly requests: Readonly<Record<string, DescMessage>>;
}

/** Fields of requests that are about one call, or about whose things they are: whoever applies says that. */
const OF_CALLS = ["requestId", "validateOnly", "takeAlias", "ownerId"];

/** By what a thing is known again: one of these fields must be there. */
const NAMES: Readonly<Record<string, readonly string[]>> = { llms: ["alias", "llmId"], budgets: ["period"] };

/** What people read of a list of things. */
const PROSE: Readonly<Record<string, string>> = {
  providers: "Vendor accounts by name, which Llms may take endpoint and key from.",
  llms: "Llms, each known again by its alias.",
  routes: "Names that stand for several Llms, which their tiers name by alias.",
  budgets: "What may be spent in a day or a month, of one Llm or all together.",
};

/** Fields that are a manifest's own. */
const OWN: Readonly<Record<string, JsonObject>> = {
  llms: {
    default: { type: "boolean", description: "Whether it is the Llm of calls that name none." },
    disabled: { type: "boolean", description: "Whether it is closed to chats." },
  },
};

const SECRET_FROM: JsonObject = {
  type: "object",
  description:
    "Where the key is on the side that applies: a variable of the environment, a file, or the standard input.",
  properties: { env: { type: "string" }, file: { type: "string" }, stdin: { type: "boolean", const: true } },
  minProperties: 1,
  maxProperties: 1,
  additionalProperties: false,
};

/** Formats that JSON Schema itself defines; a validator may refuse others. */
const FORMATS = new Set(["uuid", "uri", "email", "hostname", "ipv4", "ipv6", "date-time"]);

/**
 * The JSON Schema of what `patchbay apply` reads. It is draft 7, which editors know: there a reference has nothing beside
 * it, so that what is said of a field stands around it.
 */
export function createManifestSchema({ registry, commentOf, mainPackage, requests }: ManifestSources): JsonObject {
  const schemas = new Schemas({
    mainPackage,
    prose: new Prose(registry.files, commentOf),
    requirements: new Requirements(registry),
    directions: { isSent: () => true, isAnswered: () => false },
  });
  const lists = Object.entries(requests).map(([kind, { typeName }]): [string, JsonObject] => {
    const request = registry.getMessage(typeName);
    if (!request) throw new Error(`the protos have no ${typeName}`);
    schemas.message(request);
    const name = typeName.slice(mainPackage.length + 1);
    const items = thing(kind, forManifests(schemas.components[name] ?? {}) as JsonObject);
    return [kind, { type: "array", description: PROSE[kind] ?? "", items }];
  });
  const requested = new Set(Object.values(requests).map(({ typeName }) => typeName.slice(mainPackage.length + 1)));
  const others = Object.entries(schemas.components).filter(([name]) => !requested.has(name));
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "A manifest of Patchbay",
    description: "What patchbay apply reads. Fields that it does not name stay as they are.",
    type: ["object", "null"],
    properties: Object.fromEntries(lists),
    additionalProperties: false,
    definitions: Object.fromEntries(others.map(([name, schema]) => [name, definition(name, schema)])),
  };
}

/** One thing of a list. What a request requires, a manifest need not say of a thing that is there. */
function thing(kind: string, { properties, title = kind }: JsonObject): JsonObject {
  const fields = Object.entries(properties as JsonObject).filter(([name]) => !OF_CALLS.includes(name));
  const names = NAMES[kind] ?? ["name"];
  return {
    title,
    type: "object",
    properties: Object.fromEntries([
      ...fields.map(([name, schema]) => [name, byName(name, schema)] as const),
      ...Object.entries(OWN[kind] ?? {}),
    ]) as JsonObject,
    additionalProperties: false,
    ...(names.length === 1 ? { required: [...names] } : { anyOf: names.map((name) => ({ required: [name] })) }),
  };
}

/** Other things go by their names. */
function byName(name: string, schema: JsonValue | undefined): JsonValue {
  if (name !== "providerId" || !isObject(schema)) return schema ?? {};
  const { format: _, ...rest } = schema;
  return { ...rest, description: `The name or the id of a Provider. ${schema.description ?? ""}` };
}

/** A key is never written into a manifest. */
function definition(name: string, schema: JsonObject): JsonObject {
  const read = forManifests(schema) as JsonObject;
  if (name !== "ApiKeyCredentials") return read;
  const { oneOf: _, ...rest } = read;
  const { inlineSecret: __, ...fields } = read.properties as JsonObject;
  return { ...rest, properties: { ...fields, secretFrom: SECRET_FROM } };
}

/** A schema of the contract's JSON as one of what people write in YAML: where it has a text, a number is taken as one. */
function forManifests(schema: JsonValue | undefined): JsonValue {
  if (Array.isArray(schema)) return schema.map(forManifests);
  if (!isObject(schema)) return schema ?? null;
  const { writeOnly: _, readOnly: __, contentEncoding: ___, $ref, ...rest } = schema;
  const read: JsonObject = {};
  for (const [key, value] of Object.entries(rest)) {
    if (key === "format" && !FORMATS.has(String(value))) continue;
    const isNames = key === "properties";
    read[key] = isNames && isObject(value) ? mapValues(value, forManifests) : forManifests(value);
  }
  if (read.type === "string" && read.enum === undefined) read.type = ["string", "number", "boolean"];
  if (isObject(read.properties) && read.additionalProperties === undefined) read.additionalProperties = false;
  if (typeof $ref !== "string") return read;
  const reference = { $ref: $ref.replace("#/components/schemas/", "#/definitions/") };
  return Object.keys(read).length === 0 ? reference : { ...read, allOf: [reference] };
}

function mapValues(value: JsonObject, change: (each: JsonValue | undefined) => JsonValue): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, change(each)]));
}
