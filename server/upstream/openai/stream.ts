import { type ApiError, malformed, type StreamReader } from "../models/adapter.ts";
import type { ReplyEvent, StopReason, Usage } from "../models/conversation.ts";
import { asObject, asObjects, asText, type JsonObject, parseObject } from "../models/json-value.ts";
import { readError } from "./errors.ts";
import { inventToolCallId, readArguments, readContent, readReasoning, readStopReason, readUsage } from "./reply.ts";

/** A streamed chat completion, with the liberties that servers take in it. */
export function openStream(): StreamReader {
  return new CompletionStream();
}

class CompletionStream implements StreamReader {
  isComplete = false;
  usage: Usage = {};
  #hasStarted = false;
  #callCount = 0;
  /** Our index of a call by the server's id of it, and by the server's index. */
  readonly #callsById = new Map<string, number>();
  readonly #callsByIndex = new Map<unknown, number>();
  #stop: { readonly reason: StopReason; readonly raw: string } | undefined;

  read(data: string, events: ReplyEvent[]): ApiError | undefined {
    if (data === "[DONE]") {
      this.isComplete = this.#hasStarted;
      return this.#hasStarted ? undefined : malformed;
    }
    const chunk = parseObject(data);
    if (chunk === undefined) return malformed;
    const error = readError(chunk);
    if (error !== undefined) return error;
    const choice = asObjects(chunk.choices)[0];
    this.#start(chunk, choice, events);
    if (choice !== undefined) this.#readChoice(choice, events);
    // With the last chunk, or, of some servers, with each one so far.
    if (asObject(chunk.usage) !== undefined) this.usage = readUsage(chunk.usage);
    return undefined;
  }

  end(): ReplyEvent | undefined {
    if (this.#stop === undefined && !this.isComplete) return undefined;
    const { reason, raw } = this.#stop ?? { reason: readStopReason({}, this.#callCount > 0), raw: "" };
    return { type: "end", stopReason: reason, rawStopReason: raw, usage: this.usage };
  }

  /** Azure's first chunk has neither a model nor choices, only what its filter thinks of the prompt. */
  #start(chunk: JsonObject, choice: JsonObject | undefined, events: ReplyEvent[]): void {
    if (this.#hasStarted || (choice === undefined && asObject(chunk.usage) === undefined)) return;
    this.#hasStarted = true;
    events.push({ type: "start", model: asText(chunk.model) });
  }

  #readChoice(choice: JsonObject, events: ReplyEvent[]): void {
    // Some servers end with a whole message in place of a delta.
    const delta = asObject(choice.delta) ?? asObject(choice.message) ?? {};
    const reasoning = readReasoning(delta);
    if (reasoning !== "") events.push({ type: "reasoning-delta", text: reasoning });
    const text = readContent(delta) || asText(delta.refusal);
    if (text !== "") events.push({ type: "text-delta", text });
    for (const call of asObjects(delta.tool_calls)) this.#readToolCall(call, events);
    if (asText(choice.finish_reason) === "") return;
    this.#stop = { reason: readStopReason(choice, this.#callCount > 0), raw: asText(choice.finish_reason) };
  }

  #readToolCall(call: JsonObject, events: ReplyEvent[]): void {
    const called = asObject(call.function) ?? {};
    const argumentsDelta = readArguments(called.arguments);
    const known = this.#knownCall(call, asText(called.name));
    if (known !== undefined) {
      if (argumentsDelta !== "") events.push({ type: "tool-call-delta", index: known, argumentsDelta });
      return;
    }
    const index = this.#callCount++;
    const id = asText(call.id) || inventToolCallId();
    this.#callsById.set(id, index);
    this.#callsByIndex.set(call.index, index);
    events.push({ type: "tool-call-delta", index, id, name: asText(called.name), argumentsDelta });
  }

  /**
   * Our index of a call that has begun. Servers leave out the index or the id, repeat the id with every piece, or give
   * all calls index 0; so a call is new at an unknown index, or when a name comes with an unknown id or without index.
   */
  #knownCall(call: JsonObject, name: string): number | undefined {
    const id = asText(call.id);
    const byId = this.#callsById.get(id);
    if (byId !== undefined) return byId;
    const last = this.#callCount > 0 ? this.#callCount - 1 : undefined;
    const byIndex = call.index === undefined ? last : this.#callsByIndex.get(call.index);
    if (byIndex === undefined) return undefined;
    return name !== "" && (id !== "" || call.index === undefined) ? undefined : byIndex;
  }
}
