import { createHash } from "node:crypto";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../../resources/input.ts";
import type { Findings } from "../findings.ts";
import type { ImportedKey } from "../imported.ts";
import { budgetFor, countFor } from "../key-limits.ts";

/** The texts of keys by their SHA-256, which is all that LiteLLM stores of them. */
export type KeyTexts = ReadonlyMap<string, string>;

/** Reads a file with one key in a line. */
export function readKeyTexts(source: string): KeyTexts {
  const texts = source.split(/\s+/).filter((text) => text !== "");
  return new Map(texts.map((text) => [createHash("sha256").update(text).digest("hex"), text]));
}

/** What LiteLLM keeps beside its config.yaml. */
export interface LitellmKeys {
  /** Rows of LiteLLM_VerificationToken, or the answer of /key/list?return_full_object=true. */
  readonly dump: JsonValue;
  readonly texts: KeyTexts;
  /** Whether new keys are made of those whose text nobody gave. */
  readonly makesNew: boolean;
}

/** Words of LiteLLM for all models. */
const ALL_MODELS = new Set(["all-proxy-models", "*"]);

const NOT_TAKEN: Readonly<Record<string, string>> = {
  spend: "what was used begins anew here",
  model_spend: "what was used begins anew here",
  budget_reset_at: "what was used begins anew here",
  aliases: "names are an account's, for all of its keys: make a route",
  team_id: "its team's own limits are not in this dump: set them on an account, patchbay accounts edit",
  organization_id: "its organization's own limits are not in this dump: set them on an account",
  user_id: "keys are of accounts; the name says who holds it",
  model_max_budget: "a key has one budget, whatever the model",
  allowed_routes: "it may call models, and see which there are, and nothing else",
  permissions: "it may call models, and see which there are, and nothing else",
};

/**
 * Reads LiteLLM's virtual keys. The names, rates and budget of a key are never wider than they were: where they cannot be
 * said, the key is left out. Limits of other kinds, such as its team's, are told as not taken.
 */
export function readLitellmKeys(
  { dump, texts, makesNew }: LitellmKeys,
  names: ReadonlyMap<string, string>,
  findings: Findings,
): ImportedKey[] {
  const isList = Array.isArray(dump);
  const rows = isList ? dump : isObject(dump) && Array.isArray(dump.keys) ? dump.keys : [];
  if (!isList && isObject(dump)) findings.refuseOthers(dump, "", ["keys"], "it is about the list itself");
  const taken = new Set<string>();
  return rows.flatMap((row, index) => {
    const path = `keys[${index}]`;
    if (!isObject(row)) {
      findings.refuse(row, path, "it is no more than a hash: ask with return_full_object=true, or dump the table");
      return [];
    }
    const key = readKey(row, path, { texts, makesNew, names, findings });
    if (!key) return [];
    const displayName = taken.has(key.displayName)
      ? `${key.displayName} ${String(row.token).slice(0, 8)}`
      : key.displayName;
    taken.add(displayName);
    return [{ ...key, displayName }];
  });
}

interface Circumstances {
  readonly texts: KeyTexts;
  readonly makesNew: boolean;
  readonly names: ReadonlyMap<string, string>;
  readonly findings: Findings;
}

function readKey(row: JsonObject, path: string, circumstances: Circumstances): ImportedKey | undefined {
  const { texts, makesNew, names, findings } = circumstances;
  const budgetTable = isObject(row.litellm_budget_table) ? row.litellm_budget_table : {};
  // A limit of the key itself counts before that of the budget that it shares.
  const limited = { ...budgetTable, ...withoutNulls(row) };
  const expiresAt = row.expires ? Date.parse(String(row.expires)) : 0;
  const models = modelsOf(row.models ?? null, names);
  const budget = budgetFor(limited.max_budget ?? null, limited.budget_duration ?? null);
  const counts = Object.keys(COUNTS).filter((field) => (limited[field] ?? null) !== null);
  const uncountable = counts.find((field) => countFor(limited[field]) === undefined);
  const secret = texts.get(String(row.token));
  const refusal =
    (row.blocked === true && "it is blocked") ||
    (expiresAt !== 0 && !(expiresAt > Date.now()) && "it has ended") ||
    models.refusal ||
    (budget && "refusal" in budget && budget.refusal) ||
    (uncountable && `its ${uncountable} lets no call through`) ||
    (secret === undefined && !makesNew && NO_TEXT);
  if (refusal) return void findings.refuse(row, path, `the key is left out: ${refusal}`);

  const limits: JsonObject = {};
  const take = (field: string, told: string) => {
    const place =
      row[field] === undefined || row[field] === null ? `${path}.litellm_budget_table.${field}` : `${path}.${field}`;
    findings.take(place, "taken as", told);
  };
  if (models.allowed.length > 0) limits.allowedModels = models.allowed;
  tellModels(row.models ?? null, path, names, findings);
  for (const field of counts) {
    const name = COUNTS[field] as string;
    limits[name] = countFor(limited[field]) ?? 0;
    take(field, `limits.${name} ${limits[name]}`);
  }
  if (budget && "amountUsd" in budget) {
    limits.budget = { amountUsd: budget.amountUsd, period: budget.period };
    take("max_budget", `limits.budget ${budget.amountUsd} dollars`);
    if (limited.budget_duration) take("budget_duration", budget.told);
  }
  const displayName = String(row.key_alias || row.key_name || `LiteLLM ${String(row.token).slice(0, 8)}`);
  for (const field of ["key_alias", "key_name"] as const) {
    if (row[field] === undefined) continue;
    if (row[field] === displayName) findings.take(`${path}.${field}`, "taken as", "displayName");
    else findings.refuse(row[field], `${path}.${field}`, "key_alias names it");
  }
  const told = secret
    ? "the key, by its text in --key-texts"
    : "a new key: LiteLLM stores no more of a key than a hash";
  findings.take(`${path}.token`, secret ? "taken" : "taken as", told);
  if (expiresAt !== 0) findings.take(`${path}.expires`, "taken as", "expiresAt");
  tellRest(row, path, findings);
  return { displayName, limits, expiresAt: String(expiresAt), secret };
}

const NO_TEXT =
  "LiteLLM stores no more of a key than a hash. Give the keys' texts in --key-texts, one in a line, or have new ones made: --new-keys FILE";

const COUNTS: Readonly<Record<string, string>> = {
  rpm_limit: "requestsPerMinute",
  tpm_limit: "tokensPerMinute",
  max_parallel_requests: "parallelCalls",
};

/** What it may call, by the names that models have here. Nothing is left of what restricts it: then it is not made. */
function modelsOf(models: JsonValue, names: ReadonlyMap<string, string>): { allowed: string[]; refusal?: string } {
  const words = Array.isArray(models) ? models.map(String) : [];
  if (words.length === 0 || words.some((word) => ALL_MODELS.has(word))) return { allowed: [] };
  if (words.includes("all-team-models")) {
    return { allowed: [], refusal: "it may call its team's models, which this dump does not name" };
  }
  const allowed = [...new Set(words.flatMap((word) => names.get(word) ?? []))];
  if (allowed.length > 0) return { allowed };
  return { allowed, refusal: "none of the models that it may call was taken" };
}

function tellModels(models: JsonValue, path: string, names: ReadonlyMap<string, string>, findings: Findings) {
  if (!Array.isArray(models)) return;
  if (models.length === 0) return findings.take(`${path}.models`, "taken", "all of them");
  for (const [index, word] of models.entries()) {
    const place = `${path}.models[${index}]`;
    const name = names.get(String(word));
    if (ALL_MODELS.has(String(word))) findings.take(place, "taken as", "no limit of names");
    else if (name) findings.take(place, "taken as", `limits.allowedModels ${name}`);
    else findings.take(place, "not taken", `no model called ${word} was taken`);
  }
}

/** What nothing was said of yet. */
function tellRest(row: JsonObject, path: string, findings: Findings): void {
  const told = new Set(findings.all.map((finding) => finding.path));
  const rest = Object.fromEntries(
    Object.entries(row).filter(([field]) => field !== "models" && !told.has(`${path}.${field}`)),
  );
  for (const [field, value] of Object.entries(rest)) {
    if (field === "litellm_budget_table" && isObject(value)) {
      const left = Object.entries(value).filter(([each]) => !told.has(`${path}.${field}.${each}`));
      for (const [each, inner] of left)
        findings.refuse(inner, `${path}.${field}.${each}`, "the key's own counts, or it has no counterpart");
    } else
      findings.refuse(
        value,
        `${path}.${field}`,
        value === null ? "it is empty" : (NOT_TAKEN[field] ?? "it has no counterpart"),
      );
  }
}

function withoutNulls(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null)) as JsonObject;
}
