import { isUtf8 } from "node:buffer";

const OPENING = "the body is not JSON in UTF-8";

/** What is wrong with a text that is no JSON, and where; nothing of it is repeated, for it may hold a key. */
export function describeSyntax(bytes: Uint8Array, error: unknown): string {
  if (!isUtf8(bytes)) return `${OPENING}: it has bytes that are no UTF-8`;
  const text = new TextDecoder().decode(bytes);
  const position = positionOf(text, error instanceof Error ? error.message : "");
  if (position === undefined) return `${OPENING}: ${UNKNOWN}`;
  if (position >= text.length) return `${OPENING}: it ends too early; is a quote or a bracket missing?`;
  const lines = text.slice(0, position).split("\n");
  const place = `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
  return `${OPENING}: ${hintAt(text, position)} (${place})`;
}

function hintAt(text: string, position: number): string {
  const next = text[position] ?? "";
  if (text.slice(0, position).trimEnd().endsWith(",") && "}]".includes(next)) {
    return `a comma stands before the closing ${next}`;
  }
  if (/['’‘“”]/.test(next)) return 'names and texts stand in double quotes (")';
  if (next === "/" || next === "#") return "JSON has no comments";
  if (next === "$") return "between single quotes the shell fills in no variable; close them around it: '\"$NAME\"'";
  if (next === "@") return "to send a file with curl, give its name behind -d: -d @file.json";
  return UNKNOWN;
}

const UNKNOWN = "something is there that JSON does not have at this place";

/** Where V8 stopped. Of a token that it did not expect it tells only that, and where is found out; not in long texts. */
function positionOf(text: string, said: string): number | undefined {
  const told = /at position (\d+)/.exec(said)?.[1];
  if (told !== undefined) return Number(told);
  if (!said.endsWith("is not valid JSON")) return text.length;
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
    at += /^\s*/.exec(text.slice(at))?.[0].length ?? 0;
    TOKEN.lastIndex = at;
    const [found, , mark = "value"] = TOKEN.exec(text) ?? [];
    if (found === undefined || UNEXPECTED[before]?.includes(mark)) return at;
    before = mark;
  }
}
