import type { StoredClaims, StoredTest } from "../../store/llm.entity.ts";
import type { ServedModel } from "../../upstream/adapter.ts";
import type { ModelFacts } from "./catalog.ts";

const MODALITIES: Readonly<Record<string, string>> = { text: "TEXT", image: "IMAGE", audio: "AUDIO", video: "VIDEO" };

/** What the model catalog says of a model. */
export function claimsOfCatalog(facts: ModelFacts): StoredClaims {
  return known({
    supportsChat: facts.supportsChat,
    supportsFunctionCalling: facts.supportsFunctionCalling,
    supportsSamplingParameters: facts.supportsSamplingParameters,
    maxContextLength: facts.contextLength,
    supportedModalities: modalitiesOf(facts.inputModalities),
  });
}

/** What an endpoint says of a model that it lists. */
export function claimsOfList(served: ServedModel): StoredClaims {
  return known({
    supportsFunctionCalling: served.supportsFunctionCalling,
    supportsSamplingParameters: served.supportsSamplingParameters,
    maxContextLength: served.maxContextLength,
    supportedModalities: modalitiesOf(served.inputModalities),
  });
}

/**
 * What a test proves of a model; nothing if it did not pass. A stage of a test that passed is only FAILED where the
 * endpoint refused the feature: the same was asked without it, and the model replied.
 */
export function claimsOfTest({ outcome, stages }: StoredTest): StoredClaims {
  if (outcome !== "OK") return {};
  const proven = (name: string) =>
    ({ PASSED: true, FAILED: false })[stages.find((stage) => stage.name === name)?.state ?? ""];
  return known({
    supportsChat: true,
    supportsStreaming: proven("STREAM"),
    supportsFunctionCalling: proven("TOOLS"),
  });
}

/** In the words of the contract; undefined where there are none. */
function modalitiesOf(words: readonly string[] | undefined): readonly string[] | undefined {
  const modalities = (words ?? []).flatMap((word) => MODALITIES[word] ?? []);
  return modalities.length > 0 ? modalities : undefined;
}

function known(claims: StoredClaims): StoredClaims {
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}
