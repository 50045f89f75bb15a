import type { Secret } from "../base/secret.ts";
import type { ClientConfig } from "./client-config.ts";

/** The same words as `Llm.ProviderType` in proto/patchbay/v1/llm.proto. */
export type ProviderType =
  | "OPENAI"
  | "LITELLM_PROXY"
  | "OPEN_ROUTER"
  | "VLLM"
  | "OLLAMA"
  | "LLAMA_CPP"
  | "CUSTOM_OPENAI_COMPATIBLE"
  | "DASHSCOPE"
  | "ANTHROPIC";

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
}
