import { expect, it } from "vitest";
import type { Target } from "../models/provider-types.ts";
import { readReply } from "./reply.ts";
import { writeRequest } from "./request.ts";

const target: Target = {
  ownerId: "owner",
  providerType: "ANTHROPIC",
  endpointUrl: "https://api.anthropic.com/v1",
  apiPath: "/messages",
  model: "claude",
  apiKey: undefined,
};
const thinking = { type: "thinking", thinking: "why", signature: "s" };
const redacted = { type: "redacted_thinking", data: "x" };
const use = (id: string) => ({ type: "tool_use", id, name: "f", input: { x: 1 } });
const search = { type: "server_tool_use", id: "s", name: "web_search", input: { query: "q" } };

function sentAgain(content: readonly object[], change: { text?: string } = {}) {
  const reply = readReply({ type: "message", content }) ?? expect.fail();
  const state = reply.stateValue && { provider: "p", value: reply.stateValue };
  const parts = [{ type: "text" as const, text: change.text ?? reply.text }];
  const messages = [{ role: "assistant" as const, parts, toolCalls: reply.toolCalls, state }];
  const body = writeRequest(target, { messages, sampling: {}, tools: [] }, false);
  return (body.messages as { content: unknown }[])[0]?.content;
}

it.each([
  { name: "thinking before a call", content: [thinking, use("a")] },
  { name: "redacted thinking", content: [redacted, { type: "text", text: "Hi" }] },
  {
    name: "thinking between texts and calls",
    content: [
      thinking,
      { type: "text", text: "One." },
      thinking,
      { type: "text", text: "Two." },
      use("a"),
      redacted,
      use("b"),
    ],
  },
  {
    name: "what the provider's own tools did",
    content: [
      search,
      { type: "web_search_tool_result", tool_use_id: "s", content: [{ encrypted_content: "e" }] },
      { type: "text", text: "Hi" },
    ],
  },
  {
    name: "a kind that nobody knows yet",
    content: [
      { type: "new_thing", a: [1] },
      { type: "text", text: "Hi" },
    ],
  },
])("a reply is sent again as it came: $name", ({ content }) => expect(sentAgain(content)).toEqual(content));

it("of a reply that was changed, the thinking goes first", () => {
  expect(sentAgain([search, thinking, { type: "text", text: "Hi" }, use("a")], { text: "Ho" })).toEqual([
    thinking,
    { type: "text", text: "Ho" },
    use("a"),
  ]);
});
