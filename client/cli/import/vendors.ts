/** How Patchbay reaches what LiteLLM calls by a prefix of its model. */
export interface Vendor {
  readonly providerType: string;
  /** The base URL, where the prefix stands for one. */
  readonly endpointUrl?: string;
  /** What is appended to an api_base to have the OpenAI-compatible API. */
  readonly suffix?: string;
  /** The header of the key, if it is not the usual one. */
  readonly headerName?: string;
}

const compatible = (endpointUrl: string): Vendor => ({ providerType: "CUSTOM_OPENAI_COMPATIBLE", endpointUrl });

/** By LiteLLM's prefix; what is not here speaks an API of its own. */
export const VENDORS: Readonly<Record<string, Vendor>> = {
  openai: { providerType: "OPENAI" },
  anthropic: { providerType: "ANTHROPIC" },
  openrouter: { providerType: "OPEN_ROUTER" },
  dashscope: { providerType: "DASHSCOPE" },
  litellm_proxy: { providerType: "LITELLM_PROXY" },
  hosted_vllm: { providerType: "VLLM" },
  ollama: { providerType: "OLLAMA", endpointUrl: "http://localhost:11434/v1", suffix: "/v1" },
  ollama_chat: { providerType: "OLLAMA", endpointUrl: "http://localhost:11434/v1", suffix: "/v1" },
  azure: { providerType: "CUSTOM_OPENAI_COMPATIBLE", suffix: "/openai/v1", headerName: "api-key" },
  cerebras: compatible("https://api.cerebras.ai/v1"),
  deepinfra: compatible("https://api.deepinfra.com/v1/openai"),
  deepseek: compatible("https://api.deepseek.com/v1"),
  fireworks_ai: compatible("https://api.fireworks.ai/inference/v1"),
  gemini: compatible("https://generativelanguage.googleapis.com/v1beta/openai"),
  groq: compatible("https://api.groq.com/openai/v1"),
  mistral: compatible("https://api.mistral.ai/v1"),
  moonshot: compatible("https://api.moonshot.ai/v1"),
  nvidia_nim: compatible("https://integrate.api.nvidia.com/v1"),
  perplexity: compatible("https://api.perplexity.ai"),
  sambanova: compatible("https://api.sambanova.ai/v1"),
  together_ai: compatible("https://api.together.xyz/v1"),
  xai: compatible("https://api.x.ai/v1"),
};

/** Splits LiteLLM's model into its prefix and the vendor's own name; a name without a known prefix is OpenAI's. */
export function readModel(model: string): { prefix: string; name: string } {
  const [prefix = "", ...rest] = model.split("/");
  return rest.length === 0 ? { prefix: "openai", name: model } : { prefix, name: rest.join("/") };
}

/** How to reach an endpoint of which an address is known and what it speaks; its address as we write it. */
export function vendorAt(prefix: string, url: string): Vendor & { readonly endpointUrl: string } {
  const vendor = VENDORS[prefix] ?? { providerType: "CUSTOM_OPENAI_COMPATIBLE" };
  const suffix = vendor.suffix ?? "";
  const base = url.replace(/\/+$/, "");
  const endpointUrl = base.endsWith(suffix) ? base : base + suffix;
  const isOpenAi = /^https:\/\/api\.openai\.com(\/|$)/.test(url);
  const isOther = vendor.providerType === "OPENAI" && !isOpenAi;
  return { ...vendor, endpointUrl, ...(isOther ? { providerType: "CUSTOM_OPENAI_COMPATIBLE" } : {}) };
}
