import { anthropic } from "../anthropic/adapter.ts";
import type { Adapter, ModelDetails } from "../models/adapter.ts";
import { type ProviderType, providers } from "../models/provider-types.ts";
import { openAi } from "../openai/adapter.ts";
import { readHead } from "../openai/head.ts";
import { liteLlmDetails } from "../openai/litellm.ts";
import { llamaCppDetails } from "../openai/llama-cpp.ts";
import { ollamaDetails } from "../openai/ollama.ts";

const ADAPTERS: Readonly<Record<(typeof providers)[ProviderType]["api"], Adapter>> = { openai: openAi, anthropic };

const DETAILS: Partial<Readonly<Record<ProviderType, ModelDetails>>> = {
  LITELLM_PROXY: liteLlmDetails,
  LLAMA_CPP: llamaCppDetails,
  OLLAMA: ollamaDetails,
};

/** How the API of a provider is spoken. */
export function adapterOf(providerType: ProviderType): Adapter {
  return ADAPTERS[providers[providerType].api];
}

/** Where a provider says more of its models than its list does; undefined where the list says all there is to say. */
export function modelDetailsOf(providerType: ProviderType): ModelDetails | undefined {
  return DETAILS[providerType];
}

/** Behind the general type may be any gateway; the others are known to be none, or to say nothing so. */
const GATEWAYS: ReadonlySet<ProviderType> = new Set(["LITELLM_PROXY", "CUSTOM_OPENAI_COMPATIBLE"]);

/** What tells of its price and of who replied in the head of an answer; undefined where it tells nothing. */
export function headReaderOf(providerType: ProviderType): typeof readHead | undefined {
  return GATEWAYS.has(providerType) ? readHead : undefined;
}
