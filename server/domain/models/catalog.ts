import { llmdb } from "@agentjido/llmdb";
import type { StoredClaims, StoredTest } from "../../store/schema/llm.entity.ts";
import type { Deprecation, ServedModel } from "../../upstream/models/adapter.ts";
import { asDate } from "../../upstream/models/json-value.ts";
import { type ProviderType, providers } from "../../upstream/models/provider-types.ts";

/** What a catalog of models knows of one; undefined where it knows nothing. */
export interface ModelFacts {
  readonly source: string;
  readonly supportsChat: boolean | undefined;
  readonly supportsFunctionCalling: boolean | undefined;
  readonly supportsSamplingParameters: boolean | undefined;
  readonly supportsWebSearch: boolean | undefined;
  readonly contextLength: number | undefined;
  /** The most tokens of a reply. */
  readonly outputLength: number | undefined;
  readonly inputModalities: readonly string[] | undefined;
  /** All the names it goes by. */
  readonly names: readonly string[];
  /** Undefined: nothing says that it will end. */
  readonly deprecation: CataloguedDeprecation | undefined;
}

/** What the catalog says of the end of a model. */
export interface CataloguedDeprecation extends Deprecation {
  /** Whether it says that it has ended, whatever the dates are. */
  readonly isRetired: boolean;
}

/** Whether the catalog describes all that a provider of this type serves. */
export function isCatalogued(providerType: ProviderType): boolean {
  return providers[providerType].modelCatalog !== undefined;
}

/** What the catalog says of a model; undefined if it does not know it. It reads a file of its package, once. */
export async function lookUpModel(providerType: ProviderType, model: string): Promise<ModelFacts | undefined> {
  const [provider, id] = specOf(providerType, model);
  if (!provider) return undefined;
  const catalog = await llmdb.findProvider(provider);
  const found = catalog?.find(id) ?? catalog?.models().find(({ aliases }) => aliases.includes(id));
  if (!found) return undefined;
  const { capabilities, limits, modalities, lifecycle, extra } = found;
  return {
    source: `${provider}:${found.id}`,
    supportsChat: capabilities?.chat,
    supportsFunctionCalling: capabilities?.tools.enabled ?? undefined,
    supportsSamplingParameters: typeof extra?.temperature === "boolean" ? extra.temperature : undefined,
    supportsWebSearch: undefined,
    contextLength: limits?.context ?? undefined,
    outputLength: limits?.output ?? undefined,
    inputModalities: modalities?.input ?? undefined,
    names: [found.id, ...found.aliases],
    deprecation:
      found.deprecated || found.retired
        ? {
            isRetired: found.retired || lifecycle?.status === "retired",
            deprecatedAt: asDate(lifecycle?.deprecated_at),
            retiresAt: asDate(lifecycle?.retires_at),
            successor: lifecycle?.replacement ?? undefined,
          }
        : undefined,
  };
}

/** A LiteLLM proxy and its like name models as `openai/gpt-4o`. */
function specOf(providerType: ProviderType, model: string): [provider: string | undefined, id: string] {
  const known = providers[providerType].modelCatalog;
  if (known) return [known, model];
  const [, provider, id] = /^(openai|anthropic|openrouter)\/(.+)$/.exec(model) ?? [];
  return [provider, id ?? model];
}

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
