import { anthropic } from "../anthropic/adapter.ts";
import type { Adapter, ModelDetails } from "../models/adapter.ts";
import { type ProviderType, providers } from "../models/provider-types.ts";
import { openAi } from "../openai/adapter.ts";
import { liteLlmDetails } from "../openai/litellm-details.ts";

const ADAPTERS: Readonly<Record<(typeof providers)[ProviderType]["api"], Adapter>> = { openai: openAi, anthropic };

/** How the API of a provider is spoken. */
export function adapterOf(providerType: ProviderType): Adapter {
  return ADAPTERS[providers[providerType].api];
}

/** Where a provider says more of its models than its list does; undefined where the list says all there is to say. */
export function modelDetailsOf(providerType: ProviderType): ModelDetails | undefined {
  return providerType === "LITELLM_PROXY" ? liteLlmDetails : undefined;
}
