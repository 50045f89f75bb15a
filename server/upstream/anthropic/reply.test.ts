import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readReply } from "./reply.ts";

describe("a message", () => {
  it("is read from reply.json", () => {
    const body = JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/reply.json"), "utf8"));
    expect(readReply(body)).toEqual({
      model: "claude-sonnet-4-20250514",
      text: "I'll check the weather.",
      reasoning: "They want the weather.",
      toolCalls: [{ id: "toolu_01T1x1fJ34qAmk2tNTrN7Up6", name: "get_weather", arguments: '{"location":"Rome"}' }],
      stopReason: "tool-calls",
      rawStopReason: "tool_use",
      usage: { inputTokens: 1209, outputTokens: 93, cacheReadTokens: 1000, cacheWriteTokens: 188 },
      stateValue: {
        blocks: [
          { opaque: body.content[0] },
          { opaque: body.content[1] },
          { text: "I'll check the weather.".length },
          { call: true },
        ],
        digest: expect.any(String),
      },
    });
  });

  it.each([
    { raw: "end_turn", stopReason: "end" },
    { raw: "max_tokens", stopReason: "max-tokens" },
    { raw: "model_context_window_exceeded", stopReason: "max-tokens" },
    { raw: "stop_sequence", stopReason: "stop-sequence" },
    { raw: "refusal", stopReason: "content-filter" },
    { raw: "pause_turn", stopReason: "other" },
    { raw: "toString", stopReason: "other" },
  ])("that ends by $raw ends by $stopReason", ({ raw, stopReason }) => {
    const reply = readReply({ type: "message", content: [], stop_reason: raw });
    expect(reply).toMatchObject({ stopReason, rawStopReason: raw, usage: {} });
  });

  it("may be nested without end", () => {
    const input = JSON.parse(`${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}`);
    const reply = readReply({ type: "message", content: [{ type: "tool_use", id: "a", name: "f", input }] });
    expect(reply?.toolCalls).toEqual([{ id: "a", name: "f", arguments: "" }]);
  });

  it.each([{}, { type: "error" }, { choices: [{ message: { content: "Hi" } }] }])("is not read from %j", (body) => {
    expect(readReply(body)).toBeUndefined();
  });
});
