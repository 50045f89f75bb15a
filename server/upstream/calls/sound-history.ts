import type { ChatMessage, ToolCall } from "../models/conversation.ts";
import { parseObject } from "../models/json-value.ts";

/** What stands for a reply in which nothing was said: strict servers refuse an empty message, or two of a user in a row. */
const NO_REPLY = "(no reply)";

/**
 * Messages in a form that a strict server takes, whatever was stored or sent: a model's turn says something or calls
 * something, names are such as a tool may have, arguments are a JSON object, and no two calls of a turn, nor two results, have
 * one id.
 */
export function soundHistory(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const once = withoutRepeatedResults(messages);
  return once.some((message) => message.role === "assistant" && !isSound(message)) ? once.map(sound) : once;
}

/** The first result of each call since the model's last turn. */
function withoutRepeatedResults(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const answered = new Set<string>();
  const once = messages.filter(({ role, toolCallId = "" }) => {
    if (role === "assistant") answered.clear();
    const isRepeated = role === "tool" && answered.has(toolCallId);
    if (role === "tool") answered.add(toolCallId);
    return !isRepeated;
  });
  return once.length === messages.length ? messages : once;
}

function isSound({ parts, toolCalls }: ChatMessage): boolean {
  if (toolCalls.length === 0) return parts.some((part) => part.type !== "text" || part.text.trim() !== "");
  const ids = new Set(toolCalls.map(({ id }) => id));
  return ids.size === toolCalls.length && toolCalls.every((call) => NAME.test(call.name) && isObject(call));
}

function sound(message: ChatMessage): ChatMessage {
  if (message.role !== "assistant" || isSound(message)) return message;
  const seen = new Set<string>();
  const toolCalls = message.toolCalls
    .filter(({ id, name }) => name !== "" && !seen.has(id) && seen.add(id))
    .map((call) => ({
      ...call,
      name: nameOf(call),
      arguments: isObject(call) ? call.arguments : mended(call.arguments),
    }));
  const parts = message.parts.filter((part) => part.type !== "text" || part.text.trim() !== "");
  // Of thinking alone, which no API takes as a turn, it is the same.
  const isEmpty = parts.length === 0 && toolCalls.length === 0;
  return { ...message, toolCalls, parts: isEmpty ? [{ type: "text", text: NO_REPLY }] : parts };
}

/** What OpenAI, Anthropic and those after them take as the name of a tool. */
const NAME = /^[\w-]{1,64}$/;

/** Models of gpt-oss may leak a token of their own into a name, which is no part of any. */
function nameOf({ name }: ToolCall): string {
  return NAME.test(name)
    ? name
    : name
        .replace(/<\|.*/s, "")
        .replaceAll(/[^\w-]+/g, "_")
        .slice(0, 64) || "unnamed";
}

function isObject({ arguments: text }: ToolCall): boolean {
  return parseObject(text) !== undefined;
}

/**
 * Arguments that are no object, as an object: none at all are none, a text in which an object was written is that object, and
 * of what was cut or made up, Anthropic's advice is to wrap it.
 */
function mended(text: string): string {
  if (text.trim() === "" || text.trim() === "null") return "{}";
  let inner: unknown;
  try {
    inner = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (typeof inner === "string" && parseObject(inner) !== undefined) return inner;
  return JSON.stringify({ INVALID_JSON: text });
}
