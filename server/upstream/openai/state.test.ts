import { describe, expect, it } from "vitest";
import type { Target } from "../models/provider-types.ts";
import { readReply } from "./reply.ts";
import { writeRequest } from "./request.ts";
import { openStream } from "./stream.ts";

const target: Target = {
  ownerId: "owner",
  providerType: "CUSTOM_OPENAI_COMPATIBLE",
  endpointUrl: "https://api.example.com/v1",
  apiPath: "/chat/completions",
  model: "m",
  apiKey: undefined,
};
const call = { id: "a", type: "function", function: { name: "f", arguments: "{}" } };

/** The assistant's message as it is sent again, after a reply that had this message. */
function sentAgain(message: object, change: { text?: string } = {}) {
  const reply = readReply({ choices: [{ message }] }, target.providerType) ?? expect.fail();
  return written(change.text ?? reply.text, reply.toolCalls, reply.stateValue);
}

function written(
  text: string,
  toolCalls: readonly { id: string; name: string; arguments: string }[],
  value: object | undefined,
) {
  const state = value && { provider: "p", value: value as Record<string, unknown> };
  const parts = [{ type: "text" as const, text }];
  const body = writeRequest(
    target,
    { messages: [{ role: "assistant", parts, toolCalls, state }], sampling: {}, tools: [] },
    false,
  );
  return (body.messages as object[])[0];
}

describe("what a provider wants back", () => {
  it.each([
    {
      name: "reasoning of a turn that calls tools",
      message: { content: "", reasoning_content: "why", tool_calls: [call] },
    },
    {
      name: "details of reasoning",
      message: { content: "Hi", reasoning_details: [{ type: "reasoning.encrypted", data: "x" }] },
    },
    {
      name: "blocks that are signed",
      message: { content: "Hi", thinking_blocks: [{ type: "thinking", thinking: "a", signature: "s" }] },
    },
    {
      name: "a signature of a message",
      message: { content: "Hi", extra_content: { google: { thought_signature: "s" } } },
    },
    {
      name: "a signature of a call",
      message: { content: "", tool_calls: [{ ...call, extra_content: { google: { thought_signature: "s" } } }] },
    },
    {
      name: "parts that are not all text",
      message: {
        content: [
          { type: "thinking", thinking: [{ type: "text", text: "why" }] },
          { type: "text", text: "Hi" },
        ],
      },
    },
  ])("is $name", ({ message }) => expect(sentAgain(message)).toMatchObject(message));

  it("is no reasoning of a turn that calls none", () => {
    expect(sentAgain({ content: "Hi", reasoning_content: "why" })).toEqual({ role: "assistant", content: "Hi" });
  });

  it("is not the content of a reply that was changed", () => {
    const content = [
      { type: "thinking", thinking: [] },
      { type: "text", text: "Hi" },
    ];
    expect(sentAgain({ content }, { text: "Ho" })).toEqual({ role: "assistant", content: "Ho" });
  });

  it("comes in pieces, too", () => {
    const reader = openStream("OPEN_ROUTER");
    const pieces = [
      { reasoning_details: [{ type: "reasoning.text", index: 0, text: "I need " }] },
      { reasoning_details: [{ type: "reasoning.text", index: 0, text: "it.", signature: null }] },
      { reasoning_details: [{ type: "reasoning.text", index: 0, signature: "sig" }] },
      { reasoning_details: [{ type: "reasoning.encrypted", index: 1, data: "x" }] },
      { tool_calls: [{ index: 0, ...call, extra_content: { s: 1 } }] },
    ];
    for (const delta of pieces) reader.read(JSON.stringify({ model: "m", choices: [{ delta }] }), []);
    expect(reader.stateValue).toEqual({
      members: {
        reasoning_details: [
          { type: "reasoning.text", index: 0, text: "I need it.", signature: "sig" },
          { type: "reasoning.encrypted", index: 1, data: "x" },
        ],
      },
      calls: { a: { extra_content: { s: 1 } } },
    });
  });
});
