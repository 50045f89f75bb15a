import { randomUUID } from "node:crypto";
import type { ChatCompletion, ChatCompletionChunk } from "openai/resources/chat/completions";
import type { CompletionUsage } from "openai/resources/completions";
import type { ReplyFacts } from "../../../domain/chat/attempt.ts";
import type { Reply, ReplyEvent, StopReason, ToolCall, Usage } from "../../../upstream/models/conversation.ts";
import type { JsonObject } from "../../../upstream/models/json-value.ts";
import { CustomTools } from "./custom-tools.ts";
import { carriedState, dataEvent, type ReplyWriter } from "./translation.ts";

type Finish = ChatCompletion.Choice["finish_reason"];
type Delta = ChatCompletionChunk.Choice.Delta;
/** What a message has beside OpenAI's members: DeepSeek's name for what was thought, and ours for a state. */
interface Ours {
  readonly reasoning_content?: string;
  readonly provider_state?: string;
}

const FINISH: Readonly<Record<StopReason, Finish>> = {
  end: "stop",
  "max-tokens": "length",
  "stop-sequence": "stop",
  "tool-calls": "tool_calls",
  "content-filter": "content_filter",
  other: "stop",
};

/** Writes replies as chat completions. */
export function completionWriter(model: string, custom: CustomTools, wantsUsage: boolean): ReplyWriter {
  return new CompletionWriter(model, custom, wantsUsage);
}

class CompletionWriter implements ReplyWriter {
  readonly #head: Pick<ChatCompletion, "id" | "created" | "model">;
  readonly #custom: CustomTools;
  readonly #wantsUsage: boolean;
  /** The calls of custom tools, which are written at the end: their text is only known from the whole arguments. */
  readonly #customCalls = new Map<number, { id: string; name: string; arguments: string }>();

  constructor(model: string, custom: CustomTools, wantsUsage: boolean) {
    this.#head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1_000), model };
    this.#custom = custom;
    this.#wantsUsage = wantsUsage;
  }

  whole(reply: Reply, { usage }: ReplyFacts): JsonObject {
    const { text, reasoning, toolCalls, stopReason, model, state } = reply;
    const message = {
      role: "assistant" as const,
      content: text === "" && toolCalls.length > 0 ? null : text,
      refusal: null,
      ...(reasoning !== "" && { reasoning_content: reasoning }),
      ...(toolCalls.length > 0 && { tool_calls: toolCalls.map((call) => this.#call(call)) }),
      ...(state && { provider_state: carriedState(state) }),
    } satisfies ChatCompletion.Choice["message"] & Ours;
    const choices = [{ index: 0, message, logprobs: null, finish_reason: FINISH[stopReason] }];
    return {
      ...this.#head,
      object: "chat.completion" as const,
      model: model || this.#head.model,
      choices,
      usage: writeUsage(usage),
    } satisfies ChatCompletion;
  }

  event(event: Exclude<ReplyEvent, { type: "end" }>): string {
    switch (event.type) {
      case "start":
        return this.#chunk({ role: "assistant", content: "" });
      case "text-delta":
        return this.#chunk({ content: event.text });
      case "reasoning-delta":
        return this.#chunk({ reasoning_content: event.text });
      case "tool-call-delta":
        return this.#callDelta(event);
    }
  }

  end({ stopReason, state }: Extract<ReplyEvent, { type: "end" }>, { usage }: ReplyFacts): readonly [string, string] {
    const calls = [...this.#customCalls].map(([index, call]) =>
      // OpenAI's types know no custom tools in a stream.
      this.#chunk({ tool_calls: [{ index, ...this.#call(call) } as ChatCompletionChunk.Choice.Delta.ToolCall] }),
    );
    const last = this.#chunk(state ? { provider_state: carriedState(state) } : {}, FINISH[stopReason]);
    const counted: ChatCompletionChunk = {
      ...this.#head,
      object: "chat.completion.chunk",
      choices: [],
      usage: writeUsage(usage),
    };
    return [[...calls, last, this.#wantsUsage ? dataEvent(counted) : ""].join(""), "data: [DONE]\n\n"];
  }

  #callDelta({ index, id, name, argumentsDelta }: Extract<ReplyEvent, { type: "tool-call-delta" }>): string {
    const known = this.#customCalls.get(index);
    if (known) known.arguments += argumentsDelta;
    if (known) return "";
    if (name !== undefined && this.#custom.has(name)) {
      this.#customCalls.set(index, { id: id ?? "", name, arguments: argumentsDelta });
      return "";
    }
    const begun = id === undefined ? {} : { id, type: "function" as const };
    const called = { ...(name === undefined ? {} : { name }), arguments: argumentsDelta };
    return this.#chunk({ tool_calls: [{ index, ...begun, function: called }] });
  }

  #call({ id, name, arguments: args }: ToolCall) {
    if (this.#custom.has(name))
      return { id, type: "custom" as const, custom: { name, input: CustomTools.unwrap(args) } };
    return { id, type: "function" as const, function: { name, arguments: args } };
  }

  #chunk(delta: Delta & Ours, finish: Finish | null = null): string {
    const choices = [{ index: 0, delta, logprobs: null, finish_reason: finish }];
    const chunk: ChatCompletionChunk = { ...this.#head, object: "chat.completion.chunk", choices };
    return dataEvent(chunk);
  }
}

function writeUsage({
  inputTokens = 0,
  outputTokens = 0,
  cacheReadTokens = 0,
  reasoningTokens = 0,
}: Usage): CompletionUsage {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cacheReadTokens },
    completion_tokens_details: { reasoning_tokens: reasoningTokens },
  };
}
