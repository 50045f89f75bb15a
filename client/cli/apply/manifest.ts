import { globSync, statSync } from "node:fs";
import { join } from "node:path";
import { type DescMessage, fromJson, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { SetBudgetRequestSchema } from "../../../gen/patchbay/v1/budget_service_pb.ts";
import { CreateLlmRequestSchema } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { UpsertProviderRequestSchema } from "../../../gen/patchbay/v1/provider_service_pb.ts";
import { CreateRouteRequestSchema } from "../../../gen/patchbay/v1/route_service_pb.ts";
import { inWordsOf, type NameOf } from "../calls/field-names.ts";
import { explainJson, lenient } from "../calls/json-problem.ts";
import { nearestOf } from "../calls/nearest.ts";
import type { Environment } from "../environment.ts";
import { UsageError } from "../failure.ts";
import { isObject, readYaml, type Yaml } from "../resources/input.ts";
import { readFile } from "../terminal/secrets.ts";
import { readStdin } from "../terminal/stdin.ts";

/** The kinds of things that a manifest has, in the order in which they are made. */
export const KINDS = ["providers", "llms", "routes", "budgets"] as const;
export type Kind = (typeof KINDS)[number];

/** One thing as a manifest wants it. */
export interface Wanted {
  readonly kind: Kind;
  /** What it is called: an alias, a name, or what a budget is about. */
  readonly name: string;
  /** Fields of the request that makes it. */
  readonly fields: JsonObject;
  /** Fields that are the manifest's own. */
  readonly own: { readonly default?: boolean; readonly disabled?: boolean };
  /** A secret of its credentials that is kept elsewhere on this side; undefined if there is none. */
  readonly secret: string | undefined;
  /** Where it is: a file with its line, and which of a kind. */
  readonly place: string;
  /** Where a field of it is. */
  readonly nameOf: NameOf;
}

/** The requests whose fields a manifest's things have. */
export const SCHEMAS: Readonly<Record<Kind, DescMessage>> = {
  providers: UpsertProviderRequestSchema,
  llms: CreateLlmRequestSchema,
  routes: CreateRouteRequestSchema,
  budgets: SetBudgetRequestSchema,
};

/** Finds the secret that a `secretFrom` speaks of; undefined if there is none. */
export type SecretReader = (secretFrom: JsonObject) => Promise<string | undefined>;

/** Where the command finds secrets: its environment, files, and its standard input. */
export function secretsHere(environment: Environment): SecretReader {
  return async ({ env, file, stdin }) => {
    if (typeof env === "string") return environment.variable(env)?.trim();
    if (typeof file === "string") return readFile(file).trim();
    return stdin === true ? (await readStdin()).trim() : undefined;
  };
}

/** Reads manifests: files, folders of them, or `-`. Everything is read before anything is done. */
export async function readManifests(paths: readonly string[], secrets: SecretReader): Promise<Wanted[]> {
  const files = paths.flatMap((path) => (path === "-" ? [path] : filesIn(path)));
  const wanted: Wanted[] = [];
  for (const file of files) {
    const source = file === "-" ? await readStdin() : readFile(file);
    wanted.push(...(await readManifest(readYaml(source, file), file, secrets)));
  }
  for (const [index, { kind, name, place }] of wanted.entries()) {
    const twin = wanted.findIndex((other) => other.kind === kind && other.name === name);
    if (twin < index) throw new UsageError(`${place}: "${name}" is in ${wanted[twin]?.place} already.`);
  }
  return wanted;
}

function filesIn(path: string): string[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new UsageError(`${path} is not there.`);
  if (!stats.isDirectory()) return [path];
  // A ConfigMap of Kubernetes has its files once more, in folders that begin with two dots.
  const found = globSync("**/*.{yaml,yml,json}", { cwd: path })
    .filter((file) => !/(^|\/)\.\./.test(file))
    .sort();
  if (found.length === 0) throw new UsageError(`${path} holds no .yaml, .yml or .json file.`);
  return found.map((file) => join(path, file));
}

async function readManifest(yaml: Yaml, file: string, secrets: SecretReader): Promise<Wanted[]> {
  const manifest = yaml.value;
  if (manifest === null) return [];
  if (!isObject(manifest)) throw new UsageError(`${file} must hold ${KINDS.join(", ")}, each a list.`);
  const wanted: Wanted[] = [];
  for (const [key, list] of Object.entries(manifest)) {
    const kind = KINDS.find((known) => known === key);
    if (!kind) {
      const [nearest] = nearestOf(key, KINDS);
      throw new UsageError(
        `${yaml.place(key)}: there is no ${key}. ${nearest ? `Did you mean ${nearest}?` : `Known are: ${KINDS.join(", ")}.`}`,
      );
    }
    if (!Array.isArray(list)) throw new UsageError(`${yaml.place(key)}: ${key} must be a list.`);
    for (const [index, entry] of list.entries()) {
      const path = `${key}[${index}]`;
      const where = (inner: string) => `${yaml.place(inner)}: ${inner}`;
      const at = { place: where(path), nameOf: (field: string) => where(`${path}.${asWritten(field)}`) };
      wanted.push(await readEntry(kind, entry, at, secrets));
    }
  }
  return wanted;
}

/** What another's configuration became, as a manifest would say it; its secrets are in it, as they came. */
export function wantedOf(manifest: Partial<Record<Kind, readonly JsonObject[]>>, place: string): Wanted[] {
  return KINDS.flatMap((kind) =>
    (manifest[kind] ?? []).map((fields, index) => {
      const entry = `${place}: ${kind}[${index}]`;
      const at = { place: entry, nameOf: (field: string) => `${entry}.${field}` };
      return readFields(kind, fields, {}, secretIn(fields), at);
    }),
  );
}

function secretIn({ credentials }: JsonObject): string | undefined {
  const apiKey = isObject(credentials) ? credentials.apiKey : undefined;
  const secret = isObject(apiKey) ? apiKey.inlineSecret : undefined;
  return typeof secret === "string" ? secret : undefined;
}

type Place = Pick<Wanted, "place" | "nameOf">;

/** A secret that was found by `secretFrom` is sent as one; where it came from is what can be mended. */
function asWritten(field: string): string {
  return field.replace("apiKey.inlineSecret", "apiKey.secretFrom");
}

async function readEntry(kind: Kind, entry: JsonValue, at: Place, secrets: SecretReader): Promise<Wanted> {
  const { place } = at;
  if (!isObject(entry)) throw new UsageError(`${place} must be an object.`);
  const { default: isDefault, disabled, ...fields } = structuredClone(entry);
  const secret = await takeSecret(fields, place, secrets);
  const own = {
    ...(typeof isDefault === "boolean" ? { default: isDefault } : {}),
    ...(typeof disabled === "boolean" ? { disabled } : {}),
  };
  if (kind !== "llms" && (isDefault !== undefined || disabled !== undefined)) {
    throw new UsageError(`${place}: default and disabled are for llms.`);
  }
  return readFields(kind, fields, own, secret, at);
}

function readFields(kind: Kind, fields: JsonObject, own: Wanted["own"], secret: string | undefined, at: Place): Wanted {
  const name = nameIn(kind, fields, at.place);
  const schema = SCHEMAS[kind];
  // An alias names the Llm also where the server has none.
  const { alias, ...rest } = fields;
  const request = schema.fields.some(({ jsonName }) => jsonName === "alias") ? fields : rest;
  const read = lenient(schema, request) as JsonObject;
  try {
    fromJson(schema, read);
  } catch (error) {
    throw inWordsOf(at.nameOf, explainJson(schema, read, error));
  }
  return { kind, name, fields: alias === undefined ? read : { ...read, alias }, own, secret, ...at };
}

function nameIn(kind: Kind, fields: JsonObject, place: string): string {
  const names: Readonly<Record<Kind, JsonValue | undefined>> = {
    providers: fields.name,
    llms: fields.alias ?? fields.llmId,
    routes: fields.name,
    budgets: `${fields.llmId || "all"} a ${String(fields.period).toLowerCase()}`,
  };
  const name = names[kind];
  if (typeof name === "string" && name !== "") return name;
  throw new UsageError(
    `${place} must have ${kind === "llms" ? "an alias (or an llmId)" : "a name"}, to be known again.`,
  );
}

/** A secret is never in a manifest: `secretFrom` says where it is on this side, `secretRef` where the server finds it. */
async function takeSecret(fields: JsonObject, place: string, secrets: SecretReader): Promise<string | undefined> {
  const apiKey = isObject(fields.credentials) ? fields.credentials.apiKey : undefined;
  if (!isObject(apiKey)) return undefined;
  if (apiKey.inlineSecret !== undefined) {
    throw new UsageError(
      `${place}: a secret is not written into a manifest. Say where it is: credentials.apiKey.secretFrom: ` +
        "{env: NAME}, {file: PATH} or {stdin: true}; or secretRef: {uri: …} for the server to find it.",
    );
  }
  const { secretFrom, ...rest } = apiKey;
  if (secretFrom === undefined) return undefined;
  const secret = isObject(secretFrom) ? await secrets(secretFrom) : undefined;
  if (!secret)
    throw new UsageError(`${place}: credentials.apiKey.secretFrom leads to no secret: ${JSON.stringify(secretFrom)}`);
  fields.credentials = { ...(fields.credentials as JsonObject), apiKey: { ...rest, inlineSecret: secret } };
  return secret;
}
