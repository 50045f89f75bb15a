import type { Adapter } from "../models/adapter.ts";
import type { ConfigNames } from "../models/client-config.ts";
import { modelsQuery, readModels } from "./models.ts";
import { readReply } from "./reply.ts";
import { leavesOut, refusesPart, writeRequest } from "./request.ts";
import { openStream } from "./stream.ts";

/** What OpenAI's chat completions take beside what a chat says, and what the many servers that speak them add. */
export const configNames: ConfigNames = {
  members: new Set([
    // OpenAI
    "logit_bias",
    "metadata",
    "parallel_tool_calls",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "store",
    "user",
    "verbosity",
    "web_search_options",
    // OpenRouter
    "include_reasoning",
    "plugins",
    "provider",
    "reasoning",
    "transforms",
    "usage",
    // LiteLLM
    "allowed_openai_params",
    "drop_params",
    "guardrails",
    "tags",
    // vLLM, llama.cpp
    "add_generation_prompt",
    "cache_prompt",
    "chat_template_kwargs",
    "grammar",
    "guided_choice",
    "guided_grammar",
    "guided_json",
    "guided_regex",
    "min_p",
    "mm_processor_kwargs",
    "priority",
    "repetition_penalty",
    "skip_special_tokens",
    "structured_outputs",
    "top_a",
    "truncate_prompt_tokens",
    "typical_p",
    // Ollama
    "keep_alive",
    "num_ctx",
    "options",
    "think",
    // DashScope, DeepSeek and others
    "enable_search",
    "enable_thinking",
    "search_options",
    "thinking",
    "thinking_budget",
  ]),
  headers: new Set([
    "openai-organization",
    "openai-project",
    "openai-beta",
    "http-referer",
    "x-title",
    "x-client-request-id",
  ]),
};

/** OpenAI's chat completions, which most servers speak. */
export const openAi: Adapter = {
  headers: {},
  responseFormats: new Set(["text", "json-object", "json-schema"]),
  configNames,
  writeRequest,
  leavesOut,
  readReply,
  openStream,
  refusesPart,
  modelsQuery,
  readModels,
};
