import type { DescEnum, DescField, DescMessage } from "@bufbuild/protobuf";
import { nearestNames } from "../../base/names.ts";

/**
 * What other APIs call what fields here are: in each row the fields that may be meant, as paths of proto names, of which
 * the first that a message has is told. The words are those of OpenAI, Anthropic, LiteLLM, Portkey and Ollama, and of lists anywhere.
 */
const FIELDS: readonly (readonly [fields: readonly string[], words: string])[] = [
  [["endpoint_url"], "api_base base_url api_url api_endpoint endpoint url uri host hostname server address"],
  [
    ["credentials.api_key.inline_secret", "api_key.inline_secret", "inline_secret", "imported_secret"],
    "api_key key token secret value api_token access_token auth_token bearer authorization password openai_api_key",
  ],
  [["credentials.api_key.header_name", "api_key.header_name", "header_name"], "header auth_header key_header"],
  [["display_name"], "name title label description_name"],
  [["alias", "llm_id"], "id slug handle model_alias public_name"],
  [["model_identifier", "llm_id"], "model model_name model_id deployment engine"],
  [["provider_type"], "type kind vendor api provider custom_llm_provider"],
  [["provider_id"], "provider"],
  [["default_sampling_params.temperature", "sampling_params.temperature", "temperature"], "temperature temp"],
  [
    ["default_sampling_params.max_tokens", "sampling_params.max_tokens", "max_tokens"],
    "max_tokens max_completion_tokens max_output_tokens max_new_tokens num_predict max_length",
  ],
  [["default_sampling_params.stop_sequences", "sampling_params.stop_sequences", "stop_sequences"], "stop stop_words"],
  [["max_context_length"], "context_length context_window context_size max_input_tokens num_ctx max_model_len"],
  [["patience.whole_seconds", "whole_seconds"], "timeout timeout_ms timeout_seconds request_timeout"],
  [["client_config"], "extra_body params parameters options config seed reasoning_effort"],
  [["disabled"], "enabled active is_active status state"],
  [["labels", "metadata"], "tags metadata"],
  [["message", "content"], "prompt input text content question query"],
  [["messages"], "conversation history chat_history contents"],
  [["supports_function_calling"], "tools function_calling functions tool_use supports_tools"],
  [["supports_streaming"], "stream streaming"],
  [["role"], "author sender from"],
  [["arguments"], "input args"],
  [["text"], "content input_text output_text"],
  [["image"], "image_url input_image picture"],
  [["audio"], "input_audio"],
  [["file", "data"], "document input_file file_data base64 bytes b64_json"],
  [["media_type"], "mime_type mimetype content_type format"],
  [["tools"], "functions"],
  [["tool_choice"], "function_call"],
  [["session_id"], "session thread thread_id conversation conversation_id previous_response_id"],
  [["new_session"], "session store"],
  [["price.input", "input"], "in prompt prompt_tokens input_cost input_price input_per_million input_per_1m"],
  [
    ["price.output", "output"],
    "out completion completion_tokens output_cost output_price output_per_million output_per_1m",
  ],
  [["price"], "cost pricing prices"],
  [["cache_read"], "cached cached_input"],
  [["page_size"], "limit size count per_page max_results top take n"],
  [["page_token"], "page cursor offset skip after starting_after next next_token next_page_token"],
  [["search"], "q query filter name term"],
  [["order_by"], "sort sort_by order"],
  [["direction"], "desc asc sort_order"],
  [["start_day"], "from since start start_date start_time begin from_day"],
  [["end_day"], "to until end end_date end_time to_day"],
  [["expires_at"], "expires expires_in expiry expiration ttl valid_until duration"],
  [["role", "scopes"], "permission permissions scope"],
  [["limits.requests_per_minute", "requests_per_minute"], "rpm rpm_limit rate_limit requests"],
  [["limits.tokens_per_minute", "tokens_per_minute"], "tpm tpm_limit tokens"],
  [["limits.parallel_calls", "parallel_calls"], "max_parallel_requests concurrency parallel"],
  [["limits.allowed_models", "allowed_models", "tiers"], "models model_list llms"],
  [["tiers"], "targets deployments members fallbacks strategy"],
  [["limits.budget.amount_usd", "budget.amount_usd", "amount_usd"], "max_budget usd dollars limit_usd value limit"],
  [["limits.budget.period", "budget.period", "period"], "budget_duration interval reset reset_duration"],
];

/** What is to be done where a value of another form is written, by its field and that form. */
const FORMS: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  ["patchbay.v1.Message.content", new Map([["array", 'parts are given as `parts`, such as [{"text": "Hello"}]']])],
  ["patchbay.v1.ChatRequest.message", chatForms()],
  ["patchbay.v1.StreamChatRequest.message", chatForms()],
]);

function chatForms(): ReadonlyMap<string, string> {
  const messages = 'a conversation is given as `messages`, such as [{"role": "USER", "content": "Hello"}]';
  return new Map([
    ["array", messages],
    ["object", messages],
  ]);
}

/** What may be meant by a value of another form than the field has. */
export function formFor(field: DescField, written: unknown): string | undefined {
  return FORMS.get(`${field.parent.typeName}.${field.name}`)?.get(Array.isArray(written) ? "array" : typeof written);
}

const AT_TOP = "give its fields at the top";
const MODALITIES = 'what a model takes in stands in `supported_modalities`, such as ["TEXT", "IMAGE"]';
const PER_TOKEN = "give `input` and `output`, in dollars for a million tokens: a million times as much";
const PER_MILLION = "leave it out: all are in dollars for a million tokens";

/** What is to be done where no field is meant, by the name of the message and the word. */
const REMARKS: ReadonlyMap<string, ReadonlyMap<string, string>> = byWord({
  ChatRequest: { ...chatRemarks(), stream: "to stream, POST to …:streamChat instead" },
  StreamChatRequest: { ...chatRemarks(), stream: "leave it out, this call streams" },
  CreateLlmRequest: {
    ...llmRemarks(),
    llm: AT_TOP,
    isdefault: "once the Llm is made, POST /v1/llms/NAME:setDefault makes it the default",
    litellmparams: "give its fields at the top; `patchbay import litellm` reads whole configurations",
    modellist: "each Llm is a request of its own; `patchbay import litellm` reads whole configurations",
    modelinfo: "give `price`, `max_context_length` and `capabilities` at the top",
    stream: "every chat can be streamed, by …:streamChat",
  },
  UpdateLlmRequest: {
    ...llmRemarks(),
    llm: AT_TOP,
    isdefault: "POST /v1/llms/NAME:setDefault makes an Llm the default",
    status: "`disabled` switches an Llm off, and a test finds out how it is",
    ownerid: "an Llm stays with its owner",
    hascredentials: "`credentials` changes the key",
    credentialshint: "`credentials` changes the key",
    credentialsref: "`credentials` changes where the key is kept",
    pendingcredentials: "POST /v1/llms/NAME:addPendingCredentials adds a key beside the one in use",
    lasttest: "POST /v1/llms/NAME:test makes a test",
    deletedat: "DELETE /v1/llms/NAME deletes, and POST /v1/llms/NAME:undelete brings back",
  },
  TokenPrice: {
    inputcostpertoken: PER_TOKEN,
    outputcostpertoken: PER_TOKEN,
    pertoken: PER_TOKEN,
    permillion: PER_MILLION,
    unit: PER_MILLION,
    currency: "prices are in US dollars",
  },
  Message: { ...messageRemarks(), name: "leave it out: a message has no name" },
  ContentPart: { type: 'leave it out: a part is {"text": …}, {"image": …}, {"audio": …} or {"file": …}' },
  ToolCall: {
    type: "leave it out: `name` and `arguments` stand in the call itself",
    function: "leave it out: `name` and `arguments` stand in the call itself",
  },
  CreateRouteRequest: { route: AT_TOP, alias: "give `name`; `take_alias` lets it take the name of an Llm" },
  UpdateRouteRequest: { route: AT_TOP },
  LlmCapabilities: {
    vision: MODALITIES,
    images: MODALITIES,
    supportsvision: MODALITIES,
    audio: MODALITIES,
  },
  UpdateAccountRequest: { defaultllmid: "POST /v1/llms/NAME:setDefault makes an Llm the default" },
  UpdateApiKeyRequest: {
    role: "a key keeps its role; make another key",
    scopes: "a key keeps its scopes; make another key",
    revokedat: "POST /v1/apiKeys/ID:revoke revokes a key",
  },
  Tool: {
    type: "leave it out: `name`, `description` and `parameters` stand in the tool itself",
    function: "leave it out: `name`, `description` and `parameters` stand in the tool itself",
    inputschema: "the schema is `parameters`",
  },
});

/** As maps, where `constructor` and its like are words as any other. */
function byWord(remarks: Record<string, Record<string, string>>): ReadonlyMap<string, ReadonlyMap<string, string>> {
  return new Map(Object.entries(remarks).map(([message, words]) => [message, new Map(Object.entries(words))]));
}

/** What is no property of an Llm here. */
function llmRemarks(): Record<string, string> {
  const headers = "`client_config.headers` takes those that the API knows; another is not sent, and the answer says so";
  const rate = (field: string) =>
    `rates are limits of API keys and accounts: POST /v1/apiKeys with \`limits.${field}\``;
  const share = "several Llms share calls by a route: POST /v1/routes";
  return {
    ...Object.fromEntries(["headers", "extraheaders", "customheaders"].map((word) => [word, headers])),
    rpm: rate("requests_per_minute"),
    tpm: rate("tokens_per_minute"),
    maxparallelrequests: rate("parallel_calls"),
    maxbudget: "POST /v1/budgets with its `llm_id` limits what an Llm may cost",
    ...Object.fromEntries(["weight", "order", "priority", "fallbacks"].map((word) => [word, share])),
  };
}

/** What goes with a message, beside its text. */
function messageRemarks(): Record<string, string> {
  const parts = 'give `parts`, such as [{"text": …}, {"image": {"url": …}}]';
  return { images: parts, image: parts, imageurl: parts, files: parts, file: parts, attachments: parts, audio: parts };
}

function chatRemarks(): Record<string, string> {
  const roles = "give `messages`, the first of them with the role SYSTEM";
  const config = "set it in the `client_config` of the Llm";
  const patience = "`patience` of the Llm says how long it is waited for, and a call may have a deadline of its own";
  const parts = 'give `messages`, with `parts` such as [{"text": …}, {"image": {"url": …}}]';
  const ofParts = Object.keys(messageRemarks()).map((word) => [word, parts]);
  return {
    ...Object.fromEntries(ofParts),
    model: "the Llm is the one in the path, or `llm_id`",
    system: roles,
    systemprompt: roles,
    instructions: roles,
    n: "each chat has one reply",
    user: "usage is told by API key, so give each user one",
    ...Object.fromEntries(["timeout", "timeoutms", "timeoutseconds", "requesttimeout"].map((word) => [word, patience])),
    metadata: "usage is told by the `labels` of the Llm, and by API key",
    seed: config,
    reasoningeffort: config,
  };
}

/** The rows of a word, which is without underscores and capitals. */
const ROWS: ReadonlyMap<string, readonly (readonly string[])[]> = gather();

function gather(): ReadonlyMap<string, readonly (readonly string[])[]> {
  const rows = new Map<string, (readonly string[])[]>();
  for (const [fields, words] of FIELDS) {
    for (const word of words.split(" ").map(squash)) rows.set(word, [...(rows.get(word) ?? []), fields]);
  }
  return rows;
}

/** The fields of a message that somebody may mean who writes another API's word, by their paths. */
export function fieldsFor(desc: DescMessage, word: string): string[] {
  const rows = ROWS.get(squash(word)) ?? [];
  return rows.flatMap((fields) => fields.find((path) => hasPath(desc, path)) ?? []).slice(0, MAX_MEANT);
}

/** More than this is no help. */
const MAX_MEANT = 2;

/** What somebody is to do who writes a word for which there is no field; undefined where nothing is known of it. */
export function remarkFor({ name }: DescMessage, word: string): string | undefined {
  return REMARKS.get(name)?.get(squash(word));
}

/** Vendors that are reached by the API that they share with OpenAI. */
const OPENAI_COMPATIBLE =
  /^(openai.*compatible|compatible|custom|azure|gemini|google|vertex|mistral|groq|deepseek|together|fireworks|cohere|xai|grok|perplexity|bedrock|lmstudio|cerebras|nvidia|huggingface|sglang|tgi)/;

/** What people call values by other words. */
const VALUES: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  [
    "patchbay.v1.Llm.ProviderType",
    new Map([
      ["claude", "ANTHROPIC"],
      ["gpt", "OPENAI"],
      ["chatgpt", "OPENAI"],
      ["qwen", "DASHSCOPE"],
      ["alibaba", "DASHSCOPE"],
      ["gguf", "LLAMA_CPP"],
    ]),
  ],
  [
    "patchbay.v1.Llm.Modality",
    new Map([
      ["vision", "IMAGE"],
      ["speech", "AUDIO"],
      ["voice", "AUDIO"],
      ["string", "TEXT"],
    ]),
  ],
  [
    "patchbay.v1.Message.Role",
    new Map([
      ["human", "USER"],
      ["ai", "ASSISTANT"],
      ["bot", "ASSISTANT"],
      ["model", "ASSISTANT"],
      ["developer", "SYSTEM"],
      ["function", "TOOL"],
    ]),
  ],
]);

/** The values of an enum that somebody may mean who writes another word: at most three, the likeliest first. */
export function valuesFor({ typeName }: DescEnum, word: string, names: readonly string[]): string[] {
  const meant = VALUES.get(typeName)?.get(squash(word).replace(/^(claude|gpt|qwen).*$/, "$1"));
  if (meant !== undefined) return [meant];
  const isVendor = typeName === "patchbay.v1.Llm.ProviderType" && OPENAI_COMPATIBLE.test(squash(word));
  return isVendor ? ["CUSTOM_OPENAI_COMPATIBLE"] : nearestNames(word, names);
}

function squash(word: string): string {
  return word.replaceAll(/[_\s-]/g, "").toLowerCase();
}

function hasPath(desc: DescMessage, path: string): boolean {
  const [name, ...rest] = path.split(".");
  const field = desc.fields.find((one) => one.name === name);
  if (!field || rest.length === 0) return field !== undefined;
  return field.message !== undefined && hasPath(field.message, rest.join("."));
}
