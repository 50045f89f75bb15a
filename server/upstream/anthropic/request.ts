import type { SamplingParams } from "../../base/sampling.ts";
import type {
  ChatMessage,
  ContentPart,
  ModelRequest,
  ResponseFormat,
  Role,
  Tool,
  ToolCall,
  ToolChoice,
} from "../models/conversation.ts";
import { asObject, type JsonObject, parseObject } from "../models/json-value.ts";
import type { Target } from "../models/provider-types.ts";
import { contentOf } from "./state.ts";

/** What is asked for when the caller sets no limit: the API insists on one. */
const DEFAULT_MAX_TOKENS = 4_096;

/** The body of a Messages request. */
export function writeRequest(target: Target, request: ModelRequest, streamed: boolean): JsonObject {
  const system = request.messages.filter(({ role }) => role === "system").map(textOf);
  return {
    model: target.model,
    ...writeSampling(target.model, request.sampling),
    ...(system.length > 0 && { system: system.join("\n\n") }),
    messages: writeMessages(request.messages.filter(({ role }) => role !== "system")),
    ...(request.tools.length > 0 && { tools: request.tools.map(writeTool) }),
    // Without tools there is nothing to choose from, and the API refuses a choice.
    ...(request.toolChoice && request.tools.length > 0 && { tool_choice: writeToolChoice(request.toolChoice) }),
    ...(request.responseFormat?.type === "json-schema" && {
      output_config: { ...asObject(target.config?.members.output_config), format: writeFormat(request.responseFormat) },
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
  const content = parts.filter((part) => part.type !== "text" || part.text.trim() !== "").map(writePart);
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

function writePart(part: ContentPart): JsonObject {
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

function writeTool({ name, description, parameters }: Tool): JsonObject {
  return { name, ...(description !== "" && { description }), input_schema: parameters };
}

function writeToolChoice(choice: ToolChoice): JsonObject {
  if (choice.type === "tool") return { type: "tool", name: choice.name };
  return { type: choice.type === "required" ? "any" : choice.type };
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
  const version = /^claude-[a-z]+-(?<major>\d+)(-(?<minor>\d{1,2})(?!\d))?/.exec(model)?.groups;
  if (version === undefined) return false;
  const major = Number(version.major);
  return major > 4 || (major === 4 && Number(version.minor ?? 0) >= 7);
}

function textOf({ parts }: Pick<ChatMessage, "parts">): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}
