/** How a reply looks in one provider's API. */
export interface Dialect {
  readonly name: "openai" | "anthropic" | "none";
  /** The JSON of a whole reply. */
  reply(model: string, text: string, tokens: Tokens): unknown;
  /** The JSON of a reply that calls a tool, with an argument. */
  toolCall(model: string, name: string): unknown;
  /** The events of a streamed reply up to its first word, one of a word, and those behind the last word. */
  streamHead(model: string, tokens: Tokens): string;
  streamWord(model: string, word: string): string;
  streamTail(model: string, tokens: Tokens): string;
  /** An error as the provider words it. */
  error(status: number, message: string): unknown;
}

interface Tokens {
  readonly input: number;
  readonly output: number;
}

/** Whether a path is that of the models that are served, or of something else that only takes a key. */
export function isList(path: string): boolean {
  return /\/(models|key|model\/info)(\?|$)/.test(path);
}

/** The API that a path belongs to. */
export function dialectOf(path: string, isAnthropic: boolean): Dialect {
  if (isList(path)) return isAnthropic ? anthropic : openAi;
  if (path.endsWith("/chat/completions") || path.endsWith("/embeddings")) return openAi;
  if (path.endsWith("/messages")) return anthropic;
  return { ...openAi, name: "none", error: () => ({ detail: "Not Found" }) };
}

const OPENAI_ERRORS: Readonly<Record<number, { type: string; code: string | null }>> = {
  400: { type: "invalid_request_error", code: null },
  401: { type: "invalid_request_error", code: "invalid_api_key" },
  403: { type: "invalid_request_error", code: "insufficient_permissions" },
  404: { type: "invalid_request_error", code: "model_not_found" },
  429: { type: "requests", code: "rate_limit_exceeded" },
};

const openAi: Dialect = {
  name: "openai",
  reply: (model, content, tokens) => ({
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1_700_000_000,
    model,
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    usage: openAiUsage(tokens),
  }),
  toolCall: (model, name) => ({
    model,
    choices: [
      {
        message: {
          role: "assistant",
          tool_calls: [{ id: "c1", type: "function", function: { name, arguments: '{"a":1}' } }],
        },
        finish_reason: "tool_calls",
      },
    ],
  }),
  streamHead: (model) =>
    openAiChunk(model, [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }]),
  streamWord: (model, content) => openAiChunk(model, [{ index: 0, delta: { content }, finish_reason: null }]),
  streamTail: (model, tokens) =>
    openAiChunk(model, [{ index: 0, delta: {}, finish_reason: "stop" }]) +
    openAiChunk(model, [], openAiUsage(tokens)) +
    "data: [DONE]\n\n",
  error: (status, message) => {
    const { type, code } = OPENAI_ERRORS[status] ?? { type: "server_error", code: null };
    return { error: { message, type, param: null, code } };
  },
};

function openAiUsage({ input, output }: Tokens) {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
}

function openAiChunk(model: string, choices: unknown[], usage: unknown = null): string {
  const chunk = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1_700_000_000, model, choices, usage };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

const ANTHROPIC_ERRORS: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  429: "rate_limit_error",
  529: "overloaded_error",
};

const anthropic: Dialect = {
  name: "anthropic",
  reply: (model, text, { input, output }) => ({
    id: "msg_1",
    type: "message",
    role: "assistant",
    model,
    content: [{ type: "text", text }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: input, output_tokens: output },
  }),
  toolCall: (model, name) => ({
    type: "message",
    role: "assistant",
    model,
    content: [{ type: "tool_use", id: "c1", name, input: { a: 1 } }],
    stop_reason: "tool_use",
  }),
  streamHead: (model, { input }) =>
    anthropicEvent("message_start", {
      message: { id: "msg_1", type: "message", role: "assistant", model, content: [], usage: { input_tokens: input } },
    }) + anthropicEvent("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
  streamWord: (_model, text) =>
    anthropicEvent("content_block_delta", { index: 0, delta: { type: "text_delta", text } }),
  streamTail: (_model, { output }) =>
    anthropicEvent("content_block_stop", { index: 0 }) +
    anthropicEvent("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: output } }) +
    anthropicEvent("message_stop", {}),
  error: (status, message) => ({ type: "error", error: { type: ANTHROPIC_ERRORS[status] ?? "api_error", message } }),
};

function anthropicEvent(type: string, rest: Record<string, unknown>): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
}
