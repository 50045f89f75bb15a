import type { Llm, StoredDeprecation, StoredModel } from "../../store/schema/llm.entity.ts";
import type { CataloguedDeprecation } from "./catalog.ts";

/** The same words as `ModelState.State` in proto/patchbay/v1/model_state.proto. */
export type ModelStateName = "ACTIVE" | "DEPRECATED" | "RETIRED" | "MISSING" | "UNKNOWN";

/** What the model catalog knows of the life of a model. */
export interface CatalogWord {
  /** Whether it knows the model at all. */
  readonly isKnown: boolean;
  readonly deprecation: CataloguedDeprecation | undefined;
}

/** What has become of a model, who says so, and what is known of its end. */
export interface ModelState extends StoredDeprecation {
  readonly state: ModelStateName;
  readonly source: "CATALOG" | "PROVIDER" | undefined;
}

/**
 * What has become of a model, by what the model catalog and the endpoint's list say of it today.
 *
 * - That a model is deprecated is the catalog's word, or the list's where it tells. What the list says of dates and of the
 *   successor goes before what the catalog says.
 * - RETIRED is the catalog's word alone: that the model has ended, or that its last day is over. But a model that is
 *   served, because it is listed or has replied to a test, is at most DEPRECATED.
 * - MISSING is the list's word alone, of a model that is not on it and has not ended by the catalog. What the catalog
 *   says of its end is told all the same.
 * - Without a list the catalog decides, and without either the state is UNKNOWN.
 */
export function modelStateOf(
  { isKnown, deprecation }: CatalogWord,
  { serving, announced }: Pick<StoredModel, "serving" | "announced">,
  today: string,
): ModelState {
  const isServed = serving === "LISTED" || serving === "PROVEN";
  const end = endOf(announced, deprecation);
  if (deprecation && hasEnded(deprecation, today) && !isServed) return { state: "RETIRED", source: "CATALOG", ...end };
  if (serving === "UNLISTED") return { state: "MISSING", source: "PROVIDER", ...end };
  if (announced) return { state: "DEPRECATED", source: "PROVIDER", ...end };
  if (deprecation) return { state: "DEPRECATED", source: "CATALOG", ...end };
  if (serving === "LISTED") return { state: "ACTIVE", source: "PROVIDER" };
  return isKnown ? { state: "ACTIVE", source: "CATALOG" } : { state: "UNKNOWN", source: undefined };
}

/** That a model ends or has ended, for whoever uses it. */
export interface ModelEnding extends StoredDeprecation {
  readonly state: "DEPRECATED" | "RETIRED" | "MISSING";
}

/** Undefined of a model that nobody needs to be told of. */
export function endingOf(llm: Pick<Llm, "modelState" | "model">): ModelEnding | undefined {
  const state = llm.modelState as ModelStateName;
  if (state === "ACTIVE" || state === "UNKNOWN") return undefined;
  const { deprecatedAt, retiresAt, successor } = llm.model;
  return { state, deprecatedAt, retiresAt, successor };
}

/** A day, in UTC, as the catalog and lists write it. */
export function dateOf(time: Date): string {
  return time.toISOString().slice(0, "2026-03-26".length);
}

/** The last day is over everywhere in the world that reckons by UTC, and not before. */
function hasEnded({ isRetired, retiresAt }: CataloguedDeprecation, today: string): boolean {
  return isRetired || (retiresAt !== undefined && retiresAt < today);
}

function endOf(announced: StoredDeprecation | undefined, catalogued: StoredDeprecation | undefined): StoredDeprecation {
  return {
    deprecatedAt: announced?.deprecatedAt ?? catalogued?.deprecatedAt,
    retiresAt: announced?.retiresAt ?? catalogued?.retiresAt,
    successor: announced?.successor ?? catalogued?.successor,
  };
}
