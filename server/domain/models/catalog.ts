import { llmdb } from "@agentjido/llmdb";
import type { Deprecation } from "../../upstream/adapter.ts";
import { asDate } from "../../upstream/json-value.ts";
import type { ProviderType } from "../../upstream/target.ts";

/** What a catalog of models knows of one; undefined where it knows nothing. */
export interface ModelFacts {
  readonly source: string;
  readonly supportsChat: boolean | undefined;
  readonly supportsFunctionCalling: boolean | undefined;
  readonly supportsSamplingParameters: boolean | undefined;
  readonly supportsWebSearch: boolean | undefined;
  readonly contextLength: number | undefined;
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

/** The provider of the catalog that describes what a provider type serves; for the others, anything may be served. */
const CATALOG_PROVIDERS: Partial<Record<ProviderType, string>> = {
  OPENAI: "openai",
  OPEN_ROUTER: "openrouter",
  DASHSCOPE: "alibaba",
  ANTHROPIC: "anthropic",
};

/** Whether the catalog describes all that a provider of this type serves. */
export function isCatalogued(providerType: ProviderType): boolean {
  return CATALOG_PROVIDERS[providerType] !== undefined;
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
  const known = CATALOG_PROVIDERS[providerType];
  if (known) return [known, model];
  const [, provider, id] = /^(openai|anthropic|openrouter)\/(.+)$/.exec(model) ?? [];
  return [provider, id ?? model];
}
