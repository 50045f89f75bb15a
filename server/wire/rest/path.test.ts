import { describe, expect, it } from "vitest";
import { parsePathTemplate } from "./path.ts";

describe("parsePathTemplate", () => {
  it.each([
    ["/v1/llms", ["v1", "llms"], "", []],
    ["/v1/llms:test", ["v1", "llms"], "test", []],
    ["/v1/{id}:a:b", ["v1", "*"], "a:b", [{ fieldPath: "id", start: 1, end: 2 }]],
    [
      "/v1/{book.name=shelves/*}/pages",
      ["v1", "shelves", "*", "pages"],
      "",
      [{ fieldPath: "book.name", start: 1, end: 3 }],
    ],
    ["/{path=files/**}:get", ["files", "**"], "get", [{ fieldPath: "path", start: 0, end: -1 }]],
    ["/a%2fb/@me/~x/*", ["a%2Fb", "@me", "~x", "*"], "", []],
  ])("parses %s", (source, segments, verb, variables) => {
    expect(parsePathTemplate(source)).toEqual({ source, segments, verb, variables });
  });

  it.each([
    ["", 1, "expected `/`"],
    ["v1", 1, "expected `/`"],
    ["/", 2, "expected a segment"],
    ["/v1/", 5, "expected a segment"],
    ["/v1//x", 5, "expected a segment"],
    ["/v1:", 5, "expected a verb"],
    ["/v1:a/b", 6, "unexpected `/`"],
    ["/v1:a:", 7, "expected a verb"],
    ["/a?b", 3, "unexpected `?`"],
    ["/a*", 3, "unexpected `*`"],
    ["/***", 4, "unexpected `*`"],
    ["/**/a", 5, "`**` must be the last segment"],
    ["/{a=**}/b", 9, "`**` must be the last segment"],
    ["/{a={b}}", 5, "a variable cannot hold another variable"],
    ["/{a}/{a}", 6, "the variable a appears twice"],
    ["/{1}", 3, "expected the name of a field"],
    ["/{a.}", 5, "expected the name of a field"],
    ["/{a-b}", 4, "expected `}`"],
    ["/{a", 4, "expected `}`"],
    ["/{a=", 5, "expected a segment"],
    ["/{a}b", 5, "unexpected `b`"],
    ["/a%2", 3, "expected two hexadecimal digits after `%`"],
    ["/a%zz", 3, "expected two hexadecimal digits after `%`"],
  ])("refuses %j at column %i: %s", (template, column, problem) => {
    expect(() => parsePathTemplate(template)).toThrow(
      expect.objectContaining({
        name: "TemplateError",
        column,
        message: `path template ${JSON.stringify(template)}, column ${column}: ${problem}`,
      }),
    );
  });
});
