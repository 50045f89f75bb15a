import { describe, expect, it } from "vitest";
import { testMessage } from "../../test/wire/rest-service.ts";
import { maskOf } from "./read-request.ts";

describe("maskOf", () => {
  it.each([
    ["nothing", {}, []],
    ["fields by their proto names, sorted", { text: "a", isSet: true, count: null }, ["count", "is_set", "text"]],
    ["fields of messages", { nested: { text: "a", deeper: { count: 1 } } }, ["nested.deeper.count", "nested.text"]],
    ["an empty message as a whole", { nested: {} }, ["nested"]],
    ["a null message as a whole", { nested: null }, ["nested"]],
    ["lists as a whole", { items: [{ text: "a" }], texts: ["b"] }, ["items", "texts"]],
    ["maps as a whole", { labels: { a: "b" } }, ["labels"]],
    ["JSON forms as a whole", { struct: { a: 1 }, value: { b: 2 }, any: { "@type": "x" } }, ["any", "struct", "value"]],
  ])("names %s", (_, json, paths) => expect(maskOf(testMessage("Everything"), json)).toEqual(paths));

  it.each([
    ["an unknown key", { nested: { txet: 1 } }, "unknown field `nested.txet`, did you mean `text`?"],
    ["an object for a scalar", { text: { a: 1 } }, "text: has no fields"],
    ["an object for an enum", { color: { a: 1 } }, "color: has no fields"],
  ])("refuses %s", (_, json, message) => {
    expect(() => maskOf(testMessage("Everything"), json)).toThrow(expect.objectContaining({ rawMessage: message }));
  });
});
