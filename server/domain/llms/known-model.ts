import { isDeepStrictEqual } from "node:util";
import { type KnownModel, keepModel } from "../../store/known-model.ts";
import type { Llm } from "../../store/llm.entity.ts";
import { lockLlm } from "../../store/llm-queries.ts";
import type { EntityManager } from "../../store/store.ts";
import { lookUpModel } from "../models/catalog.ts";
import { givenOf, inferModel, type ModelProperties } from "../models/inference.ts";
import { learn, type ModelKnowledge, type ModelNews } from "../models/model-knowledge.ts";
import type { ModelStateName } from "../models/model-state.ts";
import { tellOf } from "./llm-changes.ts";
import { inferredOf, providerTypeOf } from "./llm-values.ts";

/** What is known of the model of an Llm after news of it, and what its properties are then. */
export function knownAfter(
  llm: Pick<Llm, "providerType" | "modelIdentifier" | "modelState" | "model">,
  given: ModelProperties,
  news: ModelNews,
): KnownModel & Pick<Llm, "inferred"> {
  const name = { providerType: providerTypeOf(llm), name: llm.modelIdentifier };
  const { state, model } = learn(knowledgeOf(llm), name, news);
  const { capabilities, maxContextLength = null, supportedModalities, inferred } = inferModel(given, model.claims);
  return {
    modelState: state,
    model,
    capabilities,
    maxContextLength,
    supportedModalities: [...supportedModalities],
    supportsWebSearch: news.facts?.supportsWebSearch ?? false,
    inferred: [...inferred],
  };
}

/**
 * Keeps what is new of the model of an Llm, and tells those who watch if it is more than that it was looked at. False if
 * the connection is another one by now, so that the news are not of it.
 */
export async function keepNews(
  em: EntityManager,
  seen: Readonly<Llm>,
  { list, test }: Omit<ModelNews, "facts">,
): Promise<boolean> {
  const facts = await lookUpModel(providerTypeOf(seen), seen.modelIdentifier);
  // Of its own, so that the row is as it is now and not as it was seen.
  return em.fork().transactional(async (em) => {
    const llm = await lockLlm(em, seen.id, undefined);
    if (!llm || !isSameConnection(llm, seen)) return false;
    const { inferred: _, ...known } = knownAfter(llm, givenOf(inferredOf(llm)), { facts, list, test });
    const before = knownOf(llm);
    if (isDeepStrictEqual(known, before)) return true;
    await keepModel(em, llm.id, known);
    if (!isDeepStrictEqual(unchecked(known), unchecked(before))) await tellOf(em, llm, "model_changed");
    return true;
  });
}

function knowledgeOf({ modelState, model }: Pick<Llm, "modelState" | "model">): ModelKnowledge {
  return { state: modelState as ModelStateName, model };
}

function isSameConnection(one: Readonly<Llm>, other: Readonly<Llm>): boolean {
  return one.connectionDigest.equals(other.connectionDigest) && one.credentialsVersion === other.credentialsVersion;
}

function knownOf(llm: Llm): KnownModel {
  const { modelState, model, capabilities, maxContextLength, supportedModalities, supportsWebSearch } = llm;
  return { modelState, model, capabilities, maxContextLength, supportedModalities, supportsWebSearch };
}

function unchecked(known: KnownModel): KnownModel {
  return { ...known, model: { ...known.model, checkedAt: undefined } };
}
