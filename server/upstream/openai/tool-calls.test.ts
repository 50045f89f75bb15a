import { describe, expect, it } from "vitest";
import type { ReplyEvent } from "../models/conversation.ts";
import { ToolCalls } from "./tool-calls.ts";

/** The calls that pieces make, each piece as [index, id, name, arguments]; `-` leaves one out. */
function callsOf(pieces: readonly (readonly [unknown, string, string, unknown])[]) {
  const calls = new ToolCalls();
  const events: ReplyEvent[] = [];
  for (const [index, id, name, args] of pieces) {
    const called = { ...(name === "-" ? {} : { name }), ...(args === "-" ? {} : { arguments: args }) };
    calls.read({ ...(index === "-" ? {} : { index }), ...(id === "-" ? {} : { id }), function: called }, events);
  }
  calls.finish(events, "tool_calls");
  const whole: { id: string; name: string; arguments: string }[] = [];
  for (const event of events) {
    if (event.type !== "tool-call-delta") continue;
    if (event.id !== undefined) whole[event.index] = { id: event.id, name: event.name ?? "", arguments: "" };
    (whole[event.index] ?? expect.fail("a piece came before its call's name")).arguments += event.argumentsDelta;
  }
  expect(new Set(whole.map(({ id }) => id)).size).toBe(whole.length);
  expect(whole.every(({ id }) => id !== "")).toBe(true);
  return whole.map(({ name, arguments: text }) => `${name}${text}`);
}

describe("calls of tools out of pieces", () => {
  it.each<{ says: string; pieces: [unknown, string, string, unknown][]; calls: string[] }>([
    { says: "one whole", pieces: [[0, "a", "f", '{"x":1}']], calls: ['f{"x":1}'] },
    {
      says: "written as a text once more, cut at an escape",
      pieces: [
        [0, "a", "f", '"{\\"x\\":\\"'],
        [0, "-", "-", '1\\"}"'],
      ],
      calls: ['f{"x":"1"}'],
    },
    {
      says: "a text that holds no object, and one that was cut",
      pieces: [
        [0, "a", "f", '"hello"'],
        [1, "b", "g", '"{\\"x'],
      ],
      calls: ['f"hello"', 'g"{\\"x'],
    },
    {
      says: "in pieces",
      pieces: [
        [0, "a", "f", '{"x'],
        [0, "-", "-", '":1}'],
      ],
      calls: ['f{"x":1}'],
    },
    {
      says: "cut in a text with a brace",
      pieces: [
        [0, "a", "f", '{"x":"}'],
        [0, "-", "-", '{"}'],
      ],
      calls: ['f{"x":"}{"}'],
    },
    {
      says: "cut behind a backslash",
      pieces: [
        [0, "a", "f", '{"x":"\\'],
        [0, "-", "-", '"}"}'],
      ],
      calls: ['f{"x":"\\"}"}'],
    },
    {
      says: "a name in pieces",
      pieces: [
        [0, "a", "get_", "-"],
        [0, "-", "wea", "-"],
        [0, "-", "ther", '{"x":'],
        [0, "-", "-", "1}"],
      ],
      calls: ['get_weather{"x":1}'],
    },
    {
      says: "a name in pieces, and nothing more",
      pieces: [
        [0, "a", "get_", null],
        [0, "-", "time", null],
      ],
      calls: ["get_time{}"],
    },
    {
      says: "names alone, each with an id, or told twice",
      pieces: [
        [0, "a", "f", "-"],
        [0, "-", "f", "-"],
        [0, "b", "g", "-"],
      ],
      calls: ["f{}", "g{}"],
    },
    {
      says: "another name after arguments that are empty",
      pieces: [
        [0, "-", "f", ""],
        [0, "-", "g", ""],
      ],
      calls: ["f{}", "g{}"],
    },
    {
      says: "an empty object as a text, and then the arguments",
      pieces: [
        [0, "a", "f", "{}"],
        [0, "-", "-", ""],
        [0, "-", "-", '{"x":'],
        [0, "-", "-", "1}"],
      ],
      calls: ['f{"x":1}'],
    },
    {
      says: "empty objects of one id, by two indices",
      pieces: [
        [0, "a", "f", "{}"],
        [1, "a", "f", "{}"],
      ],
      calls: ["f{}", "f{}"],
    },
    {
      says: "arguments before the id and the name",
      pieces: [
        [0, "-", "-", '{"x'],
        [0, "a", "f", '":1}'],
      ],
      calls: ['f{"x":1}'],
    },
    {
      says: "nothing, written as a name",
      pieces: [
        [0, "a", "f", '{"x'],
        [0, "", "null", '":1}'],
        [1, "b", "None", ""],
        [1, "b", "g", "{}"],
      ],
      calls: ['f{"x":1}', "g{}"],
    },
    {
      says: "one, with an id of its own for each piece",
      pieces: [
        [0, "a", "f", '{"x'],
        [0, "b", "-", '":1}'],
      ],
      calls: ['f{"x":1}'],
    },
    {
      says: "two of index 0, each with its id before its name",
      pieces: [
        [0, "a", "-", "-"],
        [0, "-", "f", '{"x":1}'],
        [0, "b", "-", "-"],
        [0, "-", "g", "{}"],
      ],
      calls: ['f{"x":1}', "g{}"],
    },
    {
      says: "a brace, and then the whole",
      pieces: [
        [0, "a", "f", "{"],
        [0, "-", "-", '{"x":{"y":1}}'],
      ],
      calls: ['f{"x":{"y":1}}'],
    },
    {
      says: "two of index 0 without ids",
      pieces: [
        [0, "-", "f", "{}"],
        [0, "-", "f", '{"x":1}'],
      ],
      calls: ["f{}", 'f{"x":1}'],
    },
    {
      says: "two that are the same",
      pieces: [
        [0, "-", "f", '{"x":1}'],
        [0, "-", "f", '{"x":1}'],
      ],
      calls: ['f{"x":1}', 'f{"x":1}'],
    },
    { says: "two in one text", pieces: [[0, "a", "f", '{"x":1}{"x":2}']], calls: ['f{"x":1}', 'f{"x":2}'] },
    {
      says: "two in one text, with a line between",
      pieces: [[0, "a", "f", '{"x":1}\n{"x":2}']],
      calls: ['f{"x":1}', 'f{"x":2}'],
    },
    {
      says: "three of one id, by their indexes",
      pieces: [
        [0, "a", "f", "{}"],
        [1, "a", "g", "{}"],
        [2, "a", "g", "{}"],
      ],
      calls: ["f{}", "g{}", "g{}"],
    },
    {
      says: "by ids, all of one index",
      pieces: [
        [0, "a", "f", '{"x"'],
        [0, "a", "-", ":1}"],
        [0, "b", "f", "{}"],
      ],
      calls: ['f{"x":1}', "f{}"],
    },
    {
      says: "in turns, by their indexes",
      pieces: [
        [0, "a", "f", '{"x"'],
        [1, "b", "g", '{"y"'],
        [0, "-", "-", ":1}"],
        [1, "-", "-", ":2}"],
      ],
      calls: ['f{"x":1}', 'g{"y":2}'],
    },
    {
      says: "a name behind the id",
      pieces: [
        [0, "a", "-", "-"],
        [0, "-", "f", ""],
        [0, "-", "-", "{}"],
      ],
      calls: ["f{}"],
    },
    {
      says: "a name behind the arguments",
      pieces: [
        [0, "a", "-", '{"x":1}'],
        [0, "a", "f", ""],
      ],
      calls: ['f{"x":1}'],
    },
    {
      says: "an id behind the name",
      pieces: [
        [0, "-", "f", ""],
        [0, "a", "-", "{}"],
      ],
      calls: ["f{}"],
    },
    {
      says: "told once more at the end",
      pieces: [
        [0, "a", "f", '{"x":1}'],
        [0, "a", "f", '{"x":1}'],
      ],
      calls: ['f{"x":1}'],
    },
    { says: "an object in place of a text", pieces: [[0, "a", "f", { x: 1 }]], calls: ['f{"x":1}'] },
    {
      says: "an empty object before the text",
      pieces: [
        [0, "a", "f", {}],
        [0, "-", "-", '{"x":1}'],
      ],
      calls: ['f{"x":1}'],
    },
    { says: "an empty object and no more", pieces: [[0, "a", "f", {}]], calls: ["f{}"] },
    {
      says: "null before the text",
      pieces: [
        [0, "a", "f", null],
        [0, "-", "-", "{}"],
      ],
      calls: ["f{}"],
    },
    { says: "a mark behind the object", pieces: [[0, "a", "f", "{}</tool_call>"]], calls: ["f{}"] },
    { says: "a brace too many", pieces: [[0, "a", "f", '{"x":{}}}']], calls: ['f{"x":{}}'] },
    {
      says: "no index and no ids",
      pieces: [
        ["-", "-", "f", "{}"],
        ["-", "-", "g", "{}"],
      ],
      calls: ["f{}", "g{}"],
    },
    { says: "what is no object", pieces: [[0, "a", "f", "[1]"]], calls: ["f[1]"] },
    { says: "a cut", pieces: [[0, "a", "f", '{"x":']], calls: ['f{"x":'] },
    { says: "no name at all", pieces: [[0, "a", "-", "{}"]], calls: [] },
  ])("tell $says", ({ pieces, calls }) => expect(callsOf(pieces)).toEqual(calls));

  it("keep what stands beside a call, by its id", () => {
    const calls = new ToolCalls();
    const signed = { extra_content: { google: { thought_signature: "s" } } };
    calls.read({ index: 0, id: "a", type: "function", function: { name: "f", arguments: "{}" }, ...signed }, []);
    expect([...calls.states]).toEqual([["a", signed]]);
  });
});
