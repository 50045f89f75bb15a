import { estimateTokenCount } from "tokenx";
import type { ChatMessage, ModelRequest, ToolCall } from "../../upstream/conversation.ts";

/** What APIs put around each message, in tokens. */
const TOKENS_A_MESSAGE = 4;
/** As much as providers bill for a large image. */
const TOKENS_AN_IMAGE = 1_600;

/** How many tokens a text has, roughly: within a tenth for prose and code, a third more for Chinese. */
export function estimateText(text: string): number {
  return text === "" ? 0 : estimateTokenCount(text);
}

/** How many tokens messages have, roughly. */
export function estimateMessages(messages: readonly ChatMessage[]): number {
  let tokens = 0;
  for (const { parts, toolCalls } of messages) {
    tokens += TOKENS_A_MESSAGE + estimateCalls(toolCalls);
    for (const part of parts) tokens += part.type === "text" ? estimateText(part.text) : TOKENS_AN_IMAGE;
  }
  return tokens;
}

/** How many tokens calls of tools have, roughly. */
export function estimateCalls(calls: readonly ToolCall[]): number {
  return calls.reduce((sum, call) => sum + estimateText(call.name) + estimateText(call.arguments), 0);
}

/** How many tokens a prompt has, roughly. */
export function estimatePrompt({ messages, tools }: ModelRequest): number {
  return estimateMessages(messages) + (tools.length > 0 ? estimateText(JSON.stringify(tools)) : 0);
}

/** Whether a prompt is all text: what images come to is only known to the provider. */
export function isText({ messages }: ModelRequest): boolean {
  return messages.every(({ parts }) => parts.every(({ type }) => type === "text"));
}
