import type { SamplingParams } from "../../base/sampling.ts";
import type { Untold } from "../models/adapter.ts";
import type {
  ChatMessage,
  ContentPart,
  ModelRequest,
  ResponseFormat,
  Role,
  Tool,
  ToolCall,
} from "../models/conversation.ts";
import { asObject, type JsonObject, parseObject } from "../models/json-value.ts";
import type { Target } from "../models/provider-types.ts";
import { contentOf } from "./state.ts";
import { versionOf, writeThinking } from "./thinking.ts";

/** What is asked for when the caller sets no limit: the API insists on one. */
const DEFAULT_MAX_TOKENS = 4_096;

/** The body of a Messages request. */
export function writeRequest(target: Target, request: ModelRequest, streamed: boolean): JsonObject {
  const thinks = writeThinking(target.model, request);
  const sampling = thinks ? { ...lengthOf(request.sampling), maxTokens: thinks.maxTokens } : request.sampling;
  const outputConfig = {
    ...(thinks?.effort && { effort: thinks.effort }),
    ...(request.responseFormat?.type === "json-schema" && { format: writeFormat(request.responseFormat) }),
  };
  return {
    model: target.model,
    ...writeSampling(target.model, sampling),
    ...(thinks && { thinking: thinks.thinking }),
    ...writeSystem(request.messages.filter(({ role }) => role === "system")),
    messages: writeMessages(request.messages.filter(({ role }) => role !== "system")),
    ...(request.tools.length > 0 && { tools: request.tools.map(writeTool) }),
    // Without tools there is nothing to choose from, and the API refuses a choice.
    ...(request.tools.length > 0 && writeToolChoice(request)),
    ...(Object.keys(outputConfig).length > 0 && {
      output_config: { ...asObject(target.config?.members.output_config), ...outputConfig },
    }),
    ...(streamed && { stream: true }),
  };
}

/** Turns of one speaker in a row become one, as the API wants them; results of tools are said by the user. */
function writeMessages(messages: readonly ChatMessage[]): JsonObject[] {
  const turns: { role: "user" | "assistant"; content: JsonObject[] }[] = [];
  for (const message of messages) {
    const role = message.role === "assistant" ? "assistant" : "user";
    const content = writeContent(message);
    const last = turns.at(-1);
    // The API refuses a turn in which nothing is said.
    if (content.length === 0) continue;
    if (last?.role === role) last.content.push(...content);
    else turns.push({ role, content });
  }
  return turns;
}

function writeContent({ role, parts, toolCalls, toolCallId, state }: ChatMessage): JsonObject[] {
  if (role === "assistant" && state !== undefined) {
    return contentOf(state.value, textOf({ parts }), toolCalls, writeToolCall);
  }
  const content = parts.filter(isSaid).map(writePart);
  if (role === "tool") return [{ type: "tool_result", tool_use_id: toolCallId, content }];
  return [...content, ...toolCalls.map(writeToolCall)];
}

/** Anthropic reads documents in PDF and plain text, and hears nothing. */
export function refusesPart(part: ContentPart, role: Role): string | undefined {
  if (role === "system" && part.type !== "text")
    return "is no text, and Anthropic's API takes nothing else as a system message";
  if (part.type === "audio-data") return "is audio, which Anthropic's API does not take";
  if (part.type !== "file-data" || part.mediaType === PDF || isText(part.mediaType)) return undefined;
  return `is a file of ${part.mediaType}; Anthropic's API takes application/pdf and text`;
}

const PDF = "application/pdf";

function isText(mediaType: string): boolean {
  return mediaType.startsWith("text/");
}

/** The API refuses a text of nothing. */
function isSaid(part: ContentPart): boolean {
  return part.type !== "text" || part.text.trim() !== "";
}

function writePart(part: ContentPart): JsonObject {
  return { ...writeContentPart(part), ...(part.cache && { cache_control: part.cache }) };
}

function writeContentPart(part: ContentPart): JsonObject {
  switch (part.type) {
    case "text":
      return { type: "text", text: part.text };
    case "image-url":
      return { type: "image", source: { type: "url", url: part.url } };
    case "file-url":
      return { type: "document", source: { type: "url", url: part.url }, ...titleOf(part.name) };
    case "file-data": {
      const source = isText(part.mediaType)
        ? { type: "text", media_type: "text/plain", data: Buffer.from(part.data).toString("utf8") }
        : { type: "base64", media_type: part.mediaType, data: base64(part.data) };
      return { type: "document", source, ...titleOf(part.name) };
    }
    default:
      return { type: "image", source: { type: "base64", media_type: part.mediaType, data: base64(part.data) } };
  }
}

function titleOf(name: string): JsonObject {
  return name === "" ? {} : { title: name };
}

function base64(data: Uint8Array): string {
  return Buffer.from(data).toString("base64");
}

/** The API takes only an object; Anthropic's own advice for arguments that are none is to wrap them like this. */
function writeToolCall({ id, name, arguments: args }: ToolCall): JsonObject {
  return { type: "tool_use", id, name, input: args === "" ? {} : (parseObject(args) ?? { INVALID_JSON: args }) };
}

function writeTool({ name, description, parameters, cache }: Tool): JsonObject {
  const described = { name, ...(description !== "" && { description }), input_schema: parameters };
  return { ...described, ...(cache && { cache_control: cache }) };
}

function writeToolChoice({ toolChoice, callsOneTool }: ModelRequest): JsonObject {
  const oneTool = callsOneTool && toolChoice?.type !== "none" && { disable_parallel_tool_use: true };
  if (toolChoice === undefined) return oneTool ? { tool_choice: { type: "auto", ...oneTool } } : {};
  if (toolChoice.type === "tool") return { tool_choice: { type: "tool", name: toolChoice.name, ...oneTool } };
  return { tool_choice: { type: toolChoice.type === "required" ? "any" : toolChoice.type, ...oneTool } };
}

/** One text, or blocks where some of it is marked for a cache. */
function writeSystem(messages: readonly ChatMessage[]): JsonObject {
  if (messages.length === 0) return {};
  const parts = messages.flatMap((message) => message.parts);
  if (parts.every(({ cache }) => cache === undefined)) return { system: messages.map(textOf).join("\n\n") };
  return { system: parts.filter(isSaid).map(writePart) };
}

/** Of a model that thinks, what steers its choice of words is refused. */
function lengthOf({ maxTokens, stopSequences }: SamplingParams): SamplingParams {
  return { maxTokens, stopSequences };
}

/** The penalties have no counterpart in this API; the rest depends on the model, and on whether it thinks. */
export function leavesOut({ model }: Target, request: ModelRequest): readonly Untold[] {
  const { sampling, thinking } = request;
  const thinks = writeThinking(model, request);
  const said = (names: readonly (keyof SamplingParams)[]) => names.some((name) => sampling[name] !== undefined);
  const choosesNot = thinks !== undefined || refusesSampling(model);
  const untold: readonly (readonly [Untold, boolean])[] = [
    ["thinking", thinking !== undefined && thinking.effort !== "none" && !thinks],
    ["temperature", choosesNot && said(["temperature"])],
    ["top_p", (choosesNot || said(["temperature"])) && said(["topP"])],
    ["top_k", choosesNot && said(["topK"])],
    ["frequency_penalty", said(["frequencyPenalty"])],
    ["presence_penalty", said(["presencePenalty"])],
  ];
  return untold.filter(([, isLeftOut]) => isLeftOut).map(([name]) => name);
}

/** The API has neither a name nor a description for a schema, and always holds the model to it. */
function writeFormat({ schema }: Extract<ResponseFormat, { type: "json-schema" }>): JsonObject {
  return { type: "json_schema", schema };
}

/** Undefined members do not reach the JSON text. The penalties have no counterpart in this API. */
function writeSampling(model: string, sampling: SamplingParams): JsonObject {
  const { maxTokens = DEFAULT_MAX_TOKENS, temperature, topP, topK, stopSequences } = sampling;
  const stop_sequences = stopSequences !== undefined && stopSequences.length > 0 ? stopSequences : undefined;
  if (refusesSampling(model)) return { max_tokens: maxTokens, stop_sequences };
  // Since Claude 4.1 only one of the two is taken.
  const top_p = temperature === undefined ? topP : undefined;
  return { max_tokens: maxTokens, temperature, top_p, top_k: topK, stop_sequences };
}

/** From Claude 4.7 on, `temperature`, `top_p` and `top_k` are refused: claude-opus-4-7, claude-sonnet-5, and later. */
function refusesSampling(model: string): boolean {
  const { major, minor } = versionOf(model);
  return major > 4 || (major === 4 && minor >= 7);
}

function textOf({ parts }: Pick<ChatMessage, "parts">): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}
