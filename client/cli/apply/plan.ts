import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { AccessService } from "../../../gen/patchbay/v1/access_service_pb.ts";
import { BudgetService } from "../../../gen/patchbay/v1/budget_service_pb.ts";
import { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { ProviderService } from "../../../gen/patchbay/v1/provider_service_pb.ts";
import { RouteService } from "../../../gen/patchbay/v1/route_service_pb.ts";
import type { Connection } from "../calls/connection.ts";
import { UsageError } from "../failure.ts";
import { isObject } from "../resources/input.ts";
import { pagesOf } from "../resources/pages.ts";
import { KINDS, type Kind, type Wanted } from "./manifest.ts";

/** One change that makes what is there what is wanted. */
export interface Step {
  readonly kind: Kind;
  readonly verb: "create" | "update" | "delete";
  readonly name: string;
  /** What is there; undefined for what is made. */
  readonly current: JsonObject | undefined;
  readonly wanted: Wanted | undefined;
  /** The fields that change, with what they are and what they shall be. */
  readonly changes: readonly Change[];
  /** The id of what is made, or was found. */
  readonly id: string;
}

export interface Change {
  readonly field: string;
  readonly from: JsonValue | undefined;
  readonly to: JsonValue;
}

/** What is there of the caller's account. */
export interface Present {
  readonly accountId: string;
  readonly llms: readonly JsonObject[];
  readonly providers: readonly JsonObject[];
  readonly routes: readonly JsonObject[];
  readonly budgets: readonly JsonObject[];
}

/** Reads all that manifests can be about. */
export async function readPresent(connection: Connection): Promise<Present> {
  const { caller } = await connection.call(AccessService.method.getCaller, {});
  const accountId = String((caller as JsonObject).accountId);
  const all = async (noun: Parameters<typeof pagesOf>[1]) =>
    (await Array.fromAsync(pagesOf(connection, noun, { ownerId: accountId }))).flat();
  const [llms, providers, routes, budgets] = await Promise.all([
    all({ list: LlmService.method.listLlms, items: "llms" }),
    all({ list: ProviderService.method.listProviders, items: "providers" }),
    all({ list: RouteService.method.listRoutes, items: "routes" }),
    all({ list: BudgetService.method.listBudgets, items: "budgets" }),
  ]);
  return { accountId, llms, providers, routes, budgets };
}

/** The steps from what is there to what is wanted; none for what is as it shall be. Nothing is written. */
export async function plan(
  connection: Connection,
  wanted: readonly Wanted[],
  present: Present,
  prune: JsonObject | undefined,
): Promise<Step[]> {
  const ids = new Map(wanted.filter(({ kind }) => kind === "llms").map((each) => [each.name, idOf(each, present)]));
  const steps: Step[] = [];
  for (const each of inOrder(wanted)) {
    const step = stepFor(withIds(each, ids, present), present, ids);
    if (step && (await isReal(connection, step))) steps.push(step);
  }
  return prune ? [...steps, ...pruned(present, new Set(ids.values()), prune)] : steps;
}

function inOrder(wanted: readonly Wanted[]): Wanted[] {
  return wanted.toSorted((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
}

/**
 * The id of an Llm of a manifest: its own word, that of the Llm that has its alias, or one that is made of account and
 * alias, so that a manifest that is applied twice, or at once by two, makes one.
 */
function idOf({ name, fields }: Wanted, { accountId, llms }: Present): string {
  if (typeof fields.llmId === "string") return fields.llmId.toLowerCase();
  const named = llms.find(({ alias }) => alias === name);
  if (named) return String(named.llmId);
  const bytes = createHash("sha256").update(`patchbay.apply\0${accountId}\0${name}`).digest().subarray(0, 16);
  // Version 8: made by a rule of our own (RFC 9562).
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Budgets and routes name Llms by their aliases. */
function withIds(wanted: Wanted, ids: ReadonlyMap<string, string>, { llms }: Present): Wanted {
  const { kind, fields, place } = wanted;
  const idFor = (word: string): string => {
    const llmId = ids.get(word) ?? llms.find(({ llmId, alias }) => llmId === word || alias === word)?.llmId;
    if (llmId) return String(llmId);
    throw new UsageError(`${place}: there is no Llm "${word}", neither in the manifests nor on the server.`);
  };
  if (kind === "routes" && fields.tiers)
    return { ...wanted, fields: { ...fields, tiers: tiersOf(fields.tiers, idFor) } };
  if (kind !== "budgets" || !fields.llmId) return wanted;
  return { ...wanted, fields: { ...fields, llmId: idFor(String(fields.llmId)) } };
}

/** Tiers with all that goes without saying. */
export function tiersOf(tiers: JsonValue, nameOf: (llmId: string) => string): JsonObject[] {
  return (tiers as JsonObject[]).map(({ targets, policy }) => ({
    policy: policy && policy !== "POLICY_UNSPECIFIED" ? policy : "WEIGHTED",
    targets: ((targets ?? []) as JsonObject[]).map(({ llmId, weight }) => ({
      llmId: nameOf(String(llmId)),
      weight: weight ?? 1,
    })),
  }));
}

/** Llms name Providers by their names, and tell their ids. */
function withProviderId(wanted: Wanted, { providers }: Present): Wanted {
  const found = providers.find(({ name }) => name === wanted.fields.providerId);
  return found ? { ...wanted, fields: { ...wanted.fields, providerId: found.providerId ?? "" } } : wanted;
}

function stepFor(wanted: Wanted, present: Present, ids: ReadonlyMap<string, string>): Step | undefined {
  const { kind, name } = wanted;
  const current = find(wanted, ids.get(name) ?? "", present);
  const id = kind === "llms" ? (ids.get(name) ?? "") : String(current?.routeId ?? name);
  const changes = changesOf(withProviderId(wanted, present), current);
  if (!current) return { kind, verb: "create", name, current, wanted, changes, id };
  const type = changes.find(({ field }) => field === "providerType");
  if (type)
    throw new UsageError(
      `${wanted.place}: ${name} is ${type.from} and never becomes ${type.to}. Delete it first, or name another.`,
    );
  return changes.length === 0 ? undefined : { kind, verb: "update", name, current, wanted, changes, id };
}

function find(
  { kind, name, fields }: Wanted,
  id: string,
  { llms, providers, routes, budgets }: Present,
): JsonObject | undefined {
  if (kind === "llms") return llms.find(({ llmId }) => llmId === id);
  if (kind === "routes") return withWholeTiers(routes.find((route) => route.name === name));
  if (kind === "providers") return providers.find((provider) => provider.name === name);
  return budgets.find(({ llmId, period }) => llmId === (fields.llmId ?? "") && period === fields.period);
}

function withWholeTiers(route: JsonObject | undefined): JsonObject | undefined {
  return route && { ...route, tiers: tiersOf(route.tiers ?? [], (llmId) => llmId) };
}

/** Fields that never change, or that are no fields of the thing. */
const NAMES = new Set(["llmId", "name", "ownerId", "requestId", "validateOnly", "takeAlias"]);

function changesOf({ fields, own, secret, kind }: Wanted, current: JsonObject | undefined): Change[] {
  const changes: Change[] = [];
  for (const [field, to] of Object.entries(fields)) {
    if (NAMES.has(field) || to === undefined) continue;
    if (field === "credentials") changes.push(...credentialsChange(to as JsonObject, secret, current));
    // The server knows no alias: it names the Llm in manifests only.
    else if (field === "alias" && current && current.alias === undefined) continue;
    else if (!current || !isCovered(current[field], to)) changes.push({ field, from: current?.[field], to });
  }
  if (own.default && current?.isDefault !== true) changes.push({ field: "default", from: false, to: true });
  if (own.disabled !== undefined && own.disabled !== (current?.status === "DISABLED")) {
    changes.push({ field: "disabled", from: current?.status === "DISABLED", to: own.disabled });
  }
  return kind === "budgets" && !current ? changes.filter(({ field }) => field !== "llmId") : changes;
}

/** A secret cannot be read back: its hint says whether it is another one, as far as it says anything. */
function credentialsChange(
  credentials: JsonObject,
  secret: string | undefined,
  current: JsonObject | undefined,
): Change[] {
  const apiKey = (credentials.apiKey ?? {}) as JsonObject;
  const uri = isObject(apiKey.secretRef) ? apiKey.secretRef.uri : undefined;
  const hint = secret !== undefined && secret.length >= 20 ? `…${secret.slice(-4)}` : "";
  const isSame =
    uri === undefined
      ? current?.hasCredentials && (hint === "" || hint === current.credentialsHint)
      : current?.credentialsRef === uri;
  if (current && isSame && !(uri === undefined && current.credentialsRef)) return [];
  const from = current?.credentialsRef || current?.credentialsHint || (current?.hasCredentials ? "…" : undefined);
  return [{ field: "credentials", from, to: uri ?? (hint || "…") }];
}

/** Whether what is there says all that is wanted: of objects, the fields that are named. */
export function isCovered(current: JsonValue | undefined, wanted: JsonValue): boolean {
  if (isObject(wanted)) {
    const there = isObject(current) ? current : {};
    return Object.entries(wanted).every(([key, value]) => isCovered(there[key], value as JsonValue));
  }
  if (typeof wanted === "number" || typeof current === "number") return String(current ?? 0) === String(wanted);
  return isDeepStrictEqual(current ?? (wanted === "" ? "" : null), wanted);
}

/** The server has the last word on whether a URL is the same: what it would store is compared with what it has. */
async function isReal(connection: Connection, { kind, verb, current, changes, id }: Step): Promise<boolean> {
  const [only] = changes;
  if (kind !== "llms" || verb !== "update" || !only || changes.length > 1 || only.field !== "endpointUrl") return true;
  try {
    const { llm } = await connection.call(LlmService.method.updateLlm, {
      llmId: id,
      endpointUrl: only.to,
      validateOnly: true,
    });
    return (llm as JsonObject).endpointUrl !== current?.endpointUrl;
  } catch {
    return true; // What refuses it is told when it is done.
  }
}

/** Llms with all of these labels that no manifest names. */
function pruned({ llms }: Present, named: ReadonlySet<string>, labels: JsonObject): Step[] {
  const unwanted = llms.filter((llm) => !named.has(String(llm.llmId)) && isCovered(llm.labels, labels));
  return unwanted.map((current) => ({
    kind: "llms",
    verb: "delete",
    name: String(current.alias || current.displayName),
    current,
    wanted: undefined,
    changes: [],
    id: String(current.llmId),
  }));
}
