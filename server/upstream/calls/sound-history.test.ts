import { expect, it } from "vitest";
import type { ChatMessage, ToolCall } from "../models/conversation.ts";
import { soundHistory } from "./sound-history.ts";

const said = (text: string, ...toolCalls: ToolCall[]): ChatMessage => ({
  role: "assistant",
  parts: text === "-" ? [] : [{ type: "text", text }],
  toolCalls,
});
const call = (text: string, id = "a", name = "f"): ToolCall => ({ id, name, arguments: text });

it.each([
  { name: "leaves words alone", message: said("Hi"), becomes: said("Hi") },
  { name: "leaves a call alone", message: said("-", call('{"x":1}')), becomes: said("-", call('{"x":1}')) },
  { name: "fills an empty turn", message: said(""), becomes: said("(no reply)") },
  { name: "fills a turn of white space", message: said(" \n"), becomes: said("(no reply)") },
  { name: "fills a turn of nothing", message: said("-"), becomes: said("(no reply)") },
  {
    name: "wraps what was cut",
    message: said("-", call('{"x":"P')),
    becomes: said("-", call('{"INVALID_JSON":"{\\"x\\":\\"P"}')),
  },
  { name: "takes none for none", message: said("-", call("")), becomes: said("-", call("{}")) },
  { name: "takes null for none", message: said("-", call("null")), becomes: said("-", call("{}")) },
  { name: "wraps a list", message: said("-", call("[1]")), becomes: said("-", call('{"INVALID_JSON":"[1]"}')) },
  { name: "unwraps a text", message: said("-", call('"{\\"x\\":1}"')), becomes: said("-", call('{"x":1}')) },
  { name: "keeps one call of an id", message: said("-", call("{}"), call("{}")), becomes: said("-", call("{}")) },
  {
    name: "takes a token of the model out of a name",
    message: said("-", call("{}", "a", "look<|channel|>commentary")),
    becomes: said("-", call("{}", "a", "look")),
  },
  {
    name: "writes a name as a tool may have it",
    message: said("-", call("{}", "a", "look at")),
    becomes: said("-", call("{}", "a", "look_at")),
  },
  { name: "leaves out what calls nothing", message: said("Hi", call("{}", "a", "")), becomes: said("Hi") },
])("$name", ({ message, becomes }) => expect(soundHistory([message])).toEqual([becomes]));

it("does not touch what others say", () => {
  const messages: ChatMessage[] = [{ role: "user", parts: [{ type: "text", text: "" }], toolCalls: [] }];
  expect(soundHistory(messages)).toBe(messages);
});

it("keeps one result of a call, and that of a later call of the same id", () => {
  const result = (text: string): ChatMessage => ({
    role: "tool",
    parts: [{ type: "text", text }],
    toolCalls: [],
    toolCallId: "a",
  });
  const turn = said("-", call("{}"));
  const messages = [turn, result("1"), result("2"), turn, result("3")];
  expect(soundHistory(messages)).toEqual([turn, result("1"), turn, result("3")]);
});
