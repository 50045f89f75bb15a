import type { StreamReader } from "../models/adapter.ts";
import type { Reply, ReplyEvent, StopReason, ToolCall, Usage } from "../models/conversation.ts";
import { type ErrorWords, errorIn, MALFORMED, NO_WORDS } from "../models/error-words.ts";
import { asCount, asObject, asObjects, asText, type JsonObject, parseObject } from "../models/json-value.ts";

/** The reply that a response of OpenAI's Responses holds. */
export function readResponse(body: JsonObject): Reply | undefined {
  if (!Array.isArray(body.output)) return undefined;
  const items = asObjects(body.output);
  const toolCalls = items.filter(isCall).map(readCall);
  const { reason, raw } = stopOf(body, toolCalls.length > 0);
  return {
    model: asText(body.model),
    text: items.map(textOf).join(""),
    reasoning: items.map(reasoningOf).join(""),
    toolCalls,
    stopReason: reason,
    rawStopReason: raw,
    usage: readResponseUsage(asObject(body.usage) ?? {}),
  };
}

/** The error of a body, of an event of a stream, or of the response in it. */
export function readResponseError(body: JsonObject): ErrorWords | undefined {
  const response = asObject(body.response);
  if (body.type === "error" && asObject(body.error) === undefined) return errorIn({ error: body });
  const error = errorIn(body) ?? (response && errorIn(response));
  if (error !== undefined) return error;
  const hasFailed = body.type === "response.failed" || body.status === "failed";
  return hasFailed ? NO_WORDS : undefined;
}

/** The prompt counts what came from the cache, and the reply its reasoning. */
export function readResponseUsage(usage: JsonObject): Usage {
  const counts = {
    inputTokens: asCount(usage.input_tokens),
    outputTokens: asCount(usage.output_tokens),
    cacheReadTokens: asCount(asObject(usage.input_tokens_details)?.cached_tokens),
    reasoningTokens: asCount(asObject(usage.output_tokens_details)?.reasoning_tokens),
  };
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== undefined));
}

/** A streamed response. */
export function openResponseStream(): StreamReader {
  return new ResponseStream();
}

class ResponseStream implements StreamReader {
  isComplete = false;
  usage: Usage = {};
  /** Its callers speak this API, too, and keep what came by themselves. */
  readonly stateValue = undefined;
  #callIndexes = new Map<unknown, number>();
  #last: JsonObject = {};

  read(data: string, events: ReplyEvent[]): ErrorWords | undefined {
    const event = parseObject(data);
    if (event === undefined) return MALFORMED;
    const error = readResponseError(event);
    if (error !== undefined) return error;
    switch (event.type) {
      case "response.created":
        events.push({ type: "start", model: asText(asObject(event.response)?.model) });
        break;
      case "response.output_text.delta":
      case "response.refusal.delta":
        events.push({ type: "text-delta", text: asText(event.delta) });
        break;
      case "response.reasoning_text.delta":
      case "response.reasoning_summary_text.delta":
        events.push({ type: "reasoning-delta", text: asText(event.delta) });
        break;
      case "response.output_item.added":
        this.#addItem(event.output_index, asObject(event.item) ?? {}, events);
        break;
      case "response.function_call_arguments.delta":
      case "response.custom_tool_call_input.delta":
        this.#addArguments(event.output_index, asText(event.delta), events);
        break;
      case "response.completed":
      case "response.incomplete":
        this.#last = asObject(event.response) ?? {};
        this.usage = readResponseUsage(asObject(this.#last.usage) ?? {});
        this.isComplete = true;
        break;
    }
    return undefined;
  }

  end(): ReplyEvent | undefined {
    if (!this.isComplete) return undefined;
    const { reason, raw } = stopOf(this.#last, this.#callIndexes.size > 0);
    return { type: "end", stopReason: reason, rawStopReason: raw, usage: this.usage };
  }

  #addItem(outputIndex: unknown, item: JsonObject, events: ReplyEvent[]): void {
    if (!isCall(item)) return;
    const index = this.#callIndexes.size;
    this.#callIndexes.set(outputIndex, index);
    events.push({
      type: "tool-call-delta",
      index,
      id: asText(item.call_id),
      name: asText(item.name),
      argumentsDelta: "",
    });
  }

  #addArguments(outputIndex: unknown, argumentsDelta: string, events: ReplyEvent[]): void {
    const index = this.#callIndexes.get(outputIndex);
    if (index !== undefined) events.push({ type: "tool-call-delta", index, argumentsDelta });
  }
}

function isCall({ type }: JsonObject): boolean {
  return type === "function_call" || type === "custom_tool_call";
}

function readCall(item: JsonObject): ToolCall {
  return { id: asText(item.call_id), name: asText(item.name), arguments: asText(item.arguments) || asText(item.input) };
}

function textOf({ type, content }: JsonObject): string {
  if (type !== "message") return "";
  return asObjects(content)
    .map((part) => asText(part.text) || asText(part.refusal))
    .join("");
}

function reasoningOf({ type, content, summary }: JsonObject): string {
  if (type !== "reasoning") return "";
  return [...asObjects(summary), ...asObjects(content)].map(({ text }) => asText(text)).join("");
}

function stopOf({ status, incomplete_details }: JsonObject, hasCalls: boolean): { reason: StopReason; raw: string } {
  const why = asText(asObject(incomplete_details)?.reason);
  if (why === "max_output_tokens") return { reason: "max-tokens", raw: why };
  if (why === "content_filter") return { reason: "content-filter", raw: why };
  return { reason: hasCalls ? "tool-calls" : "end", raw: asText(status) };
}
