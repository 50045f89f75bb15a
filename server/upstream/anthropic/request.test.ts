import { describe, expect, it } from "vitest";
import type { ChatMessage, ModelRequest, Role } from "../models/conversation.ts";
import type { Target } from "../models/provider-types.ts";
import { writeRequest } from "./request.ts";

const target = (model: string): Target => ({
  ownerId: "owner",
  providerType: "ANTHROPIC",
  endpointUrl: "https://api.anthropic.com/v1",
  apiPath: "/messages",
  model,
  apiKey: undefined,
});

const say = (role: Role, text: string): ChatMessage => ({ role, parts: [{ type: "text", text }], toolCalls: [] });

/** As it goes over the wire, without what is undefined. */
function write(model: string, request: Partial<ModelRequest>, streamed = false) {
  const whole = { messages: [say("user", "Hi")], sampling: {}, tools: [], ...request };
  return JSON.parse(JSON.stringify(writeRequest(target(model), whole, streamed)));
}

describe("a Messages request", () => {
  it("has a limit of tokens even when none was asked for", () => {
    expect(write("claude-sonnet-4-5", {})).toEqual({
      model: "claude-sonnet-4-5",
      max_tokens: 4096,
      messages: [{ role: "user", content: [{ type: "text", text: "Hi" }] }],
    });
  });

  it("streams", () => expect(write("claude-sonnet-4-5", {}, true)).toMatchObject({ stream: true }));

  it("takes the system's messages out of the conversation and joins the turns of one speaker", () => {
    const messages = [
      say("system", "Be brief."),
      say("user", "One"),
      say("system", "Be kind."),
      say("user", "Two"),
      say("assistant", ""),
      say("assistant", "Three"),
    ];
    expect(write("claude-sonnet-4-5", { messages })).toMatchObject({
      system: "Be brief.\n\nBe kind.",
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "One" },
            { type: "text", text: "Two" },
          ],
        },
        { role: "assistant", content: [{ type: "text", text: "Three" }] },
      ],
    });
  });

  it("lets the user say the results of tools, together with what follows", () => {
    const messages: ChatMessage[] = [
      say("user", "Weather?"),
      {
        role: "assistant",
        parts: [{ type: "text", text: "I look." }],
        toolCalls: [
          { id: "c1", name: "f", arguments: '{"a":1}' },
          { id: "c2", name: "g", arguments: "" },
          { id: "c3", name: "h", arguments: '{"a":' },
        ],
      },
      { ...say("tool", "42"), toolCallId: "c1" },
      { ...say("tool", ""), toolCallId: "c2" },
      say("user", "And?"),
    ];
    expect(write("claude-sonnet-4-5", { messages }).messages.slice(1)).toEqual([
      {
        role: "assistant",
        content: [
          { type: "text", text: "I look." },
          { type: "tool_use", id: "c1", name: "f", input: { a: 1 } },
          { type: "tool_use", id: "c2", name: "g", input: {} },
          { type: "tool_use", id: "c3", name: "h", input: { INVALID_JSON: '{"a":' } },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "c1", content: [{ type: "text", text: "42" }] },
          { type: "tool_result", tool_use_id: "c2", content: [] },
          { type: "text", text: "And?" },
        ],
      },
    ]);
  });

  it("shows images", () => {
    const parts = [
      { type: "image-data", data: Uint8Array.of(1, 2, 3), mediaType: "image/png" },
      { type: "image-url", url: "https://example.com/a.png" },
    ] as const;
    expect(
      write("claude-sonnet-4-5", { messages: [{ role: "user", parts, toolCalls: [] }] }).messages[0].content,
    ).toEqual([
      { type: "image", source: { type: "base64", media_type: "image/png", data: "AQID" } },
      { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
    ]);
  });

  it("offers tools", () => {
    const parameters = { type: "object", properties: {} };
    const tools = [{ name: "f", description: "Does.", parameters }];
    expect(write("claude-sonnet-4-5", { tools }).tools).toEqual([
      { name: "f", description: "Does.", input_schema: parameters },
    ]);
  });

  const sampling = { maxTokens: 9, temperature: 0, topP: 0.5, topK: 3, frequencyPenalty: 1, stopSequences: ["END"] };
  const plain = { max_tokens: 9, temperature: 0, top_k: 3, stop_sequences: ["END"] };
  const refused = { max_tokens: 9, stop_sequences: ["END"] };
  it.each([
    { model: "claude-3-5-sonnet-20241022", written: plain },
    { model: "claude-sonnet-4-20250514", written: plain },
    { model: "claude-opus-4-1-20250805", written: plain },
    { model: "claude-sonnet-4-6", written: plain },
    { model: "claude-opus-4-7", written: refused },
    { model: "claude-opus-4-8-20260601", written: refused },
    { model: "claude-sonnet-5", written: refused },
    { model: "claude-haiku-5-5", written: refused },
  ])("samples $model as it can", ({ model, written }) => {
    const { model: _model, messages: _messages, ...rest } = write(model, { sampling });
    expect(rest).toEqual(written);
  });

  it("sends top_p in the absence of a temperature", () => {
    expect(write("claude-opus-4-1", { sampling: { topP: 0.5 } })).toMatchObject({ top_p: 0.5 });
  });
});
