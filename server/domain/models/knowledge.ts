import type { StoredModel, StoredPrice, StoredTest } from "../../store/schema/llm.entity.ts";
import type { ListedPrice } from "../../upstream/models/adapter.ts";
import type { ModelFacts } from "./catalog.ts";
import { claimsOfCatalog, claimsOfList, claimsOfTest } from "./catalog.ts";
import type { FetchedModels } from "./lists.ts";
import { findServed, isPattern, type ModelName } from "./lists.ts";
import { dateOf, type ModelStateName, modelStateOf } from "./model-state.ts";

/** What is known of a model. */
export interface ModelKnowledge {
  readonly state: ModelStateName;
  readonly model: StoredModel;
}

/** What there is to learn of a model: by the catalog always, by a list or a test if there is one. */
export interface ModelNews {
  readonly facts: ModelFacts | undefined;
  readonly list?: FetchedModels | undefined;
  readonly test?: StoredTest | undefined;
}

/** Nothing. */
export const NOTHING_KNOWN: StoredModel = { claims: {} };

/** What is left to know of a model once it is another one, or at another place: what the catalog says, until it is asked. */
export function forgetEndpoint({ claims: { CATALOG } }: StoredModel): StoredModel {
  return { claims: CATALOG ? { CATALOG } : {} };
}

/** Knowledge of a model, of which the list is to be read again: with other credentials, it may be another one. */
export function withListDue({ checkedAt: _, ...model }: StoredModel): StoredModel {
  return model;
}

/** What is known of a model after news of it. A list that tells nothing, and a test that proves nothing, change nothing. */
export function learn(
  before: ModelKnowledge,
  name: Omit<ModelName, "catalogNames">,
  { facts, list, test }: ModelNews,
  now = new Date(),
): ModelKnowledge {
  const heard = list ? afterList(before.model, { ...name, catalogNames: facts?.names ?? [] }, list) : before.model;
  const tested = test ? afterTest(heard, before.state, test) : heard;
  const claims = { ...tested.claims, CATALOG: facts && claimsOfCatalog(facts) };
  const word = { isKnown: facts !== undefined, deprecation: facts?.deprecation };
  const { state, ...end } = modelStateOf(word, tested, dateOf(now));
  const { serving, announced, listed, checkedAt } = tested;
  const { PROVIDER } = tested.outputLimits ?? {};
  const CATALOG = facts?.outputLength;
  const outputLimits = PROVIDER === undefined && CATALOG === undefined ? undefined : { PROVIDER, CATALOG };
  return { state, model: withoutGaps({ ...end, claims, serving, announced, listed, outputLimits, checkedAt }) };
}

/** The most tokens of one reply: what the endpoint says goes before what the catalog does; undefined where neither does. */
export function outputLimitOf({ outputLimits }: StoredModel): number | undefined {
  return outputLimits?.PROVIDER ?? outputLimits?.CATALOG;
}

/** A list without the model tells only if it is complete and has any; and not of a model that replied all the same. */
function afterList(before: StoredModel, name: ModelName, list: FetchedModels): StoredModel {
  const { models, isComplete, fetchedAt: checkedAt } = list;
  // Another server held it for a while.
  if (before.checkedAt !== undefined && checkedAt < before.checkedAt) return before;
  const served = findServed(models, name);
  if (!served) {
    if (!isComplete || models.length === 0) return before;
    return { ...before, serving: before.serving === "PROVEN" ? "PROVEN" : "UNLISTED", checkedAt };
  }
  const isVague = isPattern(served.id);
  return {
    ...before,
    claims: { ...before.claims, PROVIDER: isVague ? undefined : claimsOfList(served) },
    serving: "LISTED",
    announced: isVague ? undefined : served.deprecation,
    listed:
      isVague || !served.price
        ? undefined
        : { ...served.price, setAt: setAtOf(before.listed, served.price, checkedAt) },
    outputLimits: isVague ? undefined : { PROVIDER: served.maxOutputTokens },
    checkedAt,
  };
}

/** Since when it is so: a price that is listed once more is none that was set anew. */
function setAtOf(before: StoredPrice | undefined, price: ListedPrice, now: number): number {
  const isSame =
    before && (["input", "output", "cacheRead", "cacheWrite"] as const).every((kind) => before[kind] === price[kind]);
  return isSame ? before.setAt : now;
}

/** A reply of what should be gone proves that it is not, until a test does not find it. */
function afterTest(before: StoredModel, state: ModelStateName, test: StoredTest): StoredModel {
  const isUnfound = test.outcome === "MODEL_NOT_FOUND" && before.serving === "PROVEN";
  const isProven = test.outcome === "OK" && (state === "MISSING" || state === "RETIRED");
  return {
    ...before,
    claims: { ...before.claims, PROBE: { ...before.claims.PROBE, ...claimsOfTest(test) } },
    serving: isUnfound ? undefined : isProven ? "PROVEN" : before.serving,
  };
}

/** As it is read from the database again: without what is undefined, and without claims of who says nothing. */
function withoutGaps(model: StoredModel): StoredModel {
  const claims = Object.entries(model.claims).filter(([, said]) => said && Object.keys(said).length > 0);
  return JSON.parse(JSON.stringify({ ...model, claims: Object.fromEntries(claims) }));
}
