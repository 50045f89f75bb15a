import type { MessageCreateParams } from "@anthropic-ai/sdk/resources/messages";
import { invalidField } from "../../../base/fault.ts";
import type {
  ChatMessage,
  ContentPart,
  ProviderState,
  Thinking,
  Tool,
  ToolCall,
  ToolChoice,
} from "../../../upstream/models/conversation.ts";
import { asJson, asObject, asObjects, asText, type JsonObject } from "../../../upstream/models/json-value.ts";
import { readFormat, toolMessages } from "./read-completion.ts";
import {
  broughtState,
  bytesPart,
  isOurs,
  Losses,
  optionalNumber,
  optionalTexts,
  readEffort,
  requireList,
  requireObject,
  requireText,
  type Translated,
  textMessage,
} from "./translation.ts";
import { messageWriter } from "./write-message.ts";

/** What newer versions of the API no longer have. */
type Older = "temperature" | "top_p" | "top_k";

/** What is read, or says nothing to a model. */
const READ: ReadonlySet<string> = new Set<keyof MessageCreateParams | Older>([
  "model",
  "messages",
  "system",
  "stream",
  "tools",
  "tool_choice",
  "max_tokens",
  "temperature",
  "top_p",
  "top_k",
  "stop_sequences",
  "metadata",
]);

/** What is read for itself, or named by itself. */
const READ_APART: readonly (keyof MessageCreateParams)[] = ["output_config", "cache_control", "thinking"];

/** How Claude Code says which version it is: another text in each session, in front of all that could be cached. */
const BILLING = /^x-anthropic-billing-header:/;

/** A request of Messages. */
export function readMessages(body: JsonObject): Translated {
  const losses = new Losses();
  losses.addUnread(body, new Set<string>([...READ, ...READ_APART]));
  if (body.cache_control !== undefined) losses.add("cache_control");
  const config = asObject(body.output_config) ?? {};
  const { responseFormat, told } = readFormat(config.format ?? body.output_format, losses);
  const tools = readTools(body.tools, losses);
  const system = readSystem(body.system, losses);
  const messages = requireList(body.messages, "messages", "a list of messages").flatMap((one, index) =>
    readMessage(requireObject(one, `messages[${index}]`), `messages[${index}]`, losses),
  );
  const choice = asObject(body.tool_choice) ?? {};
  const request = {
    messages: [...system, ...messages, ...told],
    tools,
    toolChoice: readToolChoice(choice, tools),
    responseFormat,
    callsOneTool: choice.disable_parallel_tool_use === true,
    thinking: readThinking(body.thinking, config.effort),
    sampling: {
      maxTokens: optionalNumber(body, "max_tokens"),
      temperature: optionalNumber(body, "temperature"),
      topP: optionalNumber(body, "top_p"),
      topK: optionalNumber(body, "top_k"),
      stopSequences: optionalTexts(body.stop_sequences, "stop_sequences"),
    },
  };
  const thinks = ["enabled", "adaptive"].includes(asText(asObject(body.thinking)?.type));
  return { request, losses, writer: messageWriter(asText(body.model), thinks) };
}

function readSystem(system: unknown, losses: Losses): ChatMessage[] {
  if (system === undefined || system === null) return [];
  if (typeof system === "string") return system === "" ? [] : [textMessage("system", system)];
  const texts = requireList(system, "system", "a text or a list of blocks").map((one, index) => {
    const block = requireObject(one, `system[${index}]`);
    if (block.cache_control !== undefined) losses.add("cache_control");
    return requireText(block.text, `system[${index}].text`);
  });
  const said = texts.filter((text) => !BILLING.test(text));
  if (said.length < texts.length) losses.add("system.x-anthropic-billing-header");
  return said.length === 0 ? [] : [textMessage("system", said.join("\n\n"))];
}

function readMessage({ role, content }: JsonObject, field: string, losses: Losses): ChatMessage[] {
  if (role !== "user" && role !== "assistant" && role !== "system") {
    throw invalidField(`${field}.role`, "must be one of user, assistant, system");
  }
  if (typeof content === "string") return [textMessage(role, content)];
  if (content === null || content === undefined) return [];
  const blocks = requireList(content, `${field}.content`, "a text or a list of blocks").map((one, index) =>
    requireObject(one, `${field}.content[${index}]`),
  );
  if (role === "assistant") return [readAssistant(blocks, field, losses)];
  return readSaid(role, blocks, field, losses);
}

function readAssistant(blocks: readonly JsonObject[], field: string, losses: Losses): ChatMessage {
  const parts: ContentPart[] = [];
  const toolCalls: ToolCall[] = [];
  let state: ProviderState | undefined;
  for (const [index, block] of blocks.entries()) {
    if (block.type === "text")
      parts.push({ type: "text", text: requireText(block.text, `${field}.content[${index}].text`) });
    else if (block.type === "tool_use") {
      toolCalls.push({ id: asText(block.id), name: asText(block.name), arguments: asJson(block.input ?? {}) });
    } else if (isOurs(block.signature) || isOurs(block.data)) {
      state ??= broughtState(block.data, `${field}.content[${index}].data`);
    } else losses.add(`messages.${asText(block.type)}`);
  }
  return { role: "assistant", parts, toolCalls, state };
}

/** Results of tools first, as they answer what was said last; then what else is said. */
function readSaid(
  role: "user" | "system",
  blocks: readonly JsonObject[],
  field: string,
  losses: Losses,
): ChatMessage[] {
  const results: ChatMessage[] = [];
  const parts: ContentPart[] = [];
  for (const [index, block] of blocks.entries()) {
    const path = `${field}.content[${index}]`;
    if (block.cache_control !== undefined) losses.add("cache_control");
    if (block.type === "tool_result") {
      const [result, ...shown] = toolMessages(asText(block.tool_use_id), readResult(block, path, losses));
      results.push(result as ChatMessage);
      parts.push(...shown.flatMap((message) => message.parts));
    } else parts.push(...readPart(block, path, losses));
  }
  return parts.length === 0 ? results : [...results, { role, parts, toolCalls: [] }];
}

function readResult({ content, is_error }: JsonObject, field: string, losses: Losses): ContentPart[] {
  const said: ContentPart[] =
    typeof content === "string"
      ? [{ type: "text", text: content }]
      : asObjects(content).flatMap((block, index) => readPart(block, `${field}.content[${index}]`, losses));
  // An error without a word would look as if all went well.
  return is_error === true && said.length === 0 ? [{ type: "text", text: "error" }] : said;
}

function readPart(block: JsonObject, field: string, losses: Losses): ContentPart[] {
  const source = asObject(block.source) ?? {};
  switch (block.type) {
    case "text":
      return [{ type: "text", text: requireText(block.text, `${field}.text`) }];
    case "image":
      if (source.type === "base64") return [bytesPart(asText(source.media_type), asText(source.data))];
      if (source.type === "url") return [{ type: "image-url", url: asText(source.url) }];
      break;
    case "document":
      if (source.type === "base64") return [fileOf(block, source)];
      if (source.type === "url") return [{ type: "file-url", url: asText(source.url), name: asText(block.title) }];
      if (source.type === "text") return [{ type: "text", text: titled(block, asText(source.data)) }];
      if (source.type === "content") {
        if (typeof source.content === "string") return [{ type: "text", text: titled(block, source.content) }];
        return asObjects(source.content).flatMap((one, index) =>
          readPart(one, `${field}.source.content[${index}]`, losses),
        );
      }
      break;
    case "search_result":
      return [
        {
          type: "text",
          text: titled(
            block,
            asObjects(block.content)
              .map(({ text }) => asText(text))
              .join("\n"),
          ),
        },
      ];
    // Tools that only Claude's endpoint has.
    case "thinking":
    case "redacted_thinking":
    case "tool_reference":
      losses.add(`messages.${block.type}`);
      return [];
  }
  const kind = source.type === undefined ? "" : ` by ${JSON.stringify(source.type)}`;
  throw invalidField(
    `${field}.type`,
    `is ${JSON.stringify(block.type)}${kind}, which the endpoint's API does not take`,
  );
}

function fileOf({ title }: JsonObject, { media_type, data }: JsonObject): ContentPart {
  const bytes = new Uint8Array(Buffer.from(asText(data), "base64"));
  return { type: "file-data", mediaType: asText(media_type), name: asText(title), data: bytes };
}

function titled({ title, source }: JsonObject, text: string): string {
  const name = asText(title) || (typeof source === "string" ? source : "");
  return name === "" ? text : `${name}\n\n${text}`;
}

function readTools(tools: unknown, losses: Losses): Tool[] {
  return asObjects(tools).flatMap((tool): Tool[] => {
    const isOwn = tool.type === undefined || tool.type === null || tool.type === "custom";
    if (tool.cache_control !== undefined) losses.add("cache_control");
    if (!isOwn) {
      losses.add(`tools.${asText(tool.type)}`);
      return [];
    }
    const parameters = asObject(tool.input_schema) ?? { type: "object", properties: {} };
    return [{ name: asText(tool.name), description: asText(tool.description), parameters }];
  });
}

/** A budget of tokens, or an effort; of a model that shall decide by itself, neither. */
function readThinking(thinking: unknown, effort: unknown): Thinking | undefined {
  const said = readEffort(effort, "output_config.effort");
  const { type, budget_tokens } = asObject(thinking) ?? {};
  if (type === "disabled") return { effort: "none" };
  if (type === "enabled" && typeof budget_tokens === "number") return { budgetTokens: budget_tokens };
  return type === "adaptive" || type === "enabled" ? (said ?? {}) : said;
}

function readToolChoice({ type, name }: JsonObject, tools: readonly Tool[]): ToolChoice | undefined {
  if (tools.length === 0) return undefined;
  if (type === "any") return { type: "required" };
  if (type === "auto" || type === "none") return { type };
  return type === "tool" && tools.some((tool) => tool.name === name) ? { type: "tool", name: asText(name) } : undefined;
}
