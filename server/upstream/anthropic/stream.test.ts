import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ReplyEvent } from "../models/conversation.ts";
import { EventStreamSplitter } from "../models/event-stream.ts";
import { openStream } from "./stream.ts";

function readAll(data: readonly string[]) {
  const reader = openStream();
  const events: ReplyEvent[] = [];
  const error = data.map((item) => reader.read(item, events)).find((found) => found !== undefined);
  return { events, error, end: reader.end() };
}

function readFixture(file: string) {
  const body = readFileSync(join(import.meta.dirname, "fixtures", file));
  return readAll(new EventStreamSplitter(100_000).push([body]));
}

describe("a streamed message", () => {
  it("is read from stream.sse", () => {
    const { events, end } = readFixture("stream.sse");
    expect(events).toEqual([
      { type: "start", model: "claude-opus-4-1-20250805" },
      { type: "text-delta", text: "Hello" },
      { type: "text-delta", text: "!" },
    ]);
    expect(end).toEqual({
      type: "end",
      stopReason: "end",
      rawStopReason: "end_turn",
      usage: { inputTokens: 40, outputTokens: 15, cacheReadTokens: 5, cacheWriteTokens: 10 },
    });
  });

  it("is read from tools-and-thinking.sse", () => {
    const { events, end } = readFixture("tools-and-thinking.sse");
    expect(events).toEqual([
      { type: "start", model: "claude-sonnet-4-20250514" },
      { type: "reasoning-delta", text: "Two tools." },
      { type: "tool-call-delta", index: 0, id: "toolu_A", name: "get_weather", argumentsDelta: "" },
      { type: "tool-call-delta", index: 0, argumentsDelta: '{"location":' },
      { type: "tool-call-delta", index: 0, argumentsDelta: ' "Rome"}' },
      { type: "tool-call-delta", index: 1, id: "toolu_B", name: "get_time", argumentsDelta: "" },
      { type: "tool-call-delta", index: 1, argumentsDelta: "{}" },
    ]);
    expect(end).toMatchObject({ stopReason: "tool-calls", usage: { inputTokens: 472, outputTokens: 89 } });
  });

  it("has the arguments that came with the beginning of a call, and an id for each", () => {
    const block = (index: number, input: object) => [
      JSON.stringify({
        type: "content_block_start",
        index,
        content_block: { type: "tool_use", id: "a", name: "f", input },
      }),
      JSON.stringify({ type: "content_block_stop", index }),
    ];
    const start = JSON.stringify({ type: "message_start", message: {} });
    const { events } = readAll([start, ...block(0, { x: 1 }), ...block(1, {})]);
    const calls = events.filter((event) => event.type === "tool-call-delta");
    expect(calls.map(({ argumentsDelta }) => argumentsDelta)).toEqual(["", '{"x":1}', "", "{}"]);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(3);
  });

  it("ends with the error in error-mid-stream.sse", () => {
    const { events, error, end } = readFixture("error-mid-stream.sse");
    expect(events).toContainEqual({ type: "text-delta", text: "Hel" });
    expect(error?.codes).toEqual(["overloaded_error"]);
    expect(end).toBeUndefined();
  });

  it.each([
    { name: "nothing", data: [] },
    { name: "its first event alone", data: ['{"type":"message_start","message":{}}'] },
    { name: "its last event alone", data: ['{"type":"message_stop"}'] },
  ])("has no end after $name", ({ data }) => expect(readAll(data).end).toBeUndefined());

  it("passes over events that it does not know", () => {
    expect(readAll(['{"type":"ping"}', '{"type":"something_new","delta":{"text":"x"}}'])).toMatchObject({ events: [] });
  });
});
