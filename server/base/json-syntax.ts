import { isUtf8 } from "node:buffer";

const OPENING = "the body is not JSON in UTF-8";

/** What is wrong with a text that is no JSON, and where; nothing of it is repeated, for it may hold a key. */
export function describeSyntax(bytes: Uint8Array, error: unknown): string {
  if (!isUtf8(bytes) || bytes[0] === 0 || bytes[1] === 0) return `${OPENING}: ${NO_UTF8}`;
  const text = new TextDecoder().decode(bytes);
  const said = error instanceof Error ? error.message : "";
  const position = positionOf(text, said);
  if (position === undefined) return `${OPENING}: ${UNKNOWN}`;
  if (text.trim() === "") return `${OPENING}: it is empty`;
  if (position >= text.length) return `${OPENING}: it ends too early; is a quote or a bracket missing?`;
  const lines = text.slice(0, position).split("\n");
  const place = `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
  return `${OPENING}: ${hintAt(text, position, said)} (${place})`;
}

const NO_UTF8 = "it has bytes that are no UTF-8; some programs of Windows write UTF-16, until they are told otherwise";

/** The sentence for what stands where V8 stopped. */
function hintAt(text: string, position: number, said: string): string {
  const before = text.slice(0, position).trimEnd().at(-1) ?? "";
  const rest = text.slice(position, position + MOST_OF_REST);
  const [, sentence] = KINDS.find(([isKind]) => isKind({ before, rest, said })) ?? [];
  return sentence ?? UNKNOWN;
}

const MOST_OF_REST = 40;
const QUOTES = 'names and texts stand in double quotes (")';

/** Where V8 stopped: the last character before it that is no white space, what follows, and what V8 says. */
interface Stop {
  readonly before: string;
  readonly rest: string;
  readonly said: string;
}

const KINDS: readonly (readonly [isKind: (stop: Stop) => boolean, sentence: string])[] = [
  [({ before, rest }) => before === "," && /^\}/.test(rest), "a comma stands before the closing }"],
  [({ before, rest }) => before === "," && /^\]/.test(rest), "a comma stands before the closing ]"],
  [({ before, rest }) => /[,[{]/.test(before) && rest.startsWith(","), "a comma stands where a value is missing"],
  [
    ({ before, rest }) => before === "" && /^'\s*[{[]/.test(rest),
    "single quotes stand around the whole, which this shell does not take away: in cmd.exe, put double quotes around " +
      'it, and write those inside as \\"',
  ],
  [({ rest }) => /^['’‘“”`´]/.test(rest), QUOTES],
  [({ rest }) => /^[/#]/.test(rest), "JSON has no comments"],
  [
    ({ rest }) => rest.startsWith("$"),
    "between single quotes the shell fills in no variable; close them around it: '\"$NAME\"'",
  ],
  [({ rest }) => rest.startsWith("@"), "to send a file with curl, give its name behind -d: -d @file.json"],
  [
    ({ rest }) => /^\{[{%]|^\{\s*\w+\s*\}\}/.test(rest),
    "a variable of a template stands there, which nothing has filled in",
  ],
  [({ rest }) => /^(\.\.\.|…)/.test(rest), "dots stand there for something that was left out"],
  [({ before, rest }) => before === "" && rest.startsWith("<"), "it is HTML or XML"],
  [({ rest }) => rest.startsWith("<"), "something stands there that is to be replaced"],
  [
    ({ before, rest }) => before === "" && /^[\w.[\]-]+=/.test(rest),
    'it is a form; send JSON, such as {"displayName": "One"}',
  ],
  [
    ({ before, rest }) => before === "" && /^[\w-]+\s*:/.test(rest),
    'it looks like YAML; send JSON, such as {"displayName": "One"}',
  ],
  [({ rest }) => /^(True|False|None)\b/.test(rest), "Python's True, False and None are true, false and null in JSON"],
  [({ rest }) => /^-?(NaN|Infinity|inf|nan)\b/.test(rest), "JSON has no NaN and no Infinity; leave the field out"],
  [({ rest }) => /^undefined\b/.test(rest), "a program wrote undefined, for which JSON has null, or nothing"],
  [
    ({ rest }) => /^[\p{Zs}\uFEFF\u200B-\u200D]/u.test(rest),
    "white space stands there that JSON does not have, as pages show it; type it anew",
  ],
  [
    ({ said }) => said.startsWith("Bad control character"),
    "a line break or a tab stands inside a text: write it as \\n or \\t, and close the text with a double quote",
  ],
  [({ said }) => said.startsWith("Bad escaped"), "a backslash in a text is written twice, \\\\"],
  [({ said }) => said.startsWith("Expected ':'"), "a colon (:) is missing behind a name"],
  [
    ({ before, rest }) => /\d/.test(before) && /^[\w.]/.test(rest),
    "a number has digits, one dot and no unit, no leading zero and nothing between its digits, or is a text in quotes",
  ],
  [
    ({ before, rest }) => /[:,[]/.test(before) && /^[.+]\d/.test(rest),
    "a number begins with a digit or a minus, such as 0.5",
  ],
  [({ said }) => /^(No number|Exponent part|Unterminated fractional)/.test(said), "a number is not whole"],
  [({ said, rest }) => said.startsWith("Expected ','") && /^["{[]/.test(rest), "a comma is missing before it"],
  [
    ({ said, rest }) => said.startsWith("Expected ','") && /^[\p{L}\d]/u.test(rest),
    'a comma is missing before it; or a double quote stands inside a text, where it is written \\"',
  ],
  [
    ({ said, rest }) => said.startsWith("Expected ','") && /^[}\]]/.test(rest),
    "this bracket closes another one than was opened last",
  ],
  [
    ({ said, rest }) => said.startsWith("Expected ','") && rest.startsWith(";"),
    "a comma belongs there, and no semicolon",
  ],
  [({ said }) => said.startsWith("Unexpected non-whitespace"), "the JSON has ended before it: one object is taken"],
  [
    ({ said }) => /^Expected (double-quoted )?property name/.test(said),
    'names stand in double quotes ("); some shells take them away, if they are not written as \\"',
  ],
  [({ rest }) => /^\p{L}/u.test(rest), 'texts stand in double quotes ("), and of words JSON has true, false and null'],
];

const UNKNOWN = "something is there that JSON does not have at this place";

/** Where V8 stopped. Of a token that it did not expect it tells only that, and where is found out; not in long texts. */
function positionOf(text: string, said: string): number | undefined {
  const isOfToken = said.endsWith("is not valid JSON");
  // Of a token V8 repeats the text, which may say anything.
  const told = isOfToken ? undefined : /at position (\d+)/.exec(said)?.[1];
  if (told !== undefined) return Number(told);
  if (!isOfToken) return text.length;
  return text.length > MAX_SCANNED ? undefined : unexpectedToken(text);
}

const MAX_SCANNED = 100_000;

const TOKEN = /("[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|true|false|null)|([[\]{}:,])/y;

/** The marks that may not follow one of these, or nothing. */
const UNEXPECTED: Readonly<Record<string, string>> = { "": ":,}]", "[": ":,}", "{": ":,]", ":": ":,}]", ",": ":,}]" };

/** The first place at which no token begins, or one that closes or separates nothing. */
function unexpectedToken(text: string): number {
  let before = "";
  for (let at = 0; ; at = TOKEN.lastIndex) {
    at += /^[ \t\r\n]*/.exec(text.slice(at))?.[0].length ?? 0;
    TOKEN.lastIndex = at;
    const [found, , mark = "value"] = TOKEN.exec(text) ?? [];
    if (found === undefined || UNEXPECTED[before]?.includes(mark)) return at;
    before = mark;
  }
}
