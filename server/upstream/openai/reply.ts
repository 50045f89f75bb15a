import type { WholeReply } from "../models/adapter.ts";
import { type ReplyEvent, type StopReason, saidOf, type ToolCall, type Usage } from "../models/conversation.ts";
import { asCount, asJson, asObject, asObjects, asText, type JsonObject, known } from "../models/json-value.ts";
import type { ProviderType } from "../models/provider-types.ts";
import { readBilling } from "./billing.ts";
import { StateGatherer } from "./state.ts";
import { ToolCalls } from "./tool-calls.ts";

/** The reply that the body of a chat completion holds. */
export function readReply(body: JsonObject, providerType?: ProviderType): WholeReply | undefined {
  const choice = choiceIn(body);
  const message = choice && messageIn(choice);
  if (choice === undefined || message === undefined) return undefined;
  const calls = new ToolCalls();
  const events: ReplyEvent[] = [];
  for (const call of callsIn(message)) calls.readWhole(call, events);
  calls.finish(events, choice.finish_reason);
  const toolCalls = assembled(events);
  const state = new StateGatherer();
  state.read(message, providerType);
  return {
    model: asText(body.model),
    text: readContent(message) || asText(message.refusal),
    reasoning: readReasoning(message),
    toolCalls,
    stopReason: readStopReason(choice, toolCalls.length > 0),
    rawStopReason: asText(choice.finish_reason),
    usage: readUsage(usageIn(body)),
    ...saidOf(readBilling(body, providerType)),
    stateValue: state.state(calls.states, toolCalls.length > 0),
  };
}

/** The first choice of what an owner may have asked for several of. */
export function choiceIn({ choices }: JsonObject): JsonObject | undefined {
  const all = asObjects(choices);
  return all.find(({ index }) => index === 0) ?? all[0];
}

/** Also of a server that has kept the form of completions. */
export function messageIn({ message, text }: JsonObject): JsonObject | undefined {
  return asObject(message) ?? (typeof text === "string" ? { content: text } : undefined);
}

/** The calls of a message, also of one in the form before there were several, and of TGI's only one, in no list. */
export function callsIn(message: JsonObject): readonly JsonObject[] {
  const only = asObject(message.tool_calls);
  const calls = only === undefined ? asObjects(message.tool_calls) : [only];
  const called = asObject(message.function_call);
  return calls.length === 0 && called !== undefined ? [{ function: called }] : calls;
}

function assembled(events: readonly ReplyEvent[]): ToolCall[] {
  const calls: { id: string; name: string; arguments: string }[] = [];
  for (const event of events) {
    if (event.type !== "tool-call-delta") continue;
    calls[event.index] ??= { id: event.id ?? "", name: event.name ?? "", arguments: "" };
    (calls[event.index] as { arguments: string }).arguments += event.argumentsDelta;
  }
  return calls;
}

/** Mostly a string; Mistral's reasoning models send a list of parts, of which the thinking ones have no text. */
export function readContent({ content }: JsonObject): string {
  return textIn(content);
}

function textIn(content: unknown): string {
  if (!Array.isArray(content)) return asText(content);
  return asObjects(content)
    .map((part) => asText(part.text))
    .join("");
}

/**
 * By its two names: DeepSeek's, which DashScope, llama.cpp and LiteLLM took over, and that of OpenRouter and Ollama.
 * Copilot has one of its own. Mistral's is among the parts of the content, MiniMax's only in the details,
 * Databricks' in a summary of a part.
 */
export function readReasoning({
  reasoning_content,
  reasoning,
  reasoning_text,
  thinking,
  reasoning_details,
  content,
}: JsonObject): string {
  const named = asText(reasoning_content) || asText(reasoning) || asText(reasoning_text) || asText(thinking);
  const said = named || textIn(reasoning_details);
  if (said !== "" || !Array.isArray(content)) return said;
  return asObjects(content)
    .map(({ thinking, summary }) => textIn(thinking ?? summary))
    .join("");
}

/** Some servers write the arguments as an object, not as the text of one. */
export function readArguments(value: unknown): string {
  return typeof value === "object" && value !== null ? asJson(value) : asText(value);
}

const STOP_REASONS: Readonly<Record<string, StopReason>> = {
  stop: "end",
  eos: "end",
  eos_token: "end",
  end_turn: "end",
  length: "max-tokens",
  max_tokens: "max-tokens",
  model_length: "max-tokens",
  stop_sequence: "stop-sequence",
  tool_calls: "tool-calls",
  function_call: "tool-calls",
  content_filter: "content-filter",
  // Zhipu
  sensitive: "content-filter",
  model_context_window_exceeded: "max-tokens",
  // Cohere
  complete: "end",
  completed: "end",
  finished: "end",
  done: "end",
  tool_use: "tool-calls",
  error_toxic: "content-filter",
  // Google, where a proxy passes its words on
  safety: "content-filter",
  recitation: "content-filter",
  prohibited_content: "content-filter",
  blocklist: "content-filter",
  spii: "content-filter",
};

/**
 * Ollama and some others say `stop` when they call tools; Google tells its filter's reason behind a colon. vLLM and SGLang
 * tell the stop sequence that ended a reply.
 */
export function readStopReason(choice: JsonObject, hasToolCalls: boolean): StopReason {
  const [word = ""] = asText(choice.finish_reason).toLowerCase().split(":");
  const reason = Object.hasOwn(STOP_REASONS, word) ? (STOP_REASONS[word] as StopReason) : stopBySense(word);
  if (hasToolCalls && (reason === "end" || reason === "other")) return "tool-calls";
  const sequence = choice.stop_reason ?? choice.matched_stop;
  if (reason === "end" && typeof sequence === "string") return "stop-sequence";
  return reason;
}

/** Of a word that nobody listed: limits and filters have many names, that mean no more than these two. */
function stopBySense(word: string): StopReason {
  if (/length|token_?limit|max_\w*tokens|limit_reached/.test(word)) return "max-tokens";
  if (/filter|guardrail|moderat|refus|safety|sensitive|blocked|prohibited|policy/.test(word)) return "content-filter";
  return "other";
}

/** Where the usage stands: beside the choices, in Groq's own member, or in Moonshot's only choice. */
export function usageIn({ usage, usageMetadata, x_groq, choices }: JsonObject): JsonObject | undefined {
  return (
    asObject(usage) ??
    asObject(usageMetadata) ??
    asObject(asObject(x_groq)?.usage) ??
    asObject(asObjects(choices)[0]?.usage)
  );
}

/** By the names of OpenAI, and those of others for what OpenAI does not count. */
export function readUsage(value: unknown): Usage {
  const usage = asObject(value) ?? {};
  const promptDetails = asObject(usage.prompt_tokens_details) ?? asObject(usage.input_tokens_details) ?? {};
  const completionDetails = asObject(usage.completion_tokens_details) ?? asObject(usage.output_tokens_details);
  const inputTokens = tokens(usage.prompt_tokens ?? usage.promptTokens ?? usage.promptTokenCount) ?? claudeInput(usage);
  const reasoningTokens = asCount(completionDetails?.reasoning_tokens) ?? asCount(usage.reasoning_tokens);
  return known<Usage>({
    inputTokens,
    outputTokens: readOutputTokens(usage, reasoningTokens),
    cacheReadTokens:
      asCount(promptDetails.cached_tokens) ??
      asCount(usage.cache_read_input_tokens) ?? // LiteLLM
      asCount(usage.prompt_cache_hit_tokens) ?? // DeepSeek
      asCount(usage.cached_tokens), // Moonshot
    cacheWriteTokens:
      asCount(promptDetails.cache_write_tokens) ?? // OpenRouter
      asCount(promptDetails.cache_creation_input_tokens) ?? // DashScope
      asCount(usage.cache_creation_input_tokens) ?? // LiteLLM, which also has it among the details
      asCount(promptDetails.cache_creation_tokens),
    reasoningTokens,
  });
}

/** Some servers write numbers as texts. */
function tokens(value: unknown): number | undefined {
  return asCount(typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value);
}

/** By the names of OpenAI's newer API, or of Anthropic's, which counts what came from the cache beside. */
function claudeInput(usage: JsonObject): number | undefined {
  const input = tokens(usage.input_tokens ?? usage.inputTokens);
  const beside = [usage.cache_read_input_tokens, usage.cache_creation_input_tokens].map((count) => asCount(count) ?? 0);
  return input === undefined ? undefined : beside.reduce((sum, count) => sum + count, input);
}

/** xAI and Google count the reasoning beside the completion, not in it, Google without a number; the total shows it. */
function readOutputTokens(usage: JsonObject, reasoningTokens = 0): number | undefined {
  const { completion_tokens, completionTokens, output_tokens, outputTokens, candidatesTokenCount } = usage;
  const completion = tokens(
    completion_tokens ?? completionTokens ?? output_tokens ?? outputTokens ?? candidatesTokenCount,
  );
  const prompt = tokens(usage.prompt_tokens ?? usage.promptTokenCount);
  if (completion === undefined) return undefined;
  const total = asCount(usage.total_tokens) ?? asCount(usage.totalTokenCount) ?? 0;
  const beside = total - (prompt ?? 0) - completion;
  const isBeside = beside > 0 && prompt !== undefined && (reasoningTokens === 0 || beside === reasoningTokens);
  return isBeside ? completion + beside : completion;
}
