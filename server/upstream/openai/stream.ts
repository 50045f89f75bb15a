import type { StreamReader } from "../models/adapter.ts";
import { type Billing, type ReplyEvent, type StopReason, saidOf, type Usage } from "../models/conversation.ts";
import { type ErrorWords, errorIn, MALFORMED } from "../models/error-words.ts";
import { isDone } from "../models/event-stream.ts";
import { asObject, asObjects, asText, type JsonObject, parseObject } from "../models/json-value.ts";
import type { ProviderType } from "../models/provider-types.ts";
import { readBilling } from "./billing.ts";
import { callsIn, messageIn, readContent, readReasoning, readStopReason, readUsage, usageIn } from "./reply.ts";
import { StateGatherer } from "./state.ts";
import { ToolCalls } from "./tool-calls.ts";

/** A streamed chat completion, with the liberties that servers take in it. */
export function openStream(providerType?: ProviderType): StreamReader {
  return new CompletionStream(providerType);
}

class CompletionStream implements StreamReader {
  isComplete = false;
  usage: Usage = {};
  #billing: Billing = {};
  #hasStarted = false;
  #hasContent = false;
  readonly #providerType: ProviderType | undefined;
  readonly #calls = new ToolCalls();
  readonly #state = new StateGatherer();
  /** Of the choice that is read: an owner may have asked for several. */
  #index: unknown;
  #stop: { readonly reason: StopReason; readonly raw: string } | undefined;

  constructor(providerType: ProviderType | undefined) {
    this.#providerType = providerType;
  }

  read(data: string, events: ReplyEvent[]): ErrorWords | undefined {
    if (isDone(data)) {
      if (this.#hasStarted) this.#calls.finish(events, this.#stop?.raw);
      this.isComplete = this.#hasStarted;
      return this.#hasStarted ? undefined : MALFORMED;
    }
    const chunk = parseObject(data);
    if (chunk === undefined) return MALFORMED;
    const error = errorIn(chunk);
    if (error !== undefined) return error;
    const choice = this.#choiceOf(chunk);
    this.#start(chunk, choice, events);
    if (choice !== undefined) this.#readChoice(choice, events);
    this.#count(chunk);
    return undefined;
  }

  end(): ReplyEvent | undefined {
    if (this.#stop === undefined && !this.isComplete) return undefined;
    const { reason, raw } = this.#stop ?? { reason: readStopReason({}, this.#calls.count > 0), raw: "" };
    return { type: "end", stopReason: reason, rawStopReason: raw, usage: this.usage, ...saidOf(this.#billing) };
  }

  get stateValue(): JsonObject | undefined {
    return this.#state.state(this.#calls.states, this.#calls.count > 0);
  }

  #choiceOf({ choices }: JsonObject): JsonObject | undefined {
    const all = asObjects(choices);
    this.#index ??= all[0]?.index;
    for (const choice of all) {
      const { index } = choice;
      if (index === this.#index || index === undefined || index === null) return choice;
    }
    return undefined;
  }

  /** Azure's first chunk has neither a model nor choices, only what its filter thinks of the prompt. */
  #start(chunk: JsonObject, choice: JsonObject | undefined, events: ReplyEvent[]): void {
    if (this.#hasStarted || (choice === undefined && asObject(chunk.usage) === undefined)) return;
    this.#hasStarted = true;
    events.push({ type: "start", model: asText(chunk.model) });
  }

  /** With the last chunk, or, of some servers, with each one so far; a count of nothing takes none back. */
  #count(chunk: JsonObject): void {
    const counts = usageIn(chunk);
    if (counts !== undefined) {
      const usage = readUsage(counts);
      const said = Object.entries(usage).filter(([, count]) => count > 0);
      this.usage = { ...usage, ...this.usage, ...Object.fromEntries(said) };
    }
    if (chunk.usage || chunk.service_tier) {
      this.#billing = { ...this.#billing, ...readBilling(chunk, this.#providerType) };
    }
  }

  #readChoice(choice: JsonObject, events: ReplyEvent[]): void {
    const delta = asObject(choice.delta);
    if (delta !== undefined) this.#readDelta(delta, events);
    // Some servers end with a whole message in place of a delta: of what was streamed, once more.
    else if (!this.#hasContent || choice.text !== undefined) this.#readDelta(messageIn(choice) ?? {}, events);
    if (asText(choice.finish_reason) === "") return;
    this.#calls.finish(events, choice.finish_reason);
    this.#stop = { reason: readStopReason(choice, this.#calls.count > 0), raw: asText(choice.finish_reason) };
  }

  #readDelta(delta: JsonObject, events: ReplyEvent[]): void {
    const before = events.length;
    this.#state.read(delta, this.#providerType);
    const reasoning = readReasoning(delta);
    if (reasoning !== "") events.push({ type: "reasoning-delta", text: reasoning });
    const text = readContent(delta) || asText(delta.refusal);
    if (text !== "") events.push({ type: "text-delta", text });
    for (const call of callsIn(delta)) this.#calls.read(call, events);
    if (events.length > before) this.#hasContent = true;
  }
}
