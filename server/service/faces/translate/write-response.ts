import { randomUUID } from "node:crypto";
import type { ResponseStreamEvent, ResponseUsage } from "openai/resources/responses/responses";
import type { ReplyFacts } from "../../../domain/chat/attempt.ts";
import type {
  ProviderState,
  Reply,
  ReplyEvent,
  StopReason,
  ToolCall,
  Usage,
} from "../../../upstream/models/conversation.ts";
import type { JsonObject } from "../../../upstream/models/json-value.ts";
import { CustomTools } from "./custom-tools.ts";
import { carriedState, namedEvent, type ReplyWriter } from "./translation.ts";

/** Writes replies as responses, with what the request said of them. */
export function responseWriter(body: JsonObject, custom: CustomTools): ReplyWriter {
  return new ResponseWriter(body, custom);
}

/** What of a request a response repeats. */
const ECHOED =
  "instructions metadata parallel_tool_calls temperature tool_choice tools top_p max_output_tokens text reasoning".split(
    " ",
  );

/** An item of the output that is being written. */
interface OpenItem {
  readonly index: number;
  readonly id: string;
  readonly kind: "message" | "reasoning" | "call";
  text: string;
  readonly call?: { readonly id: string; readonly name: string };
}

class ResponseWriter implements ReplyWriter {
  readonly #head: JsonObject;
  readonly #custom: CustomTools;
  readonly #done: JsonObject[] = [];
  readonly #calls = new Map<number, OpenItem>();
  readonly #thoughts: OpenItem[] = [];
  #open: OpenItem | undefined;
  #items = 0;
  #sequence = 0;

  constructor(body: JsonObject, custom: CustomTools) {
    this.#custom = custom;
    const echoed = Object.fromEntries(ECHOED.map((name) => [name, body[name] ?? DEFAULTS[name] ?? null]));
    this.#head = {
      id: `resp_${randomUUID().replaceAll("-", "")}`,
      object: "response",
      created_at: Math.floor(Date.now() / 1_000),
      model: body.model,
      error: null,
      previous_response_id: null,
      store: false,
      ...echoed,
    };
  }

  whole({ text, reasoning, toolCalls, stopReason, model, state }: Reply, { usage }: ReplyFacts): JsonObject {
    const output = [
      ...(reasoning === "" && !state ? [] : [reasoningItem(newId("rs"), reasoning, state)]),
      ...(text === "" && toolCalls.length > 0 ? [] : [messageItem(newId("msg"), text)]),
      ...toolCalls.map((call) => this.#callItem(newId("fc"), call)),
    ];
    return { ...this.#ended(output, stopReason, usage), model: model || this.#head.model };
  }

  event(event: Exclude<ReplyEvent, { type: "end" }>): string {
    switch (event.type) {
      case "start": {
        const response = { ...this.#head, status: "in_progress", incomplete_details: null, output: [], usage: null };
        return this.#say("response.created", { response }) + this.#say("response.in_progress", { response });
      }
      case "text-delta": {
        const begun = this.#in("message");
        const item = this.#open as OpenItem;
        item.text += event.text;
        return begun + this.#say("response.output_text.delta", { ...whereIn(item), delta: event.text, logprobs: [] });
      }
      case "reasoning-delta": {
        const begun = this.#in("reasoning");
        const item = this.#open as OpenItem;
        item.text += event.text;
        const where = { item_id: item.id, output_index: item.index, summary_index: 0 };
        return begun + this.#say("response.reasoning_summary_text.delta", { ...where, delta: event.text });
      }
      case "tool-call-delta":
        return this.#callDelta(event);
    }
  }

  end({ stopReason, state }: Extract<ReplyEvent, { type: "end" }>, { usage }: ReplyFacts): readonly [string, string] {
    const nothing = this.#items === 0 ? this.#in("message") : "";
    const closed =
      this.#close() +
      this.#closeReasoning(state) +
      [...this.#calls.values()].map((call) => this.#closeCall(call)).join("");
    const output = this.#done.filter((item) => item !== undefined);
    const response = this.#ended(output, stopReason, usage);
    const type = response.status === "incomplete" ? "response.incomplete" : "response.completed";
    return [nothing + closed, this.#say(type, { response })];
  }

  #callDelta({ index, id = "", name = "", argumentsDelta }: Extract<ReplyEvent, { type: "tool-call-delta" }>): string {
    let begun = "";
    let item = this.#calls.get(index);
    if (!item) {
      begun = this.#close();
      item = { index: this.#items++, id: newId("fc"), kind: "call", text: "", call: { id, name } };
      this.#calls.set(index, item);
      const empty = { ...this.#callItem(item.id, { id, name, arguments: "" }), status: "in_progress" };
      begun += this.#say("response.output_item.added", { output_index: item.index, item: empty });
    }
    item.text += argumentsDelta;
    // The text of a custom tool is only known from the whole arguments.
    if (argumentsDelta === "" || this.#custom.has(item.call?.name ?? "")) return begun;
    const where = { item_id: item.id, output_index: item.index };
    return begun + this.#say("response.function_call_arguments.delta", { ...where, delta: argumentsDelta });
  }

  #closeCall(item: OpenItem): string {
    const { id = "", name = "" } = item.call ?? {};
    const done = this.#callItem(item.id, { id, name, arguments: item.text });
    const where = { item_id: item.id, output_index: item.index };
    this.#done[item.index] = done;
    const said = this.#custom.has(name)
      ? this.#say("response.custom_tool_call_input.delta", { ...where, delta: done.input }) +
        this.#say("response.custom_tool_call_input.done", { ...where, input: done.input })
      : this.#say("response.function_call_arguments.done", { ...where, arguments: item.text, name });
    return said + this.#say("response.output_item.done", { output_index: item.index, item: done });
  }

  /** Opens an item of text, unless it is open. */
  #in(kind: "message" | "reasoning"): string {
    if (this.#open?.kind === kind) return "";
    const closed = this.#close();
    const item: OpenItem = { index: this.#items++, id: newId(kind === "message" ? "msg" : "rs"), kind, text: "" };
    this.#open = item;
    const output_index = item.index;
    if (kind === "reasoning") {
      const added = this.#say("response.output_item.added", {
        output_index,
        item: { id: item.id, type: "reasoning", summary: [] },
      });
      const where = { item_id: item.id, output_index, summary_index: 0 };
      return (
        closed +
        added +
        this.#say("response.reasoning_summary_part.added", { ...where, part: { type: "summary_text", text: "" } })
      );
    }
    const empty = { ...messageItem(item.id, ""), content: [], status: "in_progress" };
    const added = this.#say("response.output_item.added", { output_index, item: empty });
    return closed + added + this.#say("response.content_part.added", { ...whereIn(item), part: textPart("") });
  }

  #close(): string {
    const item = this.#open;
    if (!item) return "";
    this.#open = undefined;
    const { id, index: output_index, text, kind } = item;
    if (kind === "reasoning") {
      this.#thoughts.push(item);
      const where = { item_id: id, output_index, summary_index: 0 };
      return (
        this.#say("response.reasoning_summary_text.done", { ...where, text }) +
        this.#say("response.reasoning_summary_part.done", { ...where, part: { type: "summary_text", text } })
      );
    }
    const done = messageItem(id, text);
    this.#done[output_index] = done;
    return (
      this.#say("response.output_text.done", { ...whereIn(item), text, logprobs: [] }) +
      this.#say("response.content_part.done", { ...whereIn(item), part: textPart(text) }) +
      this.#say("response.output_item.done", { output_index, item: done })
    );
  }

  /** What its provider wants back is only known at the end of a reply, so these items are done last. */
  #closeReasoning(state: ProviderState | undefined): string {
    if (state && this.#thoughts.length === 0) {
      const item: OpenItem = { index: this.#items++, id: newId("rs"), kind: "reasoning", text: "" };
      this.#thoughts.push(item);
      const added = { output_index: item.index, item: { id: item.id, type: "reasoning", summary: [] } };
      return this.#say("response.output_item.added", added) + this.#closeReasoning(state);
    }
    const said = this.#thoughts.map(({ id, index, text }, at) => {
      const done = reasoningItem(id, text, at === 0 ? state : undefined);
      this.#done[index] = done;
      return this.#say("response.output_item.done", { output_index: index, item: done });
    });
    return said.join("");
  }

  #callItem(id: string, { id: call_id, name, arguments: args }: ToolCall): JsonObject {
    const known = { id, call_id, name, status: "completed" };
    if (this.#custom.has(name)) return { ...known, type: "custom_tool_call", input: CustomTools.unwrap(args) };
    return { ...known, type: "function_call", arguments: args };
  }

  #ended(output: readonly JsonObject[], stopReason: StopReason, usage: Usage): JsonObject {
    const why = INCOMPLETE[stopReason];
    return {
      ...this.#head,
      status: why === undefined ? "completed" : "incomplete",
      incomplete_details: why === undefined ? null : { reason: why },
      output,
      usage: writeUsage(usage),
    };
  }

  #say(type: ResponseStreamEvent["type"], event: JsonObject): string {
    return namedEvent({ type, sequence_number: this.#sequence++, ...event } as { type: string });
  }
}

const DEFAULTS: JsonObject = {
  metadata: {},
  parallel_tool_calls: true,
  tool_choice: "auto",
  tools: [],
  text: { format: { type: "text" } },
};
const INCOMPLETE: Readonly<Partial<Record<StopReason, string>>> = {
  "max-tokens": "max_output_tokens",
  "content-filter": "content_filter",
};

function newId(prefix: string): string {
  return `${prefix}_${randomUUID().replaceAll("-", "")}`;
}

function whereIn({ id, index }: OpenItem) {
  return { item_id: id, output_index: index, content_index: 0 };
}

function textPart(text: string): JsonObject {
  return { type: "output_text", text, annotations: [], logprobs: [] };
}

function messageItem(id: string, text: string): JsonObject {
  return { id, type: "message", role: "assistant", status: "completed", content: [textPart(text)] };
}

function reasoningItem(id: string, text: string, state: ProviderState | undefined): JsonObject {
  const summary = text === "" ? [] : [{ type: "summary_text", text }];
  return { id, type: "reasoning", summary, ...(state && { encrypted_content: carriedState(state) }) };
}

function writeUsage({
  inputTokens = 0,
  outputTokens = 0,
  cacheReadTokens = 0,
  reasoningTokens = 0,
}: Usage): Omit<ResponseUsage, "input_tokens_details"> & { input_tokens_details: object } {
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cacheReadTokens },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: inputTokens + outputTokens,
  };
}
