import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../../resources/input.ts";
import type { Findings } from "../findings.ts";
import { type ImportedKey, listIn } from "../imported.ts";
import { type Budget, budgetFor, perMinute, secondsOf } from "../key-limits.ts";
import { resolve, type Variables } from "../variables.ts";
import { writtenIn } from "./written.ts";

interface Context {
  /** What models are called here, by vendor and model. */
  readonly models: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly variables: Variables;
  readonly findings: Findings;
  /** Whether an empty list means everything, as it did in version 1. */
  readonly isOld: boolean;
}

const OWN_TO_TEAMS = "limits here are of keys and accounts: set them on an account, patchbay accounts edit";

/**
 * Reads the virtual keys of Bifrost's governance. The names, rates and budget of a key are never wider than they were:
 * where they cannot be said, the key is left out. Limits of other kinds, such as its team's, are told as not taken.
 */
export function readBifrostKeys(governance: JsonObject, context: Context): ImportedKey[] {
  const { findings } = context;
  const rows = listIn(governance.virtual_keys);
  const keys = rows.flatMap(
    (row, index) => readKey(row, `governance.virtual_keys[${index}]`, governance, context) ?? [],
  );
  // What was used of them is told where they are.
  const used = new Set(findings.all.map(({ path }) => path));
  for (const section of ["budgets", "rate_limits"]) {
    for (const [index, row] of listIn(governance[section]).entries()) {
      const path = `governance.${section}[${index}]`;
      if (!isObject(row)) findings.refuse(row, path, "it is no limit");
      else
        findings.refuseOthers(
          row,
          path,
          Object.keys(row).filter((field) => used.has(`${path}.${field}`)),
          OWN_TO_TEAMS,
        );
    }
  }
  const known = ["virtual_keys", "budgets", "rate_limits"];
  findings.refuseOthers(governance, "governance", known, (path) =>
    path.startsWith("governance.auth_config") ? "Patchbay has keys of its own: patchbay keys create" : OWN_TO_TEAMS,
  );
  return keys;
}

function readKey(row: JsonValue, path: string, governance: JsonObject, context: Context): ImportedKey | undefined {
  const { findings, variables } = context;
  if (!isObject(row)) return void findings.refuse(row, path, "it is no key");
  const expiresAt = row.expires_at ? Date.parse(String(row.expires_at)) : 0;
  const secret = row.value === undefined ? "" : resolve(writtenIn(row.value), variables);
  const allowed = modelsOf(row, context);
  const spending = spendingOf(row, governance);
  const rates = ratesOf(row, governance);
  const refusal =
    (row.is_active === false && "it is not in use") ||
    (expiresAt !== 0 && !(expiresAt > Date.now()) && "it has ended") ||
    (secret === undefined && "its variable is not in --env-file") ||
    (secret === "" && "its text is not in the configuration") ||
    ("refusal" in allowed && allowed.refusal) ||
    ("refusal" in spending && spending.refusal) ||
    ("refusal" in rates && rates.refusal);
  if (refusal) return void findings.refuse(row, path, `the key is left out: ${refusal}`);
  const limits: JsonObject = {};
  for (const part of [allowed, spending, rates]) {
    if ("refusal" in part) continue;
    Object.assign(limits, part.limits);
    for (const [place, message] of part.told) findings.take(place, "taken as", message);
  }
  findings.take(`${path}.name`, "taken as", "displayName");
  for (const field of ["id", "description"]) {
    if (row[field] !== undefined) findings.refuse(row[field], `${path}.${field}`, "its name says what it is");
  }
  findings.take(`${path}.value`, "taken", "the key goes on to work; it is kept as a hash");
  if (row.is_active !== undefined) findings.take(`${path}.is_active`, "taken", "it is in use");
  if (expiresAt !== 0) findings.take(`${path}.expires_at`, "taken as", "expiresAt");
  if (row.rate_limit_id !== undefined) findings.take(`${path}.rate_limit_id`, "taken as", "its limits");
  tellConfigs(row, path, context);
  const known = ["name", "id", "description", "value", "is_active", "expires_at", "rate_limit_id", "provider_configs"];
  findings.refuseOthers(row, path, known, (place) =>
    place.endsWith("_id") ? OWN_TO_TEAMS : "a budget begins with the day or the month of UTC, or it has no counterpart",
  );
  return { displayName: String(row.name), limits, expiresAt: String(expiresAt), secret };
}

/** A part of the limits, with what is told of its fields; or why it cannot be said. */
type Part =
  | { readonly limits: JsonObject; readonly told: readonly (readonly [path: string, message: string])[] }
  | { readonly refusal: string };

/** The models of its providers, by the names that they have here. */
function modelsOf(row: JsonObject, { models, isOld }: Context): Part {
  const configs = listIn(row.provider_configs).filter(isObject);
  if (configs.length === 0 && isOld) return { limits: {}, told: [] };
  const allowed = configs.flatMap(({ provider, allowed_models: list }) => {
    const known = models.get(String(provider)) ?? new Map<string, string>();
    const words = listIn(list).map(String);
    const isAll = words.includes("*") || (words.length === 0 && isOld);
    return isAll ? [...known.values()] : words.flatMap((word) => known.get(word) ?? []);
  });
  if (allowed.length === 0) return { refusal: "none of the models that it may call was taken" };
  if (allowed.length > 100) return { refusal: "it may call more than 100 models" };
  return { limits: { allowedModels: [...new Set(allowed)] }, told: [] };
}

function tellConfigs(row: JsonObject, path: string, { models, findings }: Context) {
  for (const [index, config] of listIn(row.provider_configs).entries()) {
    const place = `${path}.provider_configs[${index}]`;
    if (!isObject(config)) {
      findings.refuse(config, place, "it is no object");
      continue;
    }
    const known = models.get(String(config.provider));
    findings.take(
      `${place}.provider`,
      known ? "taken as" : "not taken",
      known ? "limits.allowedModels" : "it was not taken",
    );
    for (const [at, model] of listIn(config.allowed_models).entries()) {
      const name = model === "*" ? "all that were taken of it" : known?.get(String(model));
      const told = name === undefined ? `no model called ${model} was taken` : name;
      findings.take(`${place}.allowed_models[${at}]`, name === undefined ? "not taken" : "taken as", told);
    }
    if (Array.isArray(config.allowed_models) && config.allowed_models.length === 0)
      findings.refuse([], `${place}.allowed_models`, "it names none");
    findings.refuseOthers(
      config,
      place,
      ["provider", "allowed_models"],
      "a key's limits are of all its models together, and routes weigh",
    );
  }
}

/** Its one budget: those that name it, or the one that it names. */
function spendingOf(row: JsonObject, governance: JsonObject): Part {
  const own = listIn(governance.budgets).flatMap((budget, index) =>
    isObject(budget) &&
    (budget.virtual_key_id === row.id || (row.budget_id !== undefined && budget.id === row.budget_id))
      ? [{ budget, path: `governance.budgets[${index}]` }]
      : [],
  );
  const [first] = own;
  if (!first) return { limits: {}, told: [] };
  if (own.length > 1) return { refusal: "it has several budgets, and a key has one here" };
  const { budget, path } = first;
  const spending: Budget | undefined = budgetFor(budget.max_limit ?? null, budget.reset_duration ?? null);
  if (!spending) return { refusal: "its budget has no amount" };
  if ("refusal" in spending) return spending;
  const { amountUsd, period, told } = spending;
  return {
    limits: { budget: { amountUsd, period } },
    told: [
      [`${path}.max_limit`, `limits.budget ${amountUsd} dollars`],
      [`${path}.reset_duration`, told],
      ...["id", "virtual_key_id"]
        .filter((field) => budget[field] !== undefined)
        .map((field) => [`${path}.${field}`, "whose it is"] as const),
    ],
  };
}

const RATES = [
  { kind: "request", name: "requestsPerMinute" },
  { kind: "token", name: "tokensPerMinute" },
] as const;

/** Its rates, at so many a minute. */
function ratesOf(row: JsonObject, governance: JsonObject): Part {
  if (row.rate_limit_id === undefined) return { limits: {}, told: [] };
  const index = listIn(governance.rate_limits).findIndex((each) => isObject(each) && each.id === row.rate_limit_id);
  const rate = listIn(governance.rate_limits)[index];
  if (!isObject(rate)) return { refusal: "its rate limit is not in the configuration" };
  const path = `governance.rate_limits[${index}]`;
  const limits: JsonObject = {};
  const told: (readonly [string, string])[] = [[`${path}.id`, "whose it is"]];
  for (const { kind, name } of RATES) {
    const count = rate[`${kind}_max_limit`];
    if (count === undefined || count === null) continue;
    const seconds = secondsOf(rate[`${kind}_reset_duration`] ?? null);
    const perMinuteCount = seconds === undefined ? undefined : perMinute(Number(count), seconds);
    if (perMinuteCount === undefined)
      return { refusal: `its ${kind}s are fewer than one a minute, or in no time that is known` };
    limits[name] = perMinuteCount;
    told.push([`${path}.${kind}_max_limit`, `limits.${name} ${perMinuteCount}`]);
    told.push([`${path}.${kind}_reset_duration`, "a minute, at the same rate"]);
  }
  return { limits, told };
}
