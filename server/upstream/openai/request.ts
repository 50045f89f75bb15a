import type { SamplingParams } from "../../base/sampling.ts";
import type { Untold } from "../models/adapter.ts";
import type {
  ChatMessage,
  ContentPart,
  ModelRequest,
  ResponseFormat,
  Role,
  Tool,
  ToolChoice,
} from "../models/conversation.ts";
import type { JsonObject } from "../models/json-value.ts";
import type { ProviderType, Target } from "../models/provider-types.ts";
import { readContent } from "./reply.ts";
import type { OpenAiState } from "./state.ts";
import { isReasoningModel, takesThinking, writeThinking } from "./thinking.ts";

/** The body of a chat completion request. */
export function writeRequest(target: Target, request: ModelRequest, streamed: boolean): JsonObject {
  return {
    model: target.model,
    messages: request.messages.map(writeMessage),
    ...writeSampling(target, request.sampling),
    ...(request.tools.length > 0 && { tools: request.tools.map(writeTool) }),
    // Of a choice without tools OpenAI says that it is not allowed.
    ...(request.toolChoice && request.tools.length > 0 && { tool_choice: writeToolChoice(request.toolChoice) }),
    ...(request.tools.length > 0 && request.callsOneTool && takesOneCall(target) && { parallel_tool_calls: false }),
    ...(request.thinking && writeThinking(target, request.thinking)),
    ...(request.responseFormat && { response_format: writeResponseFormat(target, request.responseFormat) }),
    ...(streamed && { stream: true, ...(takesStreamOptions(target) && { stream_options: { include_usage: true } }) }),
  };
}

function writeMessage({ role, parts, toolCalls, toolCallId, state }: ChatMessage): JsonObject {
  const own = (state?.value ?? {}) as OpenAiState;
  const isUnchanged = own.content !== undefined && readContent({ content: own.content }) === textOf(parts);
  return {
    role,
    content: isUnchanged ? own.content : writeContent(parts),
    ...own.members,
    ...(toolCalls.length > 0 && {
      tool_calls: toolCalls.map(({ id, name, arguments: args }) => ({
        ...own.calls?.[id],
        id,
        type: "function",
        function: { name, arguments: args },
      })),
    }),
    ...(toolCallId !== undefined && { tool_call_id: toolCallId }),
  };
}

function textOf(parts: readonly ContentPart[]): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** A single text goes as a string: many servers' chat templates take nothing else from a system or tool message. */
function writeContent(parts: readonly ContentPart[]): unknown {
  const [first] = parts;
  if (first === undefined) return null;
  return parts.length === 1 && first.type === "text" ? first.text : parts.map(writePart);
}

const AUDIO_FORMATS: Readonly<Record<string, string>> = {
  "audio/wav": "wav",
  "audio/x-wav": "wav",
  "audio/wave": "wav",
  "audio/mpeg": "mp3",
  "audio/mp3": "mp3",
  "audio/flac": "flac",
  "audio/ogg": "ogg",
  "audio/aac": "aac",
  "audio/mp4": "m4a",
};

/** Audio has a short name in this API, and a file comes with its bytes; OpenRouter also opens addresses. */
export function refusesPart(part: ContentPart, _role: Role, providerType: ProviderType): string | undefined {
  if (part.type === "audio-data" && !Object.hasOwn(AUDIO_FORMATS, part.mediaType)) {
    return `is audio of ${part.mediaType}; OpenAI's API takes ${Object.keys(AUDIO_FORMATS).join(", ")}`;
  }
  if (part.type === "file-url" && providerType !== "OPEN_ROUTER") {
    return "is the address of a file; OpenAI's API takes the bytes of files only";
  }
  return undefined;
}

function writePart(part: ContentPart): JsonObject {
  switch (part.type) {
    case "text":
      return { type: "text", text: part.text };
    case "image-url":
      return { type: "image_url", image_url: { url: part.url } };
    case "image-data":
      return { type: "image_url", image_url: { url: dataUrl(part) } };
    case "audio-data":
      return { type: "input_audio", input_audio: { data: base64(part.data), format: AUDIO_FORMATS[part.mediaType] } };
    case "file-data":
      return { type: "file", file: { filename: part.name || "file", file_data: dataUrl(part) } };
    case "file-url":
      return { type: "file", file: { filename: part.name || "file", file_data: part.url } };
  }
}

function dataUrl({ data, mediaType }: { readonly data: Uint8Array; readonly mediaType: string }): string {
  return `data:${mediaType};base64,${base64(data)}`;
}

function base64(data: Uint8Array): string {
  return Buffer.from(data).toString("base64");
}

function writeTool({ name, description, parameters }: Tool): JsonObject {
  return { type: "function", function: { name, ...(description !== "" && { description }), parameters } };
}

function writeToolChoice(choice: ToolChoice): unknown {
  return choice.type === "tool" ? { type: "function", function: { name: choice.name } } : choice.type;
}

function writeResponseFormat({ providerType }: Target, format: ResponseFormat): JsonObject {
  if (format.type === "text") return { type: "text" };
  if (format.type === "json-object") {
    // Older llama.cpp keeps to it only with a schema beside it.
    return { type: "json_object", ...(providerType === "LLAMA_CPP" && { schema: { type: "object" } }) };
  }
  const { name, description, schema, strict } = format;
  return { type: "json_schema", json_schema: { name, ...(description !== "" && { description }), schema, strict } };
}

/** Undefined members do not reach the JSON text. */
function writeSampling({ providerType, model }: Target, sampling: SamplingParams): JsonObject {
  const { maxTokens, temperature, topP, topK, frequencyPenalty, presencePenalty, stopSequences } = sampling;
  const stop = stopSequences !== undefined && stopSequences.length > 0 ? stopSequences : undefined;
  if (isReasoningModel(providerType, model)) return { max_completion_tokens: maxTokens, stop };
  return {
    max_tokens: maxTokens,
    temperature,
    top_p: topP,
    // OpenAI refuses a parameter that it does not know.
    top_k: providerType === "OPENAI" ? undefined : topK,
    frequency_penalty: frequencyPenalty,
    presence_penalty: presencePenalty,
    stop,
  };
}

/** OpenAI's o series refuses the parameter, and so do servers that check theirs strictly. */
function takesOneCall({ providerType, model }: Target): boolean {
  const isTaken = ["OPENAI", "CUSTOM_OPENAI_COMPATIBLE", "OPEN_ROUTER", "LLAMA_CPP", "OLLAMA"].includes(providerType);
  return isTaken && !/^o\d/.test(model);
}

/** A mark for a cache is Anthropic's, whose endpoints have an API of their own. */
export function leavesOut(target: Target, request: ModelRequest): readonly Untold[] {
  const { tools, messages, callsOneTool, thinking, sampling } = request;
  const isCached = tools.some(({ cache }) => cache) || messages.some(({ parts }) => parts.some(({ cache }) => cache));
  const written = writeSampling(target, sampling);
  const untold: readonly (readonly [Untold, boolean])[] = [
    ["thinking", thinking !== undefined && !takesThinking(target)],
    ["callsOneTool", callsOneTool === true && tools.length > 0 && !takesOneCall(target)],
    ["cache", isCached],
    ["temperature", sampling.temperature !== undefined && written.temperature === undefined],
    ["top_p", sampling.topP !== undefined && written.top_p === undefined],
    ["top_k", sampling.topK !== undefined && written.top_k === undefined],
    ["frequency_penalty", sampling.frequencyPenalty !== undefined && written.frequency_penalty === undefined],
    ["presence_penalty", sampling.presencePenalty !== undefined && written.presence_penalty === undefined],
  ];
  return untold.filter(([, isLeftOut]) => isLeftOut).map(([name]) => name);
}

/** Mistral's API answers 422 to `stream_options`, and sends the usage without being asked. */
export function takesStreamOptions({ endpointUrl }: Target): boolean {
  return URL.parse(endpointUrl)?.hostname !== "api.mistral.ai";
}
