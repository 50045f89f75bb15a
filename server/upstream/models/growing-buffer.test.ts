import { expect, it } from "vitest";
import { GrowingBuffer } from "./event-stream.ts";

it("collects bytes and gives them as text, again and again", () => {
  const buffer = new GrowingBuffer();
  for (const byte of Buffer.from("Grüße 👋")) buffer.append(Buffer.of(byte));
  expect([buffer.length, buffer.takeText(), buffer.length, buffer.takeText()]).toEqual([12, "Grüße 👋", 0, ""]);
  buffer.append(Buffer.from("more"));
  expect(buffer.takeText()).toBe("more");
});
