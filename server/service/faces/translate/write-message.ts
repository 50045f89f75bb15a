import { randomUUID } from "node:crypto";
import type {
  StopReason as AnthropicStop,
  Usage as AnthropicUsage,
  RawMessageStreamEvent,
} from "@anthropic-ai/sdk/resources/messages";
import type { ReplyFacts } from "../../../domain/chat/attempt.ts";
import type { Reply, ReplyEvent, StopReason, Usage } from "../../../upstream/models/conversation.ts";
import { type JsonObject, parseObject } from "../../../upstream/models/json-value.ts";
import { carriedState, namedEvent, type ReplyWriter } from "./translation.ts";

/** An event of a stream, by its name; what is in it is as the class below writes it. */
type EventOfType = Pick<RawMessageStreamEvent, "type">;

const STOP: Readonly<Record<StopReason, AnthropicStop>> = {
  end: "end_turn",
  "max-tokens": "max_tokens",
  "stop-sequence": "stop_sequence",
  "tool-calls": "tool_use",
  "content-filter": "refusal",
  other: "end_turn",
};

/** Writes replies as messages; what a model thought is only for those who asked for it. */
export function messageWriter(model: string, thinks: boolean): ReplyWriter {
  return new MessageWriter(model, thinks);
}

class MessageWriter implements ReplyWriter {
  readonly #head: JsonObject;
  readonly #thinks: boolean;
  /** The block that is open, by what it holds: one at a time, in their order. */
  #open: "text" | "thinking" | "state" | number | undefined;
  #blocks = 0;
  /** Calls of tools behind the first one, which wait for the end: their pieces may come in turns, and blocks may not. */
  readonly #waiting = new Map<number, { id: string; name: string; arguments: string }>();
  #first: number | undefined;

  constructor(model: string, thinks: boolean) {
    this.#head = { id: `msg_${randomUUID().replaceAll("-", "")}`, type: "message", role: "assistant", model };
    this.#thinks = thinks;
  }

  whole({ text, reasoning, toolCalls, stopReason, model, state }: Reply, { usage }: ReplyFacts): JsonObject {
    const content: JsonObject[] = [
      ...(this.#thinks && reasoning !== ""
        ? [{ type: "thinking", thinking: reasoning, signature: carriedState(undefined) }]
        : []),
      ...(state ? [{ type: "redacted_thinking", data: carriedState(state) }] : []),
      ...(text === "" && toolCalls.length > 0 ? [] : [{ type: "text", text }]),
      ...toolCalls.map(({ id, name, arguments: args }) => ({
        type: "tool_use",
        id,
        name,
        input: parseObject(args) ?? {},
      })),
    ];
    return {
      ...this.#head,
      model: model || this.#head.model,
      content,
      stop_reason: STOP[stopReason],
      stop_sequence: null,
      usage: writeUsage(usage),
    };
  }

  event(event: Exclude<ReplyEvent, { type: "end" }>): string {
    switch (event.type) {
      case "start": {
        const usage = { input_tokens: 0, output_tokens: 0 };
        const message = { ...this.#head, content: [], stop_reason: null, stop_sequence: null, usage };
        return namedEvent({ type: "message_start", message } as EventOfType);
      }
      case "text-delta":
        return this.#in("text", { type: "text", text: "" }) + this.#delta({ type: "text_delta", text: event.text });
      case "reasoning-delta": {
        if (!this.#thinks) return "";
        const begun = this.#in("thinking", { type: "thinking", thinking: "", signature: "" });
        return begun + this.#delta({ type: "thinking_delta", thinking: event.text });
      }
      case "tool-call-delta": {
        const { index, id = "", name = "", argumentsDelta } = event;
        this.#first ??= index;
        if (index !== this.#first) return this.#wait(index, id, name, argumentsDelta);
        const begun = this.#in(index, { type: "tool_use", id, name, input: {} });
        if (argumentsDelta === "") return begun;
        return begun + this.#delta({ type: "input_json_delta", partial_json: argumentsDelta });
      }
    }
  }

  end({ stopReason, state }: Extract<ReplyEvent, { type: "end" }>, { usage }: ReplyFacts): readonly [string, string] {
    // A reply of nothing has a text all the same: programs look for the first block.
    const nothing = this.#blocks === 0 && this.#open === undefined ? this.#in("text", { type: "text", text: "" }) : "";
    const delta = { stop_reason: STOP[stopReason], stop_sequence: null };
    const message = { type: "message_delta", delta, usage: writeUsage(usage) };
    const calls = [...this.#waiting].map(([index, { arguments: args, ...call }]) => {
      const begun = this.#in(index, { type: "tool_use", ...call, input: {} });
      return begun + this.#delta({ type: "input_json_delta", partial_json: args });
    });
    // What its provider wants back is only known at the end of a reply.
    const kept = state ? this.#in("state", { type: "redacted_thinking", data: carriedState(state) }) : "";
    const before = [nothing, ...calls, kept, this.#close(), namedEvent(message)].join("");
    return [before, namedEvent({ type: "message_stop" })];
  }

  #wait(index: number, id: string, name: string, argumentsDelta: string): string {
    const call = this.#waiting.get(index) ?? { id, name, arguments: "" };
    this.#waiting.set(index, { ...call, arguments: call.arguments + argumentsDelta });
    return "";
  }

  /** Opens a block, unless it is open. */
  #in(what: "text" | "thinking" | "state" | number, block: JsonObject): string {
    if (this.#open === what) return "";
    const closed = this.#close();
    this.#open = what;
    return (
      closed + namedEvent({ type: "content_block_start", index: this.#blocks, content_block: block } as EventOfType)
    );
  }

  #delta(delta: JsonObject): string {
    return namedEvent({ type: "content_block_delta", index: this.#blocks, delta } as EventOfType);
  }

  #close(): string {
    if (this.#open === undefined) return "";
    // Whoever thinks signs: it is how the block is known again.
    const signed =
      this.#open === "thinking" ? this.#delta({ type: "signature_delta", signature: carriedState(undefined) }) : "";
    this.#open = undefined;
    return signed + namedEvent({ type: "content_block_stop", index: this.#blocks++ } as EventOfType);
  }
}

type CountName = "input_tokens" | "output_tokens" | "cache_creation_input_tokens" | "cache_read_input_tokens";

/** What was cached counts beside the input. */
function writeUsage({
  inputTokens = 0,
  outputTokens = 0,
  cacheReadTokens = 0,
  cacheWriteTokens = 0,
}: Usage): Pick<AnthropicUsage, CountName> {
  return {
    input_tokens: Math.max(0, inputTokens - cacheReadTokens - cacheWriteTokens),
    cache_creation_input_tokens: cacheWriteTokens,
    cache_read_input_tokens: cacheReadTokens,
    output_tokens: outputTokens,
  };
}
