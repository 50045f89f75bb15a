import { describe, expect, it } from "vitest";
import type { ReplyEvent } from "./conversation.ts";
import { joinDeltas } from "./event-stream.ts";

const text = (value: string): ReplyEvent => ({ type: "text-delta", text: value });
const thought = (value: string): ReplyEvent => ({ type: "reasoning-delta", text: value });
const call = (index: number, argumentsDelta: string, named = {}): ReplyEvent => {
  return { type: "tool-call-delta", index, argumentsDelta, ...named };
};
const start: ReplyEvent = { type: "start", model: "m" };
const end: ReplyEvent = { type: "end", stopReason: "end", rawStopReason: "stop", usage: {} };

describe("joinDeltas", () => {
  it.each([
    {
      name: "makes one text of several",
      events: [start, text("a"), text("b"), text("c"), end],
      joined: [start, text("abc"), end],
    },
    {
      name: "keeps what is thought from what is said",
      events: [thought("a"), text("b")],
      joined: [thought("a"), text("b")],
    },
    {
      name: "keeps their order",
      events: [text("a"), thought("b"), text("c")],
      joined: [text("a"), thought("b"), text("c")],
    },
    {
      name: "adds to the arguments of one call, and begins the next",
      events: [
        call(0, "", { id: "x", name: "f" }),
        call(0, "{"),
        call(0, "}"),
        call(1, "", { id: "y", name: "g" }),
        call(1, "{}"),
      ],
      joined: [call(0, "{}", { id: "x", name: "f" }), call(1, "{}", { id: "y", name: "g" })],
    },
    {
      name: "never joins a call to another of the same number, as servers send that number all of them 0",
      events: [call(0, "{}", { id: "x", name: "f" }), call(0, "{}", { id: "y", name: "f" })],
      joined: [call(0, "{}", { id: "x", name: "f" }), call(0, "{}", { id: "y", name: "f" })],
    },
    {
      name: "never joins a call that has a name and no id to another",
      events: [call(0, "{}", { name: "f" }), call(0, "{}", { name: "f" })],
      joined: [call(0, "{}", { name: "f" }), call(0, "{}", { name: "f" })],
    },
    {
      name: "never joins a call that has an id and no name to another",
      events: [call(0, "{}", { id: "x" }), call(0, "{}", { id: "y" })],
      joined: [call(0, "{}", { id: "x" }), call(0, "{}", { id: "y" })],
    },
    {
      name: "never joins pieces of two calls that come by turns",
      events: [call(0, "{"), call(1, "["), call(0, "}")],
      joined: [call(0, "{"), call(1, "["), call(0, "}")],
    },
    { name: "leaves one alone", events: [text("a")], joined: [text("a")] },
  ])("$name", ({ events, joined }) => expect(joinDeltas(events)).toEqual(joined));
});
