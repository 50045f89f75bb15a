import type { ChatCompletionCreateParams } from "openai/resources/chat/completions";
import { invalidField } from "../../../base/fault.ts";
import type {
  ChatMessage,
  ContentPart,
  ResponseFormat,
  Tool,
  ToolCall,
  ToolChoice,
} from "../../../upstream/models/conversation.ts";
import { asObject, asObjects, asText, type JsonObject } from "../../../upstream/models/json-value.ts";
import { CustomTools } from "./custom-tools.ts";
import {
  broughtState,
  cacheOf,
  filePart,
  imagePart,
  Losses,
  optionalNumber,
  optionalTexts,
  readEffort,
  requireList,
  requireObject,
  requireText,
  type Translated,
} from "./translation.ts";
import { completionWriter } from "./write-completion.ts";

/** What is read, or says nothing to a model: what is kept where, whom it is for, and how it is cached. */
const READ: ReadonlySet<string> = new Set<keyof ChatCompletionCreateParams | "top_k">([
  "model",
  "messages",
  "stream",
  "stream_options",
  "tools",
  "tool_choice",
  "response_format",
  "max_tokens",
  "max_completion_tokens",
  "temperature",
  "top_p",
  "top_k",
  "frequency_penalty",
  "presence_penalty",
  "stop",
  "user",
  "metadata",
  "store",
  "safety_identifier",
  "prompt_cache_key",
  "prompt_cache_retention",
  "parallel_tool_calls",
  "reasoning_effort",
]);

/** A request of Chat Completions. */
export function readCompletion(body: JsonObject): Translated {
  const losses = new Losses();
  losses.addUnread(body, READ);
  const custom = new CustomTools();
  const tools = readTools(body.tools, custom, losses);
  const wantsUsage = asObject(body.stream_options)?.include_usage === true;
  const { responseFormat, told } = readFormat(body.response_format, losses);
  const messages = requireList(body.messages, "messages", "a list of messages").flatMap((one, index) =>
    readMessage(requireObject(one, `messages[${index}]`), `messages[${index}]`),
  );
  const request = {
    messages: [...messages, ...told],
    tools,
    toolChoice: readToolChoice(body.tool_choice, tools),
    responseFormat,
    callsOneTool: body.parallel_tool_calls === false,
    thinking: readEffort(body.reasoning_effort, "reasoning_effort"),
    sampling: {
      maxTokens: optionalNumber(body, "max_completion_tokens", "max_tokens"),
      temperature: optionalNumber(body, "temperature"),
      topP: optionalNumber(body, "top_p"),
      topK: optionalNumber(body, "top_k"),
      frequencyPenalty: optionalNumber(body, "frequency_penalty"),
      presencePenalty: optionalNumber(body, "presence_penalty"),
      stopSequences: optionalTexts(body.stop, "stop"),
    },
  };
  return { request, losses, writer: completionWriter(asText(body.model), custom, wantsUsage) };
}

function readMessage(message: JsonObject, field: string): ChatMessage[] {
  const parts = readContent(message.content, `${field}.content`);
  switch (message.role) {
    case "system":
    case "developer":
      return [{ role: "system", parts, toolCalls: [] }];
    case "user":
      return [{ role: "user", parts, toolCalls: [] }];
    case "assistant":
      return [
        {
          role: "assistant",
          parts,
          toolCalls: asObjects(message.tool_calls).map(readCall),
          state: broughtState(message.provider_state, `${field}.provider_state`),
        },
      ];
    case "tool":
    case "function": {
      const toolCallId = asText(message.tool_call_id) || asText(message.name);
      return toolMessages(toolCallId, parts);
    }
    default:
      throw invalidField(`${field}.role`, "must be one of system, developer, user, assistant, tool");
  }
}

/** The result of a tool is text: what it shows beside that is shown by the user right after it. */
export function toolMessages(toolCallId: string, parts: readonly ContentPart[]): ChatMessage[] {
  const shown = parts.filter(({ type }) => type !== "text");
  const said = parts.filter(({ type }) => type === "text");
  const text =
    said.length === 0 && shown.length > 0 ? [{ type: "text" as const, text: "(see the next message)" }] : said;
  const result: ChatMessage = { role: "tool", parts: text, toolCalls: [], toolCallId };
  return shown.length === 0 ? [result] : [result, { role: "user", parts: shown, toolCalls: [] }];
}

function readContent(content: unknown, field: string): ContentPart[] {
  if (content === null || content === undefined) return [];
  if (typeof content === "string") return [{ type: "text", text: content }];
  return requireList(content, field, "a text or a list of parts").flatMap((one, index) =>
    readPart(requireObject(one, `${field}[${index}]`), `${field}[${index}]`),
  );
}

function readPart(part: JsonObject, field: string): ContentPart[] {
  return readShown(part, field).map((read) => ({ ...read, ...cacheOf(part) }));
}

function readShown(part: JsonObject, field: string): ContentPart[] {
  switch (part.type) {
    case "text":
      return [{ type: "text", text: requireText(part.text, `${field}.text`) }];
    case "refusal":
      return [{ type: "text", text: asText(part.refusal) }];
    case "image_url": {
      const url = typeof part.image_url === "string" ? part.image_url : asObject(part.image_url)?.url;
      return [imagePart(requireText(url, `${field}.image_url.url`), `${field}.image_url.url`)];
    }
    case "input_audio": {
      const { data, format } = asObject(part.input_audio) ?? {};
      const bytes = Buffer.from(requireText(data, `${field}.input_audio.data`), "base64");
      return [{ type: "audio-data", mediaType: `audio/${asText(format) || "wav"}`, data: new Uint8Array(bytes) }];
    }
    case "file": {
      const { file_data, filename } = asObject(part.file) ?? {};
      // What was uploaded elsewhere is not here.
      if (typeof file_data !== "string")
        throw invalidField(`${field}.file.file_data`, "is required: no file is stored here");
      return [filePart(file_data, asText(filename), `${field}.file.file_data`)];
    }
    default:
      // What a model was meant to see or hear cannot be left out in silence.
      throw invalidField(`${field}.type`, `is ${JSON.stringify(part.type)}, which the endpoint's API does not take`);
  }
}

function readCall(call: JsonObject): ToolCall {
  const custom = asObject(call.custom);
  const called = asObject(call.function);
  const input = custom ? CustomTools.wrap(asText(custom.input)) : asText(called?.arguments);
  return { id: asText(call.id), name: asText((custom ?? called)?.name), arguments: input };
}

function readTools(tools: unknown, custom: CustomTools, losses: Losses): Tool[] {
  return asObjects(tools).flatMap((tool): Tool[] => {
    if (tool.type === "custom") return [custom.add(asObject(tool.custom) ?? {}, losses)];
    const described = asObject(tool.function);
    if (tool.type !== "function" || !described) {
      losses.add(`tools.${asText(tool.type)}`);
      return [];
    }
    return [{ ...readFunction(described), ...cacheOf(tool), ...cacheOf(described) }];
  });
}

/** A tool by its name and the schema of its arguments, as two of the APIs have it. */
export function readFunction({ name, description, parameters }: JsonObject): Tool {
  const schema = asObject(parameters) ?? { type: "object", properties: {} };
  return { name: asText(name), description: asText(description), parameters: schema };
}

function readToolChoice(choice: unknown, tools: readonly Tool[]): ToolChoice | undefined {
  if (tools.length === 0) return undefined;
  if (choice === "auto" || choice === "none" || choice === "required") return { type: choice };
  const object = asObject(choice);
  const name =
    asText(asObject(object?.function)?.name) || asText(asObject(object?.custom)?.name) || asText(object?.name);
  return tools.some((tool) => tool.name === name) ? { type: "tool", name } : undefined;
}

/** The form of a reply; JSON without a schema is asked for in words where an API has no other way. */
export function readFormat(format: unknown, losses: Losses): { responseFormat?: ResponseFormat; told: ChatMessage[] } {
  const object = asObject(format);
  if (object?.type === "json_schema") {
    // Responses has the members of json_schema beside the type.
    const { name, description, schema, strict } = asObject(object.json_schema) ?? object;
    return {
      responseFormat: {
        type: "json-schema",
        name: asText(name) || "reply",
        description: asText(description),
        schema: asObject(schema) ?? {},
        strict: typeof strict === "boolean" ? strict : undefined,
      },
      told: [],
    };
  }
  if (object?.type === "json_object") {
    losses.add("response_format.json_object");
    const text = "Reply with one JSON object and nothing else: no words around it, no code fence.";
    return { told: [{ role: "system", parts: [{ type: "text", text }], toolCalls: [] }] };
  }
  return { told: [] };
}
