import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ReplyEvent } from "../models/conversation.ts";
import type { ErrorWords } from "../models/error-words.ts";
import { APIS } from "./apis.ts";
import { StreamWatch } from "./stream-watch.ts";

const chunk = (rest: object) => `data: ${JSON.stringify({ id: "c", model: "m", ...rest })}\n\n`;
const says = (content: string, more = {}) =>
  chunk({ choices: [{ index: 0, delta: { content }, finish_reason: null }], ...more });
const USAGE = { prompt_tokens: 5, completion_tokens: 3 };
const end = chunk({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
const counted = chunk({ choices: [], usage: USAGE });

function openWatch(hidesUsage = false, onEvents: (events: readonly ReplyEvent[]) => void = () => {}) {
  const options = { providerType: "OPENAI", hidesUsage, maxEventBytes: 10_000, onEvents } as const;
  return new StreamWatch({ api: APIS["chat-completions"], ...options });
}

/** Watches a stream that comes in these pieces, so many of them at once. */
function watched(pieces: readonly Buffer[], hidesUsage = false, together = 1) {
  const heard: ReplyEvent[] = [];
  const watch = openWatch(hidesUsage, (events) => heard.push(...events));
  const out: Buffer[] = [];
  let error: ErrorWords | undefined;
  for (let at = 0; at < pieces.length && error === undefined; at += together) {
    error = watch.push(pieces.slice(at, at + together), out);
  }
  if (!watch.isComplete && error === undefined) error = watch.flush(out);
  return { watch, error, heard, text: Buffer.concat(out).toString() };
}

const cut = (text: string, at: readonly number[]): Buffer[] => {
  const bytes = Buffer.from(text);
  const places = [...new Set(at.map((one) => one % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((place, index) => bytes.subarray(places[index - 1] ?? 0, place));
};

describe("a stream that is watched", () => {
  it("is handed on byte by byte but for its last event, however it is cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string(), { maxLength: 20 }),
        fc.array(fc.nat()),
        fc.integer({ min: 1 }),
        fc.constantFrom("\n", "\r\n", "\r"),
        (words, at, together, eol) => {
          const events = `: hello\n\n${says("é😀")}${words.map((word) => says(word)).join("")}${end}${counted}`;
          const [body, done] = [events, "data: [DONE]\n\n"].map((text) => text.replaceAll("\n", eol));
          const { watch, text, error } = watched(cut(`${body}${done}`, at), false, together);
          expect([error, text, watch.last.toString()]).toEqual([undefined, body, done]);
          expect(watch.usage).toMatchObject({ inputTokens: 5, outputTokens: 3 });
        },
      ),
    );
  });

  it("hides the usage that only we asked for, and says nothing of it in other chunks", () => {
    const text = `${says("a", { usage: null })}${says("b", { usage: null })}${end}${counted}data: [DONE]\n\n`;
    const { text: shown, watch } = watched([Buffer.from(text)], true);
    expect(shown).toBe(`${says("a")}${says("b")}${end}`);
    expect(watch.usage.outputTokens).toBe(3);
  });

  it.each(["\n", "\r\n", "\r"])(
    "hands on what comes together in few pieces, up to what tells of the end (lines end with %j)",
    (eol) => {
      const [a, b, c, d, last, usage, done] = [
        says("a"),
        says("b"),
        says("c"),
        says("d"),
        end,
        counted,
        "data: [DONE]\n\n",
      ].map((event) => event.replaceAll("\n", eol));
      const pieces = [a, b, c, d, last, usage, done] as string[];
      const out: Buffer[] = [];
      openWatch().push(
        pieces.map((piece) => Buffer.from(piece)),
        out,
      );
      expect(out.map(String)).toEqual([a, `${b}${c}${d}`, last, usage]);
    },
  );

  it("takes what a model says for what it says", () => {
    const words = '"usage":{"prompt_tokens":9} [DONE] "error" data: [DONE]\n\n';
    const { text, watch, error } = watched([Buffer.from(`${says(words)}${end}${counted}data: [DONE]\n\n`)]);
    expect([error, watch.usage.inputTokens]).toEqual([undefined, 5]);
    expect(text).toBe(`${says(words)}${end}${counted}`);
  });

  it("keeps an error of the endpoint's to itself", () => {
    const error = `data: {"error":{"message":"secret words","code":429}}\n\n`;
    const { text, error: found } = watched([Buffer.from(says("a") + error)]);
    expect(text).toBe(says("a"));
    expect(found).toBeDefined();
  });

  it.each(["abort", "network_error", "insufficient_system_resource", "error"])(
    "has failed if its end is %s",
    (reason) => {
      const failed = chunk({ choices: [{ index: 0, delta: {}, finish_reason: reason }] });
      const { text, watch, error } = watched([says("a"), failed].map((text) => Buffer.from(text)));
      expect([text, watch.isComplete]).toEqual([says("a"), false]);
      expect(error).toBeDefined();
    },
  );

  it("is whole without [DONE] if a reply has ended, and cut if none has", () => {
    expect(watched([Buffer.from(says("a") + end)]).watch.isComplete).toBe(true);
    expect(watched([Buffer.from(says("a"))]).watch.isComplete).toBe(false);
    expect(watched([Buffer.from(`${says("a")}data: {"cho`)]).watch.isComplete).toBe(false);
  });

  it.each(["data:[DONE]", "data: [DONE] ", "data:  [DONE]\t"])("is whole at %j, and hands it on as it is", (last) => {
    const { watch, error } = watched([Buffer.from(`${says("a")}${end}${last}\n\n`)]);
    expect([error, watch.isComplete, watch.last.toString()]).toEqual([undefined, true, `${last}\n\n`]);
  });

  it("tells what was said when it has to be estimated", () => {
    const { watch, heard } = watched([Buffer.from(`${says("one")}${says("two")}${says("three")}`)]);
    expect(watch.partialUsage).toEqual({});
    expect(heard.flatMap((event) => (event.type === "text-delta" ? event.text : [])).join("")).toBe("onetwothree");
  });

  it("has no event without end", () => {
    expect(() => watched([Buffer.from(`data: ${"x".repeat(20_000)}`)])).toThrow(/too long/);
  });
});
