import { describe, expect, it } from "vitest";
import { describeSyntax } from "./json-syntax.ts";

function told(text: string): string {
  try {
    JSON.parse(text);
  } catch (error) {
    return describeSyntax(Buffer.from(text), error).replace("the body is not JSON in UTF-8: ", "");
  }
  return "";
}

const ELSE = "something is there that JSON does not have at this place";
const VARIABLE = "between single quotes the shell fills in no variable; close them around it: '\"$NAME\"'";

describe("what is wrong with a text that is no JSON", () => {
  it.each([
    ['{"displayName": $NAME}', `${VARIABLE} (line 1, column 17)`],
    ['{"a": "x",\n "b": $NAME, "c": "0123456789012345678901234567890123456789"}', `${VARIABLE} (line 2, column 7)`],
    ["[1,]", "a comma stands before the closing ] (line 1, column 4)"],
    ['{\n "a": [1, 2],\n}', "a comma stands before the closing } (line 3, column 1)"],
    ['{"a":}', `${ELSE} (line 1, column 6)`],
    ['{"a": , "b": 1}', `${ELSE} (line 1, column 7)`],
    ['{"a" 1}', `${ELSE} (line 1, column 6)`],
    ['{"a":1}}', `${ELSE} (line 1, column 8)`],
    ['{"a": tru}', `${ELSE} (line 1, column 7)`],
    ["undefined", `${ELSE} (line 1, column 1)`],
    ['{"a": 1 // why\n}', "JSON has no comments (line 1, column 9)"],
    ["{'a': 1}", 'names and texts stand in double quotes (") (line 1, column 2)'],
    ["{“a”: 1}", 'names and texts stand in double quotes (") (line 1, column 2)'],
    ["@llm.json", "to send a file with curl, give its name behind -d: -d @file.json (line 1, column 1)"],
    ['{"a":1', "it ends too early; is a quote or a bracket missing?"],
    ['{"a":"x', "it ends too early; is a quote or a bracket missing?"],
    [`["${"x".repeat(100_000)}", $]`, ELSE],
  ])("%.40s", (text, expected) => expect(told(text)).toBe(expected));

  it("is told of bytes that are no text", () => {
    expect(describeSyntax(Buffer.from([0x22, 0xff, 0x22]), undefined)).toContain("bytes that are no UTF-8");
  });
});
