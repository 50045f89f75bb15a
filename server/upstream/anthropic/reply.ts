import type { WholeReply } from "../models/adapter.ts";
import { CallIds } from "../models/call-ids.ts";
import { type Billing, type StopReason, saidOf, type Usage } from "../models/conversation.ts";
import { asCount, asJson, asObject, asObjects, asText, type JsonObject } from "../models/json-value.ts";
import { stateOf } from "./state.ts";

/** The reply that a message holds. */
export function readReply(body: JsonObject): WholeReply | undefined {
  if (body.type !== "message") return undefined;
  const content = asObjects(body.content);
  const ids = new CallIds();
  return {
    model: asText(body.model),
    text: content.map(({ text }) => asText(text)).join(""),
    reasoning: content.map(({ thinking }) => asText(thinking)).join(""),
    toolCalls: content
      .filter(({ type }) => type === "tool_use")
      .map(({ id, name, input }) => ({ id: ids.of(asText(id)), name: asText(name), arguments: asJson(input ?? {}) })),
    stopReason: readStopReason(body.stop_reason),
    rawStopReason: asText(body.stop_reason),
    usage: readUsage(asObject(body.usage) ?? {}),
    ...saidOf(readBilling(asObject(body.usage) ?? {})),
    stateValue: stateOf(content),
  };
}

/** What a usage says of rates that are not the usual ones: a tier, a speed, a place, caches of an hour, searches. */
export function readBilling(usage: JsonObject): Billing {
  const tier = [usage.service_tier, usage.speed, usage.inference_geo].map(asText).find((word) => !USUAL.has(word));
  const hourCacheTokens = asCount(asObject(usage.cache_creation)?.ephemeral_1h_input_tokens) || undefined;
  const hasExtras = Object.values(asObject(usage.server_tool_use) ?? {}).some((count) => (asCount(count) ?? 0) > 0);
  return {
    ...(tier !== undefined && { tier }),
    ...(hourCacheTokens !== undefined && { hourCacheTokens }),
    ...(hasExtras && { hasExtras }),
  };
}

const USUAL = new Set(["", "standard", "global", "not_available"]);

const STOP_REASONS: Readonly<Record<string, StopReason>> = {
  end_turn: "end",
  max_tokens: "max-tokens",
  model_context_window_exceeded: "max-tokens",
  stop_sequence: "stop-sequence",
  tool_use: "tool-calls",
  refusal: "content-filter",
};

/** The provider's word in ours. */
export function readStopReason(raw: unknown): StopReason {
  const word = asText(raw);
  return Object.hasOwn(STOP_REASONS, word) ? (STOP_REASONS[word] as StopReason) : "other";
}

/** `input_tokens` counts only what neither came from the cache nor went into it. */
export function readUsage(usage: JsonObject): Usage {
  const input = asCount(usage.input_tokens);
  const output = asCount(usage.output_tokens);
  const cacheRead = asCount(usage.cache_read_input_tokens);
  const cacheWrite = asCount(usage.cache_creation_input_tokens);
  return {
    ...(input !== undefined && { inputTokens: input + (cacheRead ?? 0) + (cacheWrite ?? 0) }),
    ...(output !== undefined && { outputTokens: output }),
    ...(cacheRead !== undefined && { cacheReadTokens: cacheRead }),
    ...(cacheWrite !== undefined && { cacheWriteTokens: cacheWrite }),
  };
}
