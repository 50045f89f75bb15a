import { expect, it } from "vitest";
import { onOneLine } from "./one-line.ts";

it("JSON on one line says the same, and has no end of a line that anybody knows", () => {
  const value = { text: "a\u2028b\u2029c\u0085d\ne", é: "ü" };
  const line = onOneLine(JSON.stringify(value));
  expect(line).not.toMatch(/[\u0085\u2028\u2029\n]/);
  expect(line).toContain("ü");
  expect(JSON.parse(line)).toEqual(value);
});
