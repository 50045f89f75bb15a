import { invalidField } from "../../base/fault.ts";
import type { PastTurn } from "../../store/queries/chat/turns.ts";
import type { ChatMessage, ToolCall } from "../../upstream/models/conversation.ts";
import type { StoredReply } from "./turn-text.ts";

/** What was said in one turn, its reply last. */
export interface SpokenTurn {
  readonly messages: readonly ChatMessage[];
  readonly reply: Pick<StoredReply, "text" | "toolCalls" | "state" | "usage" | "source">;
}

/** What a model is told when nobody answered its call of a tool; without an answer, the API refuses all that follows. */
const NO_RESULT = "no result";

/**
 * Which past turns are sent again: the newest that fit into the tokens that are left, in whole groups. Turns that bring
 * results of tools belong to the turn before, which called them. The first is the newest, as in the list.
 */
export function turnsThatFit(past: readonly PastTurn[], tokensLeft: number, answersTools: boolean): PastTurn[] {
  const chosen: PastTurn[] = [];
  let left = tokensLeft;
  let group: PastTurn[] = [];
  // Of the turn that begins, the calls that it answers must come along, whether they fit or not.
  let isNeeded = answersTools;
  for (const turn of past) {
    group.push(turn);
    if (turn.answersTools) continue;
    left -= group.reduce((sum, { tokens }) => sum + tokens, 0);
    if (left < 0 && !isNeeded) break;
    chosen.push(...group);
    group = [];
    isNeeded = false;
  }
  return chosen;
}

/**
 * The conversation as it is sent, the turns in their order. SYSTEM messages of one turn alone go first: of the one that
 * begins, or else of the newest that has some. Every call of a tool is followed by its results.
 */
export function conversationOf(
  system: readonly ChatMessage[],
  turns: readonly SpokenTurn[],
  next: readonly ChatMessage[],
): ChatMessage[] {
  const messages: ChatMessage[] = [...system];
  let calls: readonly ToolCall[] = [];
  for (const { messages: said, reply } of turns) {
    messages.push(...answered(calls, withoutSystem(said)));
    const { text, toolCalls, state } = reply;
    messages.push({ role: "assistant", parts: [{ type: "text", text }], toolCalls, ...(state && { state }) });
    calls = reply.toolCalls;
  }
  messages.push(...answered(calls, withoutSystem(next)));
  return messages;
}

export function systemOf(messages: readonly ChatMessage[]): ChatMessage[] {
  return messages.filter(({ role }) => role === "system");
}

/** Refuses what is not the next turn of a session: replies are the model's, and a result answers a call. */
export function requireTurn(messages: readonly ChatMessage[]): void {
  const assistant = messages.findIndex(({ role }) => role === "assistant");
  if (assistant >= 0) {
    throw invalidField(`messages[${assistant}].role`, "is ASSISTANT: in a session, the replies are those it has");
  }
  if (messages.every(({ role }) => role === "system")) {
    throw invalidField("messages", "must hold a USER or a TOOL message: a turn says something");
  }
}

/** Refuses results of tools that the last reply did not call. */
export function requireCalled(messages: readonly ChatMessage[], calls: readonly ToolCall[]): void {
  const ids = new Set(calls.map(({ id }) => id));
  for (const [index, { role, toolCallId }] of messages.entries()) {
    if (role !== "tool" || ids.delete(toolCallId ?? "")) continue;
    throw invalidField(
      `messages[${index}].tool_call_id`,
      "names no call of the last reply of the session that waits for a result",
    );
  }
}

/** Results first, one for each call, and then what else is said. */
function answered(calls: readonly ToolCall[], messages: readonly ChatMessage[]): ChatMessage[] {
  const results = messages.filter(({ role }) => role === "tool");
  const given = new Set(results.map(({ toolCallId }) => toolCallId));
  const missing = calls
    .filter(({ id }) => !given.has(id))
    .map(
      ({ id }): ChatMessage => ({
        role: "tool",
        parts: [{ type: "text", text: NO_RESULT }],
        toolCalls: [],
        toolCallId: id,
      }),
    );
  return [...results, ...missing, ...messages.filter(({ role }) => role !== "tool")];
}

function withoutSystem(messages: readonly ChatMessage[]): ChatMessage[] {
  return messages.filter(({ role }) => role !== "system");
}
