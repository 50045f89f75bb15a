import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Document, isMap, type YAMLMap, YAMLSeq } from "yaml";
import { type Present, tiersOf } from "./plan.ts";

/** The fields of an Llm that its owner chooses, in the order that people read them in. */
const LLM_FIELDS = [
  "alias",
  "llmId",
  "displayName",
  "description",
  "providerType",
  "providerId",
  "endpointUrl",
  "apiPath",
  "modelIdentifier",
  "credentials",
  "labels",
  "supportedModalities",
  "capabilities",
  "defaultSamplingParams",
  "patience",
  "maxContextLength",
  "clientConfig",
  "price",
  "checkIntervalSeconds",
  "monitoringEndpoint",
  "version",
  "default",
  "disabled",
];

const PROVIDER_FIELDS = ["name", "displayName", "providerType", "endpointUrl", "credentials", "metadata"];

/**
 * Writes what is there as a manifest that makes it: without secrets, and without what nobody chose. Editors find the schema
 * at its server.
 */
export function exportManifest({ llms, providers, routes, budgets }: Present, serverUrl: string): string {
  const names = new Map(llms.map(({ llmId, alias }) => [llmId, alias || llmId]));
  const providerNames = new Map(providers.map(({ providerId, name }) => [providerId, name]));
  const document = new Document({});
  const manifest: [string, JsonObject[]][] = [
    ["providers", providers.map((provider) => chosen(provider, PROVIDER_FIELDS))],
    ["llms", llms.map((llm) => llmEntry(llm, providerNames))],
    ["routes", routes.map((route) => routeEntry(route, names))],
    ["budgets", budgets.map((budget) => budgetEntry(budget, names))],
  ];
  for (const [kind, entries] of manifest) {
    if (entries.length > 0) document.set(kind, document.createNode(entries));
  }
  noteSecrets(document, "providers", providers);
  noteSecrets(document, "llms", llms);
  document.commentBefore = ` yaml-language-server: $schema=${serverUrl}/manifest.schema.json\n Written by: patchbay export`;
  return document.toString({ lineWidth: 120 });
}

function llmEntry(
  llm: JsonObject,
  providerNames: ReadonlyMap<JsonValue | undefined, JsonValue | undefined>,
): JsonObject {
  const entry = chosen({ ...llm, ...ownWords(llm), default: llm.isDefault ?? false }, LLM_FIELDS);
  if (llm.alias) delete entry.llmId;
  if (llm.status === "DISABLED") entry.disabled = true;
  if (!entry.default) delete entry.default;
  if (llm.providerId) {
    entry.providerId = providerNames.get(llm.providerId) ?? llm.providerId;
    delete entry.endpointUrl;
  }
  return entry;
}

const ROUTE_FIELDS = ["name", "displayName", "description", "tiers", "attemptTimeoutMs"];

/** Its Llms by their aliases; what goes without saying is not said. */
function routeEntry(route: JsonObject, names: ReadonlyMap<JsonValue | undefined, JsonValue | undefined>): JsonObject {
  const tiers = tiersOf(route.tiers ?? [], (llmId) => String(names.get(llmId) ?? llmId));
  const short = tiers.map(({ policy, targets }) => ({
    ...(policy === "WEIGHTED" ? {} : { policy: policy ?? "" }),
    targets: (targets as JsonObject[]).map(({ llmId, weight }) =>
      weight === 1 ? { llmId: llmId ?? "" } : { llmId: llmId ?? "", weight: weight ?? 0 },
    ),
  }));
  const shown = chosen({ ...route, tiers: short }, ROUTE_FIELDS);
  if (shown.displayName === shown.name) delete shown.displayName;
  return shown;
}

function budgetEntry(budget: JsonObject, names: ReadonlyMap<JsonValue | undefined, JsonValue | undefined>): JsonObject {
  const entry = chosen(budget, ["llmId", "amount", "period", "mode"]);
  return entry.llmId ? { ...entry, llmId: names.get(entry.llmId) ?? entry.llmId } : entry;
}

/** Of capabilities and the like only what the owner said: the rest is inferred again. */
function ownWords(llm: JsonObject): JsonObject {
  const sources = (llm.capabilitySources ?? {}) as Record<string, JsonObject>;
  const isOwn = (field: string) => sources[field]?.source === "OWNER";
  const capabilities = Object.entries((llm.capabilities ?? {}) as JsonObject).filter(([field]) => isOwn(field));
  return {
    capabilities: Object.fromEntries(capabilities) as JsonObject,
    ...(isOwn("maxContextLength") ? {} : { maxContextLength: "" }),
    ...(isOwn("supportedModalities") ? {} : { supportedModalities: [] }),
    ...(llm.credentialsRef ? { credentials: { apiKey: { secretRef: { uri: llm.credentialsRef } } } } : {}),
  };
}

function chosen(thing: JsonObject, fields: readonly string[]): JsonObject {
  const given = fields.map((field) => [field, said(thing[field])] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined)) as JsonObject;
}

/** A value without what is empty in it; undefined if nothing is left. */
function said(value: JsonValue | undefined): JsonValue | undefined {
  if (value === null || value === "" || value === 0 || value === "0") return undefined;
  if (Array.isArray(value)) return value.length > 0 ? value : undefined;
  if (typeof value !== "object") return value;
  const inner = Object.entries(value).filter(([, each]) => !Array.isArray(each) || each.length > 0);
  return inner.length > 0 ? Object.fromEntries(inner) : undefined;
}

/** Where a secret is stored, a comment says what to write for another server. */
function noteSecrets(document: Document, kind: string, things: readonly JsonObject[]): void {
  const list = document.get(kind);
  if (!(list instanceof YAMLSeq)) return;
  for (const [index, item] of list.items.entries()) {
    const thing = things[index];
    if (!isMap(item) || !thing?.hasCredentials || thing.credentialsRef) continue;
    const name = String(thing.alias || thing.name || thing.displayName)
      .toUpperCase()
      .replace(/[^A-Z0-9]+/g, "_");
    (item as YAMLMap).comment = ` credentials: {apiKey: {secretFrom: {env: ${name}_KEY}}}`;
  }
}
