import type { Secret } from "../../base/secret.ts";
import type { ClientConfig } from "./client-config.ts";
import type { Patience } from "./patience.ts";

/** What is particular to a provider, and what it takes when the owner does not say. */
interface ProviderTraits {
  /** The API that it speaks: the folder of the adapter in server/upstream. */
  readonly api: "openai" | "anthropic";
  /** Undefined where everybody has their own. */
  readonly defaultEndpointUrl: string | undefined;
  /** Appended to the endpoint's URL. */
  readonly defaultApiPath: string;
  /** The header that the key goes into. */
  readonly defaultHeaderName: string;
  /** What stands before the key in its header. */
  readonly defaultPrefix: string;
  /** Below the endpoint's URL, what is only answered to those who have a key, if it is not the list of models. */
  readonly keyPath: string | undefined;
  /** Whether it lists its models to anybody, also where a chat takes a key. */
  readonly listsToAnybody: boolean;
  /** Whether its endpoint answers nobody without a key; else that is up to whoever runs it. */
  readonly asksForKey: boolean;
  /** The provider of the model catalog (llmdb) that describes all that it serves; undefined: anything may be served. */
  readonly modelCatalog: string | undefined;
  /** The provider of the price catalog (genai-prices) whose list prices it bills; undefined: whoever runs it sets them. */
  readonly priceCatalog: string | undefined;
}

const openAiCompatible = {
  api: "openai",
  defaultEndpointUrl: undefined,
  defaultApiPath: "/chat/completions",
  defaultHeaderName: "Authorization",
  defaultPrefix: "Bearer ",
  keyPath: undefined,
  listsToAnybody: false,
  asksForKey: false,
  modelCatalog: undefined,
  priceCatalog: undefined,
} as const satisfies ProviderTraits;

const TRAITS = {
  OPENAI: {
    ...openAiCompatible,
    defaultEndpointUrl: "https://api.openai.com/v1",
    asksForKey: true,
    modelCatalog: "openai",
    priceCatalog: "openai",
  },
  LITELLM_PROXY: openAiCompatible,
  OPEN_ROUTER: {
    ...openAiCompatible,
    defaultEndpointUrl: "https://openrouter.ai/api/v1",
    keyPath: "/key",
    listsToAnybody: true,
    asksForKey: true,
    modelCatalog: "openrouter",
    priceCatalog: "openrouter",
  },
  VLLM: openAiCompatible,
  OLLAMA: { ...openAiCompatible, defaultEndpointUrl: "http://localhost:11434/v1" },
  LLAMA_CPP: { ...openAiCompatible, listsToAnybody: true },
  CUSTOM_OPENAI_COMPATIBLE: openAiCompatible,
  // Alibaba's international address; accounts of mainland China are at dashscope.aliyuncs.com.
  DASHSCOPE: {
    ...openAiCompatible,
    defaultEndpointUrl: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    asksForKey: true,
    modelCatalog: "alibaba",
  },
  ANTHROPIC: {
    api: "anthropic",
    defaultEndpointUrl: "https://api.anthropic.com/v1",
    defaultApiPath: "/messages",
    defaultHeaderName: "x-api-key",
    defaultPrefix: "",
    keyPath: undefined,
    listsToAnybody: false,
    asksForKey: true,
    modelCatalog: "anthropic",
    priceCatalog: "anthropic",
  },
} as const satisfies Readonly<Record<string, ProviderTraits>>;

/** The same words as `Llm.ProviderType` in proto/patchbay/v1/llm.proto: a test compares them. */
export type ProviderType = keyof typeof TRAITS;

/** All that we can speak to. */
export const providers: Readonly<Record<ProviderType, ProviderTraits>> = TRAITS;

/** A key and the request header it goes into. */
export interface ApiKeyHeader {
  readonly secret: Secret;
  readonly headerName: string;
  readonly prefix: string;
}

/** One model at one endpoint, with all it takes to call it. */
export interface Target {
  /** Connections are pooled by owner and origin: no owner's reply can reach another's call. */
  readonly ownerId: string;
  readonly providerType: ProviderType;
  /** In canonical form. */
  readonly endpointUrl: string;
  readonly apiPath: string;
  readonly model: string;
  /** Undefined: call without. */
  readonly apiKey: ApiKeyHeader | undefined;
  /** What the owner adds to every request; undefined: nothing. */
  readonly config?: ClientConfig | undefined;
  /** Whether the model takes sampling parameters such as a temperature; undefined: not known, they are sent. */
  readonly takesSampling?: boolean | undefined;
  /** How long a reply is waited for, where that differs from what the server does by itself. */
  readonly patience?: Partial<Patience> | undefined;
}

/** The provider type of an Llm or a Provider. The column holds nothing else: what goes in is checked by the contract. */
export function providerTypeOf({ providerType }: { readonly providerType: string }): ProviderType {
  return providerType as ProviderType;
}
