import { randomUUID } from "node:crypto";
import { Fault, invalidField } from "../../base/fault.ts";
import { nearestNames } from "../../base/names.ts";
import { knownNames, namesOf } from "../../store/limits/allowed.ts";
import { DEEPEST, saveLimits, saveSubject, storedLimitsOf } from "../../store/limits/holder-limits.ts";
import type { ApiKey } from "../../store/schema/api-key.entity.ts";
import type { EntityManager } from "../../store/store.ts";
import { type HolderLimits, limitsAnything } from "../call/holder-limits.ts";
import type { Caller } from "../call/scope.ts";
import { ownLimitsOf, requireNarrower } from "./grant.ts";

/** Writes the limits of a new key down, within those of the caller; answers with their id, or null if nothing limits it. */
export async function limitsFor(
  em: EntityManager,
  caller: Caller,
  accountId: string,
  limits: HolderLimits,
): Promise<string | null> {
  const [own, ...others] = ownLimitsOf(caller) ?? [];
  if (!own && !limitsAnything(limits)) return null;
  if (others.length + 1 >= DEEPEST) {
    const message = `the caller's key is within limits that are ${DEEPEST} deep already; make the key with another one`;
    throw new Fault("API_KEY_EXCEEDS_CALLER", message);
  }
  if (own?.kind === "SUBJECT") await saveSubject(em, own);
  await requireNamed(em, accountId, limits.allowedModels);
  const id = randomUUID();
  await saveLimits(em, { id, accountId, kind: "API_KEY", withinId: own?.id }, limits);
  return id;
}

/** Only whoever they do not hold for may change limits. */
export async function changeLimits(
  em: EntityManager,
  caller: Caller,
  key: ApiKey,
  limits: HolderLimits,
): Promise<void> {
  requireNarrower(caller, limits);
  if (key.limits !== null && ownLimitsOf(caller)?.some(({ id }) => id === key.limits)) {
    throw new Fault("API_KEY_EXCEEDS_CALLER", "these limits hold for the caller, who cannot change them");
  }
  const had = key.ownLimits?.allowedModels ?? [];
  await requireNamed(
    em,
    key.account,
    limits.allowedModels.filter((name) => !had.includes(name)),
  );
  // Once it has limits it keeps them, if only as what they are within.
  key.limits ??= limitsAnything(limits) ? randomUUID() : null;
  if (key.limits === null) return;
  const { limits: id, account: accountId } = key;
  await saveLimits(em, { id, accountId, kind: "API_KEY" }, limits);
  key.ownLimits = storedLimitsOf(limits);
}

/** Refuses names that stand for nothing: whoever misspells one would otherwise make a key that can do nothing. */
export async function requireNamed(em: EntityManager, accountId: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const known = await knownNames(em, accountId, names);
  const first = names.find((name) => !known.has(name));
  if (first === undefined) return;
  const near = nearestNames(first, await namesOf(em, accountId)).map((name) => JSON.stringify(name));
  const advice =
    near.length > 0 ? `did you mean ${near.join(" or ")}?` : "give aliases of Llms, names of routes, or ids";
  throw invalidField(
    "limits.allowed_models",
    `has ${JSON.stringify(first)}, which the account has no Llm or route by; ${advice}`,
  );
}
