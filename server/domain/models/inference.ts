import type { Capabilities } from "../../store/llm.entity.ts";
import type { ModelFacts } from "./catalog.ts";

/** What an owner may say of a model, or leave to us. */
export interface ModelProperties {
  readonly capabilities: Capabilities;
  readonly maxContextLength: number | undefined;
  readonly supportedModalities: readonly string[];
}

export interface InferredModel {
  readonly capabilities: Capabilities;
  readonly maxContextLength: number | undefined;
  readonly supportedModalities: readonly string[];
  /** The names of what was left open, whether or not anything could be said of it. */
  readonly inferred: readonly string[];
}

const CAPABILITIES: readonly (keyof Capabilities)[] = [
  "supportsChat",
  "supportsCompletion",
  "supportsFunctionCalling",
  "supportsSystemMessages",
  "supportsStreaming",
  "supportsSamplingParameters",
];

const MODALITIES: Readonly<Record<string, string>> = { text: "TEXT", image: "IMAGE", audio: "AUDIO", video: "VIDEO" };

/** Fills in what the owner left open; what the owner said is never overridden. */
export function inferModel(given: ModelProperties, facts: ModelFacts | undefined): InferredModel {
  const guesses = guessCapabilities(facts);
  const capabilities: Capabilities = {};
  const inferred: string[] = [];
  for (const name of CAPABILITIES) {
    const value = given.capabilities[name] ?? guesses[name];
    if (value !== undefined) capabilities[name] = value;
    if (given.capabilities[name] === undefined) inferred.push(name);
  }
  if (given.maxContextLength === undefined) inferred.push("maxContextLength");
  if (given.supportedModalities.length === 0) inferred.push("supportedModalities");
  return {
    capabilities,
    inferred,
    maxContextLength: given.maxContextLength ?? facts?.contextLength,
    supportedModalities: given.supportedModalities.length > 0 ? given.supportedModalities : modalitiesOf(facts),
  };
}

/** What the owner said, of what is stored: all that was not inferred. */
export function givenOf(stored: InferredModel): ModelProperties {
  const isGiven = (name: string) => !stored.inferred.includes(name);
  return {
    capabilities: Object.fromEntries(Object.entries(stored.capabilities).filter(([name]) => isGiven(name))),
    maxContextLength: isGiven("maxContextLength") ? stored.maxContextLength : undefined,
    supportedModalities: isGiven("supportedModalities") ? stored.supportedModalities : [],
  };
}

/** The inferred capabilities in sentences, one each. */
export function describeInferred({ capabilities, inferred }: InferredModel, facts: ModelFacts | undefined): string[] {
  const source = facts
    ? `from the model catalog (${facts.source})`
    : "as endpoints of this type do; the model is unknown";
  return CAPABILITIES.filter((name) => inferred.includes(name) && capabilities[name] !== undefined).map(
    (name) => `${name} was inferred as ${capabilities[name]}, ${source}`,
  );
}

/** Endpoints that serve chats take system messages and stream; the rest is only known of known models. */
function guessCapabilities(facts: ModelFacts | undefined): Capabilities {
  const guesses: Capabilities = {
    supportsChat: facts?.supportsChat ?? true,
    supportsCompletion: false,
    supportsSystemMessages: true,
    supportsStreaming: true,
  };
  if (facts?.supportsFunctionCalling !== undefined) guesses.supportsFunctionCalling = facts.supportsFunctionCalling;
  if (facts?.supportsSamplingParameters !== undefined) {
    guesses.supportsSamplingParameters = facts.supportsSamplingParameters;
  }
  return guesses;
}

function modalitiesOf(facts: ModelFacts | undefined): string[] {
  const known = (facts?.inputModalities ?? []).flatMap((modality) => MODALITIES[modality] ?? []);
  return known.length > 0 ? known : ["TEXT"];
}
