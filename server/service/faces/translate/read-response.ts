import type { ResponseCreateParams } from "openai/resources/responses/responses";
import { invalidField } from "../../../base/fault.ts";
import type { ChatMessage, ContentPart, Tool, ToolCall, ToolChoice } from "../../../upstream/models/conversation.ts";
import { asObject, asObjects, asText, type JsonObject } from "../../../upstream/models/json-value.ts";
import { CustomTools } from "./custom-tools.ts";
import { readFormat, readFunction, toolMessages } from "./read-completion.ts";
import {
  broughtState,
  filePart,
  imagePart,
  isOurs,
  Losses,
  optionalNumber,
  readEffort,
  requireList,
  requireObject,
  requireText,
  type Translated,
  textMessage,
} from "./translation.ts";
import { responseWriter } from "./write-response.ts";

/** What is read, or says nothing to a model: what is kept where, whom it is for, and how it is cached. */
const READ: ReadonlySet<string> = new Set<keyof ResponseCreateParams | "client_metadata">([
  "model",
  "input",
  "instructions",
  "stream",
  "stream_options",
  "tools",
  "tool_choice",
  "text",
  "max_output_tokens",
  "temperature",
  "top_p",
  "user",
  "metadata",
  "store",
  "include",
  "safety_identifier",
  "prompt_cache_key",
  "prompt_cache_retention",
  "parallel_tool_calls",
  "client_metadata",
  "previous_response_id",
  "conversation",
  "background",
  "reasoning",
]);

/** A request of Responses. */
export function readResponses(body: JsonObject): Translated {
  const losses = new Losses();
  losses.addUnread(body, READ);
  refuseStored(body);
  const custom = new CustomTools();
  const tools = readTools(body.tools, custom, losses);
  const text = asObject(body.text) ?? {};
  if (text.verbosity !== undefined) losses.add("text.verbosity");
  const { responseFormat, told } = readFormat(text.format, losses);
  const instructions = asText(body.instructions);
  const request = {
    messages: [
      ...(instructions === "" ? [] : [textMessage("system", instructions)]),
      ...readInput(body.input, losses),
      ...told,
    ],
    tools,
    toolChoice: readToolChoice(body.tool_choice, tools),
    responseFormat,
    callsOneTool: body.parallel_tool_calls === false,
    thinking: readEffort(asObject(body.reasoning)?.effort, "reasoning.effort"),
    sampling: {
      maxTokens: optionalNumber(body, "max_output_tokens"),
      temperature: optionalNumber(body, "temperature"),
      topP: optionalNumber(body, "top_p"),
    },
  };
  return { request, losses, writer: responseWriter(body, custom) };
}

/** Nothing is stored here: what the request only points at cannot be had. */
function refuseStored({ previous_response_id, conversation, background }: JsonObject): void {
  if (typeof previous_response_id === "string") {
    throw invalidField(
      "previous_response_id",
      "names a response that is not stored here: send the whole conversation as input",
    );
  }
  if (conversation !== undefined && conversation !== null) {
    throw invalidField("conversation", "is not stored here: send the whole conversation as input");
  }
  if (background === true) throw invalidField("background", "is not possible here: wait for the reply, or stream it");
}

function readInput(input: unknown, losses: Losses): ChatMessage[] {
  if (typeof input === "string") return [textMessage("user", input)];
  const messages: ChatMessage[] = [];
  for (const [index, one] of requireList(input, "input", "a text or a list of items").entries()) {
    const field = `input[${index}]`;
    readItem(requireObject(one, field), field, messages, losses);
  }
  return messages;
}

function readItem(item: JsonObject, field: string, messages: ChatMessage[], losses: Losses): void {
  switch (item.type ?? "message") {
    case "message":
      addMessage(item, field, messages, losses);
      break;
    case "function_call":
      addToReply(messages, { toolCalls: [callOf(item, asText(item.arguments))] });
      break;
    case "custom_tool_call":
      addToReply(messages, { toolCalls: [callOf(item, CustomTools.wrap(asText(item.input)))] });
      break;
    case "function_call_output":
    case "custom_tool_call_output":
      messages.push(...toolMessages(asText(item.call_id), readContent(item.output, `${field}.output`, losses)));
      break;
    case "reasoning":
      if (isOurs(item.encrypted_content)) {
        addToReply(messages, { state: broughtState(item.encrypted_content, `${field}.encrypted_content`) });
      } else losses.add("input.reasoning");
      break;
    case "item_reference":
      throw invalidField(`${field}.type`, "is item_reference, and nothing is stored here: send the item itself");
    default:
      // Reasoning of others, searches, and what else only its own endpoint understands.
      losses.add(`input.${asText(item.type)}`);
  }
}

function addMessage(item: JsonObject, field: string, messages: ChatMessage[], losses: Losses): void {
  const parts = readContent(item.content, `${field}.content`, losses);
  switch (item.role) {
    case "user":
      messages.push({ role: "user", parts, toolCalls: [] });
      break;
    case "system":
    case "developer":
      messages.push({ role: "system", parts, toolCalls: [] });
      break;
    case "assistant":
      addToReply(messages, { parts });
      break;
    default:
      throw invalidField(`${field}.role`, "must be one of user, assistant, system, developer");
  }
}

/** The items of one reply are one message. */
function addToReply(messages: ChatMessage[], more: Partial<Pick<ChatMessage, "parts" | "toolCalls" | "state">>): void {
  const last = messages.at(-1);
  const reply: ChatMessage = last?.role === "assistant" ? last : { role: "assistant", parts: [], toolCalls: [] };
  const parts = [...reply.parts, ...(more.parts ?? [])];
  const whole = {
    ...reply,
    parts,
    toolCalls: [...reply.toolCalls, ...(more.toolCalls ?? [])],
    state: more.state ?? reply.state,
  };
  if (reply === last) messages[messages.length - 1] = whole;
  else messages.push(whole);
}

function callOf(item: JsonObject, args: string): ToolCall {
  return { id: asText(item.call_id), name: asText(item.name), arguments: args };
}

function readContent(content: unknown, field: string, losses: Losses): ContentPart[] {
  if (content === null || content === undefined) return [];
  if (typeof content === "string") return [{ type: "text", text: content }];
  return requireList(content, field, "a text or a list of parts").flatMap((one, index) =>
    readPart(requireObject(one, `${field}[${index}]`), `${field}[${index}]`, losses),
  );
}

function readPart(part: JsonObject, field: string, losses: Losses): ContentPart[] {
  switch (part.type) {
    case "input_text":
    case "output_text":
    case "text":
      return [{ type: "text", text: requireText(part.text, `${field}.text`) }];
    case "refusal":
      return [{ type: "text", text: asText(part.refusal) }];
    case "input_image": {
      if (typeof part.image_url !== "string")
        throw invalidField(`${field}.image_url`, "is required: no file is stored here");
      return [imagePart(part.image_url, `${field}.image_url`)];
    }
    case "input_file": {
      const name = asText(part.filename);
      if (typeof part.file_url === "string") return [{ type: "file-url", url: part.file_url, name }];
      if (typeof part.file_data !== "string")
        throw invalidField(`${field}.file_data`, "is required: no file is stored here");
      return [filePart(part.file_data, name, `${field}.file_data`)];
    }
    case "reasoning_text":
      losses.add("input.reasoning_text");
      return [];
    default:
      throw invalidField(`${field}.type`, `is ${JSON.stringify(part.type)}, which the endpoint's API does not take`);
  }
}

function readTools(tools: unknown, custom: CustomTools, losses: Losses): Tool[] {
  return asObjects(tools).flatMap((tool): Tool[] => {
    if (tool.type === "function") return [readFunction(tool)];
    if (tool.type === "custom") return [custom.add(tool, losses)];
    losses.add(`tools.${asText(tool.type)}`);
    return [];
  });
}

function readToolChoice(choice: unknown, tools: readonly Tool[]): ToolChoice | undefined {
  if (tools.length === 0) return undefined;
  if (choice === "auto" || choice === "none" || choice === "required") return { type: choice };
  const { name, mode } = asObject(choice) ?? {};
  if (tools.some((tool) => tool.name === name)) return { type: "tool", name: asText(name) };
  return mode === "required" ? { type: "required" } : undefined;
}
