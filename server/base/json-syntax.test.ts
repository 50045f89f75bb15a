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
const WORDS = 'texts stand in double quotes ("), and of words JSON has true, false and null';
const VARIABLE = "between single quotes the shell fills in no variable; close them around it: '\"$NAME\"'";

describe("what is wrong with a text that is no JSON", () => {
  it.each([
    ['{"displayName": $NAME}', `${VARIABLE} (line 1, column 17)`],
    ['{"a": "x",\n "b": $NAME, "c": "0123456789012345678901234567890123456789"}', `${VARIABLE} (line 2, column 7)`],
    ["[1,]", "a comma stands before the closing ] (line 1, column 4)"],
    ['{\n "a": [1, 2],\n}', "a comma stands before the closing } (line 3, column 1)"],
    ['{"a":}', `${ELSE} (line 1, column 6)`],
    ['{"a": , "b": 1}', `${ELSE} (line 1, column 7)`],
    ['{"a" 1}', "a colon (:) is missing behind a name (line 1, column 6)"],
    ['{"a" = 1}', "a colon (:) is missing behind a name (line 1, column 6)"],
    ['{"a", "b"}', "a colon (:) is missing behind a name (line 1, column 5)"],
    ['{"a":1}}', "the JSON has ended before it: one object is taken (line 1, column 8)"],
    ['{"a":1}\n{"a":2}', "the JSON has ended before it: one object is taken (line 2, column 1)"],
    ['{"a": tru}', `${WORDS} (line 1, column 7)`],
    ['{"a": b64}', `${WORDS} (line 1, column 7)`],
    ["undefined", "a program wrote undefined, for which JSON has null, or nothing (line 1, column 1)"],
    ['{"a": 1 // why\n}', "JSON has no comments (line 1, column 9)"],
    ['{"a": 1 /* why */}', "JSON has no comments (line 1, column 9)"],
    ["{'a': 1}", 'names and texts stand in double quotes (") (line 1, column 2)'],
    ["{“a”: 1}", 'names and texts stand in double quotes (") (line 1, column 2)'],
    ['{"a": `x`}', 'names and texts stand in double quotes (") (line 1, column 7)'],
    ["'{a: 1}'", expect.stringContaining("in cmd.exe, put double quotes around it")],
    ["@llm.json", "to send a file with curl, give its name behind -d: -d @file.json (line 1, column 1)"],
    ['{"a": 1 "b": 2}', "a comma is missing before it (line 1, column 9)"],
    ['{"a": 1\n "b": 2}', "a comma is missing before it (line 2, column 2)"],
    ['["a" "b"]', "a comma is missing before it (line 1, column 6)"],
    ["[1,,2]", "a comma stands where a value is missing (line 1, column 4)"],
    ['{,"a": 1}', "a comma stands where a value is missing (line 1, column 2)"],
    ['{"a": 1; "b": 2}', "a comma belongs there, and no semicolon (line 1, column 8)"],
    ['{"a": [1}', "this bracket closes another one than was opened last (line 1, column 9)"],
    ['{"a": "it"s"}', expect.stringContaining('or a double quote stands inside a text, where it is written \\"')],
    ["{a: 1}", expect.stringContaining('names stand in double quotes (")')],
    ['{"a": 1, b: 2}', expect.stringContaining('names stand in double quotes (")')],
    ['{"a": True}', "Python's True, False and None are true, false and null in JSON (line 1, column 7)"],
    ['{"a": None}', "Python's True, False and None are true, false and null in JSON (line 1, column 7)"],
    ['{"a": NaN}', "JSON has no NaN and no Infinity; leave the field out (line 1, column 7)"],
    ['{"a": -Infinity}', "JSON has no NaN and no Infinity; leave the field out (line 1, column 8)"],
    ['{"a": 1_000}', expect.stringContaining("nothing between its digits")],
    ['{"a": 5m}', expect.stringContaining("no unit")],
    ['{"a": 01}', expect.stringContaining("no leading zero")],
    ['{"a": .5}', "a number begins with a digit or a minus, such as 0.5 (line 1, column 7)"],
    ['{"a": +1}', "a number begins with a digit or a minus, such as 0.5 (line 1, column 7)"],
    ['{"a": 1.}', "a number is not whole (line 1, column 9)"],
    ['{"a": "x\ny"}', expect.stringContaining("a line break or a tab stands inside a text: write it as \\n")],
    ['{"a": "C:\\dir"}', "a backslash in a text is written twice, \\\\ (line 1, column 11)"],
    ["a=b&c=d", expect.stringContaining("it is a form; send JSON")],
    ["displayName: x", expect.stringContaining("it looks like YAML; send JSON")],
    ["<html>", "it is HTML or XML (line 1, column 1)"],
    ['{"a": <your key>}', "something stands there that is to be replaced (line 1, column 7)"],
    ['{"a": {{ key }}}', expect.stringContaining("a variable of a template stands there")],
    ['{"a": ...}', "dots stand there for something that was left out (line 1, column 7)"],
    ['{"a":\u00a01}', expect.stringContaining("white space stands there that JSON does not have")],
    [" ", "it is empty"],
    ['{"a":1', "it ends too early; is a quote or a bracket missing?"],
    ['{"a":"x', "it ends too early; is a quote or a bracket missing?"],
    ['{"a": x at position 3}', `${WORDS} (line 1, column 7)`],
    [`["${"x".repeat(100_000)}", $]`, ELSE],
  ])("%.40s", (text, expected) => expect(told(text)).toEqual(expected));

  it("is told of bytes that are no text", () => {
    expect(describeSyntax(Buffer.from([0x22, 0xff, 0x22]), undefined)).toContain("bytes that are no UTF-8");
    expect(describeSyntax(Buffer.from('{"a": 1}', "utf16le"), undefined)).toContain("write UTF-16");
  });
});
