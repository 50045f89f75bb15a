import type { StreamReader } from "../models/adapter.ts";
import { CallIds } from "../models/call-ids.ts";
import { type ReplyEvent, saidOf, type Usage } from "../models/conversation.ts";
import { type ErrorWords, errorIn, MALFORMED } from "../models/error-words.ts";
import { asJson, asObject, asText, type JsonObject, parseObject } from "../models/json-value.ts";
import { readBilling, readStopReason, readUsage } from "./reply.ts";
import { GrowingBlock, stateOf } from "./state.ts";

/** A streamed message. */
export function openStream(): StreamReader {
  return new MessageStream();
}

class MessageStream implements StreamReader {
  isComplete = false;
  #hasStarted = false;
  /** Our index of a call of a tool by the index of its content block. */
  readonly #callIndexes = new Map<unknown, number>();
  readonly #ids = new CallIds();
  /** Calls whose arguments have not begun, with those that came with their beginning, as of proxies that stream none. */
  readonly #withoutArguments = new Map<number, string>();
  #rawStopReason = "";
  /** Said at the start, and again, as far as it has changed, at the end. */
  #usage: JsonObject = {};
  /** All blocks, to be sent back as they came. */
  readonly #blocks = new Map<unknown, GrowingBlock>();

  read(data: string, events: ReplyEvent[]): ErrorWords | undefined {
    const event = parseObject(data);
    if (event === undefined) return MALFORMED;
    const error = errorIn(event);
    if (error !== undefined) return error;
    switch (event.type) {
      case "message_start":
        this.#start(asObject(event.message) ?? {}, events);
        break;
      case "content_block_start":
        this.#startBlock(event.index, asObject(event.content_block) ?? {}, events);
        break;
      case "content_block_delta":
        this.#readDelta(event.index, asObject(event.delta) ?? {}, events);
        break;
      case "content_block_stop":
        this.#stopBlock(event.index, events);
        break;
      case "message_delta":
        this.#rawStopReason = asText(asObject(event.delta)?.stop_reason);
        this.#addUsage(event.usage);
        break;
      case "message_stop":
        this.isComplete = this.#hasStarted;
        break;
    }
    return undefined;
  }

  /** The start counts the prompt in full, and of the reply only its beginning. */
  get usage(): Usage {
    const { outputTokens, ...usage } = readUsage(this.#usage);
    return outputTokens !== undefined && this.#rawStopReason !== "" ? { ...usage, outputTokens } : usage;
  }

  end(): ReplyEvent | undefined {
    if (!this.isComplete) return undefined;
    const rawStopReason = this.#rawStopReason;
    return {
      type: "end",
      stopReason: readStopReason(rawStopReason),
      rawStopReason,
      usage: readUsage(this.#usage),
      ...saidOf(readBilling(this.#usage)),
    };
  }

  get stateValue(): JsonObject | undefined {
    return stateOf([...this.#blocks.values()].map((block) => block.whole(parseObject)));
  }

  #start(message: JsonObject, events: ReplyEvent[]): void {
    this.#hasStarted = true;
    this.#addUsage(message.usage);
    events.push({ type: "start", model: asText(message.model) });
  }

  #startBlock(block: unknown, content: JsonObject, events: ReplyEvent[]): void {
    this.#blocks.set(block, new GrowingBlock(content));
    if (content.type === "tool_use") {
      const index = this.#callIndexes.size;
      this.#callIndexes.set(block, index);
      this.#withoutArguments.set(index, asJson(asObject(content.input) ?? {}));
      const id = this.#ids.of(asText(content.id));
      events.push({ type: "tool-call-delta", index, id, name: asText(content.name), argumentsDelta: "" });
    } else {
      this.#tell(block, content, events);
    }
  }

  #readDelta(block: unknown, delta: JsonObject, events: ReplyEvent[]): void {
    this.#blocks.get(block)?.add(delta);
    this.#tell(block, delta, events);
  }

  #tell(block: unknown, delta: JsonObject, events: ReplyEvent[]): void {
    const text = asText(delta.text);
    if (text !== "") events.push({ type: "text-delta", text });
    const thinking = asText(delta.thinking);
    if (thinking !== "") events.push({ type: "reasoning-delta", text: thinking });
    const argumentsDelta = asText(delta.partial_json);
    const index = this.#callIndexes.get(block);
    if (argumentsDelta === "" || index === undefined) return;
    this.#withoutArguments.delete(index);
    events.push({ type: "tool-call-delta", index, argumentsDelta });
  }

  /** A call without arguments is streamed without any piece of them, and still is a call with the empty object. */
  #stopBlock(block: unknown, events: ReplyEvent[]): void {
    const index = this.#callIndexes.get(block);
    const argumentsDelta = index === undefined ? undefined : this.#withoutArguments.get(index);
    if (index === undefined || argumentsDelta === undefined) return;
    this.#withoutArguments.delete(index);
    events.push({ type: "tool-call-delta", index, argumentsDelta });
  }

  #addUsage(usage: unknown): void {
    const said = Object.entries(asObject(usage) ?? {}).filter(([, value]) => value !== null);
    this.#usage = { ...this.#usage, ...Object.fromEntries(said) };
  }
}
