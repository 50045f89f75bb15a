import type { SamplingParams } from "../../base/sampling.ts";
import type {
  ChatMessage,
  ContentPart,
  ModelRequest,
  ResponseFormat,
  Tool,
  ToolChoice,
} from "../models/conversation.ts";
import type { JsonObject } from "../models/json-value.ts";
import type { ProviderType, Target } from "../models/provider-types.ts";

/** The body of a chat completion request. */
export function writeRequest(target: Target, request: ModelRequest, streamed: boolean): JsonObject {
  return {
    model: target.model,
    messages: request.messages.map(writeMessage),
    ...writeSampling(target, request.sampling),
    ...(request.tools.length > 0 && { tools: request.tools.map(writeTool) }),
    // Of a choice without tools OpenAI says that it is not allowed.
    ...(request.toolChoice && request.tools.length > 0 && { tool_choice: writeToolChoice(request.toolChoice) }),
    ...(request.responseFormat && { response_format: writeResponseFormat(request.responseFormat) }),
    ...(streamed && { stream: true, ...(takesStreamOptions(target) && { stream_options: { include_usage: true } }) }),
  };
}

function writeMessage({ role, parts, toolCalls, toolCallId }: ChatMessage): JsonObject {
  return {
    role,
    content: writeContent(parts),
    ...(toolCalls.length > 0 && {
      tool_calls: toolCalls.map(({ id, name, arguments: args }) => ({
        id,
        type: "function",
        function: { name, arguments: args },
      })),
    }),
    ...(toolCallId !== undefined && { tool_call_id: toolCallId }),
  };
}

/** A single text goes as a string: many servers' chat templates take nothing else from a system or tool message. */
function writeContent(parts: readonly ContentPart[]): unknown {
  const [first] = parts;
  if (first === undefined) return null;
  return parts.length === 1 && first.type === "text" ? first.text : parts.map(writePart);
}

function writePart(part: ContentPart): JsonObject {
  if (part.type === "text") return { type: "text", text: part.text };
  const url =
    part.type === "image-url" ? part.url : `data:${part.mediaType};base64,${Buffer.from(part.data).toString("base64")}`;
  return { type: "image_url", image_url: { url } };
}

function writeTool({ name, description, parameters }: Tool): JsonObject {
  return { type: "function", function: { name, ...(description !== "" && { description }), parameters } };
}

function writeToolChoice(choice: ToolChoice): unknown {
  return choice.type === "tool" ? { type: "function", function: { name: choice.name } } : choice.type;
}

function writeResponseFormat(format: ResponseFormat): JsonObject {
  if (format.type === "text") return { type: "text" };
  if (format.type === "json-object") return { type: "json_object" };
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

/**
 * OpenAI's reasoning models (the o series, and gpt-5 and later but gpt-5-chat, fine-tuned ones too) refuse `max_tokens`
 * and every sampling parameter. By their own name they are met at OpenAI and, as on Azure, at custom endpoints; proxies
 * such as OpenRouter and LiteLLM translate by themselves.
 */
function isReasoningModel(providerType: ProviderType, model: string): boolean {
  const isAtOpenAi = providerType === "OPENAI" || providerType === "CUSTOM_OPENAI_COMPATIBLE";
  return isAtOpenAi && /^(ft:)?(o\d|gpt-(?!5-chat)([5-9]|[12]\d))/.test(model);
}

/** Mistral's API answers 422 to `stream_options`, and sends the usage without being asked. */
export function takesStreamOptions({ endpointUrl }: Target): boolean {
  return URL.parse(endpointUrl)?.hostname !== "api.mistral.ai";
}
