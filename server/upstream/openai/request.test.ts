import { describe, expect, it } from "vitest";
import type { ChatMessage, ModelRequest } from "../models/conversation.ts";
import type { ProviderType, Target } from "../models/provider-types.ts";
import { writeRequest } from "./request.ts";

function target(
  model: string,
  providerType: ProviderType = "OPENAI",
  endpointUrl = "https://api.openai.com/v1",
): Target {
  return { ownerId: "owner", providerType, endpointUrl, apiPath: "/chat/completions", model, apiKey: undefined };
}

const say = (text: string): ChatMessage => ({ role: "user", parts: [{ type: "text", text }], toolCalls: [] });
const request = (rest: Partial<ModelRequest> = {}): ModelRequest => ({
  messages: [say("Hi")],
  sampling: {},
  tools: [],
  ...rest,
});

/** As it goes over the wire, without what is undefined. */
function write(...args: Parameters<typeof writeRequest>) {
  return JSON.parse(JSON.stringify(writeRequest(...args)));
}

describe("a chat completion request", () => {
  it("has the model and the messages, and nothing that was not asked for", () => {
    expect(write(target("gpt-4o"), request(), false)).toEqual({
      model: "gpt-4o",
      messages: [{ role: "user", content: "Hi" }],
    });
  });

  it("asks for the usage of a stream", () => {
    expect(write(target("gpt-4o"), request(), true)).toMatchObject({
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it("does not ask Mistral, which refuses to be asked", () => {
    const mistral = target("mistral-large-latest", "CUSTOM_OPENAI_COMPATIBLE", "https://api.mistral.ai/v1");
    expect(write(mistral, request(), true)).not.toHaveProperty("stream_options");
  });

  it.each<{ name: string; message: ChatMessage; written: unknown }>([
    {
      name: "an image by its bytes",
      message: {
        role: "user",
        parts: [
          { type: "text", text: "What?" },
          { type: "image-data", data: Uint8Array.of(1, 2, 3), mediaType: "image/png" },
        ],
        toolCalls: [],
      },
      written: {
        role: "user",
        content: [
          { type: "text", text: "What?" },
          { type: "image_url", image_url: { url: "data:image/png;base64,AQID" } },
        ],
      },
    },
    {
      name: "an image by its address",
      message: { role: "user", parts: [{ type: "image-url", url: "https://example.com/a.png" }], toolCalls: [] },
      written: { role: "user", content: [{ type: "image_url", image_url: { url: "https://example.com/a.png" } }] },
    },
    {
      name: "a call of a tool",
      message: { role: "assistant", parts: [], toolCalls: [{ id: "c1", name: "f", arguments: '{"a":1}' }] },
      written: {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: '{"a":1}' } }],
      },
    },
    {
      name: "the result of a tool",
      message: { role: "tool", parts: [{ type: "text", text: "42" }], toolCalls: [], toolCallId: "c1" },
      written: { role: "tool", content: "42", tool_call_id: "c1" },
    },
  ])("says $name", ({ message, written }) => {
    expect(write(target("gpt-4o"), request({ messages: [message] }), false).messages).toEqual([written]);
  });

  it("offers tools", () => {
    const parameters = { type: "object", properties: {} };
    const tools = [{ name: "f", description: "", parameters }];
    expect(write(target("gpt-4o"), request({ tools }), false).tools).toEqual([
      { type: "function", function: { name: "f", parameters } },
    ]);
  });

  const sampling = {
    maxTokens: 100,
    temperature: 0,
    topP: 0.9,
    topK: 40,
    frequencyPenalty: 0.1,
    presencePenalty: 0.2,
    stopSequences: ["END"],
  };
  const penalties = { frequency_penalty: 0.1, presence_penalty: 0.2 };
  const plain = { max_tokens: 100, temperature: 0, top_p: 0.9, ...penalties, stop: ["END"] };
  const reasoning = { max_completion_tokens: 100, stop: ["END"] };
  it.each<{ model: string; providerType: ProviderType; written: unknown }>([
    { model: "gpt-4o", providerType: "OPENAI", written: plain },
    { model: "gpt-5-chat-latest", providerType: "OPENAI", written: plain },
    { model: "gpt-35-turbo", providerType: "CUSTOM_OPENAI_COMPATIBLE", written: { ...plain, top_k: 40 } },
    { model: "gpt-oss-20b", providerType: "CUSTOM_OPENAI_COMPATIBLE", written: { ...plain, top_k: 40 } },
    { model: "gpt-6", providerType: "OPENAI", written: reasoning },
    { model: "gpt-5", providerType: "OPENAI", written: reasoning },
    { model: "gpt-5.1-mini", providerType: "OPENAI", written: reasoning },
    { model: "o3", providerType: "OPENAI", written: reasoning },
    { model: "o4-mini-2025-04-16", providerType: "OPENAI", written: reasoning },
    { model: "ft:o4-mini:acme::1", providerType: "OPENAI", written: reasoning },
    { model: "o1", providerType: "CUSTOM_OPENAI_COMPATIBLE", written: reasoning },
    { model: "openai/gpt-5", providerType: "OPEN_ROUTER", written: { ...plain, top_k: 40 } },
    { model: "gpt-5", providerType: "LITELLM_PROXY", written: { ...plain, top_k: 40 } },
    { model: "llama3.2", providerType: "OLLAMA", written: { ...plain, top_k: 40 } },
  ])("samples $model of $providerType as it can", ({ model, providerType, written }) => {
    const {
      model: _model,
      messages: _messages,
      ...rest
    } = write(target(model, providerType), request({ sampling }), false);
    expect(rest).toEqual(written);
  });
});
