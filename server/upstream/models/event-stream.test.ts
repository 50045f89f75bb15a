import { describe, expect, it } from "vitest";
import { EventStreamSplitter } from "./event-stream.ts";

const split = (...pieces: string[]) => {
  const splitter = new EventStreamSplitter(100);
  const events = pieces.flatMap((piece) => splitter.push([Buffer.from(piece)]));
  return [...events, "|", ...splitter.flush()];
};

describe("an event stream", () => {
  it.each([
    { name: "events", pieces: ["data: a\n\ndata: b\n\n"], events: ["a", "b", "|"] },
    { name: "no space behind the colon", pieces: ["data:a\n\n"], events: ["a", "|"] },
    { name: "one space only", pieces: ["data:  a\n\n"], events: [" a", "|"] },
    { name: "CRLF", pieces: ["data: a\r\n\r\ndata: b\r\n\r\n"], events: ["a", "b", "|"] },
    { name: "CRLF cut in two", pieces: ["data: a\r", "\n\r", "\n"], events: ["a", "|"] },
    { name: "CR", pieces: ["data: a\r\rdata: b\r", "\rdata: c\r\r"], events: ["a", "b", "c", "|"] },
    { name: "CR, and an end without its empty line", pieces: ["data: a\r"], events: ["|", "a"] },
    { name: "several lines of data", pieces: ["data: a\ndata: b\n\n"], events: ["a\nb", "|"] },
    { name: "names, ids and comments", pieces: [": hi\nevent: x\nid: 1\nretry: 5\ndata: a\n\n"], events: ["a", "|"] },
    { name: "a line cut anywhere", pieces: ["da", "ta: ", "a", "\n", "\n"], events: ["a", "|"] },
    { name: "empty lines in plenty", pieces: ["\n\n\ndata: a\n\n\n\n"], events: ["a", "|"] },
    { name: "an end without its empty line", pieces: ["data: a\n\ndata: b\n"], events: ["a", "|", "b"] },
    { name: "an end without its line's end", pieces: ["data: a\n\ndata: b"], events: ["a", "|", "b"] },
    { name: "no data", pieces: ["event: ping\n\n: keep-alive\n\n"], events: ["|"] },
  ])("may have $name", ({ pieces, events }) => expect(split(...pieces)).toEqual(events));

  it("may be cut within a character", () => {
    const bytes = Buffer.from("data: 👋ü\n\n");
    const splitter = new EventStreamSplitter(100);
    const events = Array.from(bytes, (byte) => splitter.push([Buffer.of(byte)])).flat();
    expect(events).toEqual(["👋ü"]);
  });

  it("may come in many pieces at once", () => {
    const pieces = ["data: a\n", "\ndata", ": b\n\nda", "ta: c"].map((piece) => Buffer.from(piece));
    const splitter = new EventStreamSplitter(100);
    expect([...splitter.push(pieces), "|", ...splitter.flush()]).toEqual(["a", "b", "|", "c"]);
  });

  it.each([
    { name: "line", piece: "x".repeat(10) },
    { name: "event", piece: `data: ${"x".repeat(10)}\n` },
  ])("has an end to every $name", ({ piece }) => {
    const splitter = new EventStreamSplitter(100);
    const pushMuch = () => {
      for (let count = 0; count < 100; count += 1) splitter.push([Buffer.from(piece)]);
    };
    expect(pushMuch).toThrow("too long");
  });
});
