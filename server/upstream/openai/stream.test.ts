import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ReplyEvent } from "../models/conversation.ts";
import { MALFORMED } from "../models/error-words.ts";
import { EventStreamSplitter } from "../models/event-stream.ts";
import type { Target } from "../models/provider-types.ts";
import { apiFailure } from "../verdicts/refusal.ts";
import { openStream } from "./stream.ts";

const target: Target = {
  ownerId: "owner",
  providerType: "LITELLM_PROXY",
  endpointUrl: "https://api.example.com/v1",
  apiPath: "/chat/completions",
  model: "m",
  apiKey: undefined,
};

function readFixture(file: string) {
  const body = readFileSync(join(import.meta.dirname, "fixtures", file));
  return readAll(new EventStreamSplitter(100_000).push([body]));
}

/** All events of a stream, with the error that ended it, or with its end. */
function readAll(data: readonly string[]) {
  const reader = openStream();
  const events: ReplyEvent[] = [];
  const error = data.map((item) => reader.read(item, events)).find((found) => found !== undefined);
  return { events, error, end: reader.end(), isComplete: reader.isComplete };
}

const text = (text: string) => ({ type: "text-delta", text });
const reasoning = (text: string) => ({ type: "reasoning-delta", text });
const start = (model: string) => ({ type: "start", model });
const call = (index: number, id: string, name: string, argumentsDelta: string) => {
  return { type: "tool-call-delta", index, id, name, argumentsDelta };
};
/** An id that we gave, since the server gave none. */
const invented = expect.stringMatching(/^call_[0-9a-f]{24}$/);
const more = (index: number, argumentsDelta: string) => ({ type: "tool-call-delta", index, argumentsDelta });
const end = (stopReason: string, rawStopReason: string, usage = {}) => {
  return { type: "end", stopReason, rawStopReason, usage };
};

describe("a streamed chat completion", () => {
  it.each([
    {
      file: "openai-stream.sse",
      events: [start("gpt-4o-mini"), text("Grüße"), text(" 👋")],
      end: end("end", "stop", { inputTokens: 9, outputTokens: 12, cacheReadTokens: 0, reasoningTokens: 0 }),
    },
    {
      file: "openai-parallel-tools.sse",
      events: [
        start("gpt-4o"),
        call(0, "call_A", "weather", ""),
        more(0, '{"city":'),
        more(0, '"Rome"}'),
        call(1, "call_B", "time", ""),
        more(1, "{}"),
      ],
      end: end("tool-calls", "tool_calls"),
    },
    {
      file: "azure-stream.sse",
      events: [start("gpt-4o-2024-11-20"), text("Hi")],
      end: end("content-filter", "content_filter"),
    },
    {
      file: "openrouter-stream.sse",
      events: [start("deepseek/deepseek-r1"), reasoning("They greet"), text("Hello")],
      end: end("end", "stop", {
        inputTokens: 6,
        outputTokens: 40,
        cacheReadTokens: 2,
        cacheWriteTokens: 4,
        reasoningTokens: 31,
      }),
    },
    {
      file: "vllm-stream.sse",
      events: [start("Qwen/Qwen3-8B"), reasoning("Hm."), text("One, two")],
      end: end("stop-sequence", "stop", { inputTokens: 20, outputTokens: 12 }),
    },
    {
      file: "ollama-tool-stream.sse",
      events: [start("llama3.2"), call(0, invented, "weather", '{"city":"Rome"}')],
      end: end("tool-calls", "stop"),
    },
    {
      file: "llama-cpp-stream.sse",
      events: [start("gpt-3.5-turbo"), text("Hi")],
      end: end("max-tokens", "length", { inputTokens: 11, outputTokens: 1 }),
    },
    {
      file: "dashscope-stream.sse",
      events: [start("qwen-plus"), reasoning("好"), text("你好")],
      end: end("end", "stop", { inputTokens: 22, outputTokens: 37, cacheReadTokens: 0, reasoningTokens: 30 }),
    },
    {
      file: "one-index-for-all-stream.sse",
      events: [
        start("gemini-2.0-flash"),
        call(0, "call_1", "weather", '{"city":"Rome"}'),
        call(1, "call_2", "time", ""),
        more(1, "{}"),
      ],
      end: end("tool-calls", "tool_calls"),
    },
    {
      file: "no-index-repeated-id-stream.sse",
      events: [
        start("m"),
        call(0, "call_1", "weather", '{"city":'),
        more(0, '"Rome"}'),
        call(1, invented, "time", '{"zone":"UTC"}'),
      ],
      end: end("tool-calls", "tool_calls"),
    },
  ])("is read from $file", ({ file, events, end }) => {
    expect(readFixture(file)).toMatchObject({ events, end, error: undefined });
  });

  it.each([
    { file: "openrouter-error-mid-stream.sse", kind: "rate-limited" },
    { file: "litellm-error-mid-stream.sse", kind: "unavailable" },
  ])("ends with the error in $file", ({ file, kind }) => {
    const { error, events } = readFixture(file);
    expect(events).toContainEqual(text("Hel"));
    expect(error && apiFailure(target, error, { status: 200, headers: {} }).kind).toBe(kind);
  });

  const word = '{"model":"m","choices":[{"index":0,"delta":{"content":"Hi"}}]}';
  const stop = '{"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}';
  it.each([
    { name: "has no end without a sign of it", data: [word], end: undefined, isComplete: false },
    { name: "has an end by its reason alone", data: [word, stop], end: end("end", "stop"), isComplete: false },
    { name: "has an end by the last marker alone", data: [word, "[DONE]"], end: end("other", ""), isComplete: true },
    { name: "has such a marker with spaces around", data: [word, " [DONE] "], end: end("other", ""), isComplete: true },
    { name: "has no end before its beginning", data: ["[DONE]"], end: undefined, isComplete: false },
  ])("$name", ({ data, end, isComplete }) => expect(readAll(data)).toMatchObject({ end, isComplete }));

  it("takes a piece of a call without index or id for one of the last call", () => {
    const piece = (call: object) => JSON.stringify({ choices: [{ delta: { tool_calls: [call] } }] });
    const first = piece({ index: 0, id: "a", function: { name: "f", arguments: "{" } });
    expect(readAll([first, piece({ function: { arguments: "}" } })]).events).toEqual([
      start(""),
      call(0, "a", "f", "{"),
      more(0, "}"),
    ]);
  });

  it("costs no more for the last of many calls than for the first", () => {
    const calls = Array.from({ length: 100_000 }, (_, index) => ({
      id: `id_${index}`,
      function: { name: "f", arguments: "" },
    }));
    const startedAt = performance.now();
    const { events } = readAll([JSON.stringify({ choices: [{ delta: { tool_calls: calls } }] })]);
    expect(events).toHaveLength(100_001);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });

  it.each(["{", "null", "[1]", "[DONE]"])("does not begin with %s", (data) => {
    expect(readAll([data]).error).toBe(MALFORMED);
  });
});
