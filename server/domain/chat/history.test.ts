import { describe, expect, it } from "vitest";
import type { PastTurn } from "../../store/queries/chat/turns.ts";
import type { ChatMessage, ToolCall } from "../../upstream/models/conversation.ts";
import { conversationOf, requireCalled, requireTurn, type SpokenTurn, turnsThatFit } from "./history.ts";

const past = (id: string, tokens: number, answersTools = false): PastTurn => ({
  id,
  tokens,
  answersTools,
  hasSystem: false,
});
const says = (role: ChatMessage["role"], text: string, more: Partial<ChatMessage> = {}): ChatMessage => ({
  role,
  parts: [{ type: "text", text }],
  toolCalls: [],
  ...more,
});
const result = (id: string, text = "42") => says("tool", text, { toolCallId: id });
const call = (id: string): ToolCall => ({ id, name: "add", arguments: "{}" });
const turn = (messages: ChatMessage[], text: string, ...calls: ToolCall[]): SpokenTurn => ({
  messages,
  reply: { text, toolCalls: calls, usage: {} },
});
/** As role:text, with the ids of calls and results. */
const shape = (messages: readonly ChatMessage[]) =>
  messages.map(({ role, parts, toolCalls, toolCallId }) =>
    [
      role,
      ...parts.map((part) => (part.type === "text" ? part.text : part.type)),
      ...toolCalls.map(({ id }) => id),
      toolCallId,
    ]
      .filter(Boolean)
      .join(":"),
  );

describe("the turns that are sent again", () => {
  it.each([
    { name: "are all that fit", turns: [past("c", 10), past("b", 10), past("a", 10)], left: 30, sent: ["c", "b", "a"] },
    { name: "are the newest, whole", turns: [past("c", 10), past("b", 10), past("a", 10)], left: 29, sent: ["c", "b"] },
    { name: "have no gap", turns: [past("c", 10), past("b", 99), past("a", 1)], left: 50, sent: ["c"] },
    { name: "are none when none fits", turns: [past("c", 10)], left: -5, sent: [] },
    {
      name: "keep results with the calls that they answer",
      turns: [past("d", 10), past("c", 10, true), past("b", 10, true), past("a", 10)],
      left: 39,
      sent: ["d"],
    },
    {
      name: "keep the calls that the next turn answers, even if they do not fit",
      turns: [past("c", 10, true), past("b", 10), past("a", 10)],
      left: 5,
      answersTools: true,
      sent: ["c", "b"],
    },
  ])("$name", ({ turns, left, answersTools = false, sent }) => {
    expect(turnsThatFit(turns, left, answersTools).map(({ id }) => id)).toEqual(sent);
  });
});

describe("the conversation", () => {
  it("alternates, with the SYSTEM messages of one turn first", () => {
    const turns = [turn([says("system", "old"), says("user", "a")], "A"), turn([says("user", "b")], "B")];
    const next = [says("system", "new"), says("user", "c")];
    expect(shape(conversationOf([says("system", "new")], turns, next))).toEqual([
      "system:new",
      "user:a",
      "assistant:A",
      "user:b",
      "assistant:B",
      "user:c",
    ]);
  });

  it.each([
    { name: "its results", next: [result("1"), result("2")], follow: ["tool:42:1", "tool:42:2"] },
    {
      name: "its results before all else",
      next: [says("user", "b"), result("1"), result("2")],
      follow: ["tool:42:1", "tool:42:2", "user:b"],
    },
    {
      name: "a word in the place of a result that is missing",
      next: [result("2"), says("user", "b")],
      follow: ["tool:42:2", "tool:no result:1", "user:b"],
    },
    {
      name: "a word when all are missing",
      next: [says("user", "b")],
      follow: ["tool:no result:1", "tool:no result:2", "user:b"],
    },
  ])("has behind calls of tools $name", ({ next, follow }) => {
    const turns = [turn([says("user", "a")], "", call("1"), call("2"))];
    expect(shape(conversationOf([], turns, next)).slice(2)).toEqual(follow);
  });

  it("answers what was never answered also when turns followed", () => {
    const turns = [turn([says("user", "a")], "", call("1")), turn([says("user", "b")], "B")];
    expect(shape(conversationOf([], turns, [says("user", "c")]))).toEqual([
      "user:a",
      "assistant:1",
      "tool:no result:1",
      "user:b",
      "assistant:B",
      "user:c",
    ]);
  });
});

describe("a turn", () => {
  it.each([
    { name: "a reply", messages: [says("user", "a"), says("assistant", "b")], field: "messages[1].role" },
    { name: "nothing but SYSTEM messages", messages: [says("system", "a")], field: "messages" },
  ])("may not bring $name", ({ messages, field }) => {
    expect(() => requireTurn(messages)).toThrow(field);
  });

  it.each([
    { name: "a call that was not made", messages: [result("1"), result("3")], field: "messages[1].tool_call_id" },
    { name: "the same call twice", messages: [result("1"), result("1")], field: "messages[1].tool_call_id" },
  ])("may not answer $name", ({ messages, field }) => {
    expect(() => requireCalled(messages, [call("1"), call("2")])).toThrow(field);
  });
});
