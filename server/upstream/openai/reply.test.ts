import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readReply } from "./reply.ts";

const plain = { text: "", reasoning: "", toolCalls: [], stopReason: "end", rawStopReason: "stop" };

describe("a chat completion", () => {
  it.each([
    {
      file: "openai-reply.json",
      reply: {
        model: "gpt-4.1-2025-04-14",
        text: "Hello! How can I assist you today?",
        usage: { inputTokens: 1419, outputTokens: 110, cacheReadTokens: 1280, reasoningTokens: 64 },
      },
    },
    {
      file: "openai-tool-calls.json",
      reply: {
        model: "gpt-4o-mini",
        toolCalls: [{ id: "call_abc123", name: "get_current_weather", arguments: '{\n"location": "Boston, MA"\n}' }],
        stopReason: "tool-calls",
        rawStopReason: "tool_calls",
        usage: { inputTokens: 82, outputTokens: 17 },
      },
    },
    {
      file: "openai-refusal.json",
      reply: {
        model: "gpt-4o-2024-08-06",
        text: "I'm sorry, I cannot assist with that request.",
        usage: { inputTokens: 81, outputTokens: 11 },
      },
    },
    {
      file: "openai-length-empty.json",
      reply: {
        model: "gpt-5-2025-08-07",
        stopReason: "max-tokens",
        rawStopReason: "length",
        usage: { inputTokens: 13, outputTokens: 16, reasoningTokens: 16 },
      },
    },
    {
      file: "litellm-reply.json",
      reply: {
        model: "claude-sonnet-4-20250514",
        text: "Paris.",
        reasoning: "France's capital.",
        usage: { inputTokens: 2100, outputTokens: 20, cacheReadTokens: 1800, cacheWriteTokens: 200 },
      },
    },
    {
      file: "ollama-reply.json",
      reply: { model: "qwen3:4b", text: "4", reasoning: "2+2 is 4.", usage: { inputTokens: 15, outputTokens: 9 } },
    },
    {
      file: "mistral-reply.json",
      reply: {
        model: "magistral-medium-latest",
        text: "Four.",
        reasoning: "Two plus two.",
        stopReason: "max-tokens",
        rawStopReason: "model_length",
        usage: { inputTokens: 10, outputTokens: 8 },
      },
    },
    {
      file: "xai-reply.json",
      reply: {
        model: "grok-3-mini",
        text: "303",
        reasoning: "101*3",
        usage: { inputTokens: 32, outputTokens: 103, cacheReadTokens: 6, reasoningTokens: 94 },
      },
    },
    { file: "bare-reply.json", reply: { model: "", text: "Hi", stopReason: "other", rawStopReason: "", usage: {} } },
  ])("is read from $file", ({ file, reply }) => {
    const body = JSON.parse(readFileSync(join(import.meta.dirname, "fixtures", file), "utf8"));
    const { stateValue: _, ...read } = readReply(body) ?? expect.fail();
    expect(read).toEqual({ ...plain, ...reply });
  });

  it.each([
    { name: "nothing", body: {} },
    { name: "no choices", body: { choices: [] } },
    { name: "choices that are none", body: { choices: "x" } },
    { name: "a choice without a message", body: { choices: [{ index: 0 }] } },
    { name: "a choice of null", body: { choices: [null] } },
  ])("is not read from $name", ({ body }) => expect(readReply(body)).toBeUndefined());

  it("counts only what is a count", () => {
    const usage = { prompt_tokens: -1, completion_tokens: "twelve", prompt_tokens_details: { cached_tokens: 1.5 } };
    expect(readReply({ choices: [{ message: {} }], usage })?.usage).toEqual({});
  });
});
