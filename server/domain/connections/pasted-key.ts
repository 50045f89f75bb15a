import { invalidField } from "../../base/fault.ts";

const FIELD = "credentials.api_key.inline_secret";
/** White space of all kinds, and marks that nobody sees: of byte order, of no width. */
const AROUND = /^[\s\uFEFF\u200B-\u200D\u2060]+|[\s\uFEFF\u200B-\u200D\u2060]+$/g;
/** What ends a line of JSON or of a program. */
const END = /[,;]+$/;
/** `export OPENAI_API_KEY=…` of a shell, `OPENAI_API_KEY=…` of a .env file. */
const ASSIGNMENT =
  /^(?:(?:export|set|setx|env)\s+[A-Za-z_]\w*\s*[= ]\s*|[A-Z][A-Z0-9]*_(?:[A-Z0-9]+_)*(?:KEY|TOKEN|SECRET)\s*=\s*)(?=\S)/;
/** `Authorization: Bearer …` of a header. */
const HEADER = /^(?:authorization|proxy-authorization|x-api-key|api-key)\s*:\s*/i;
const BEARER = /^bearer\s+/i;
const QUOTES: readonly (readonly [string, string])[] = [
  ['"', '"'],
  ["'", "'"],
  ["`", "`"],
  ["“", "”"],
  ["‘", "’"],
];
/** What a program writes where it has no value, and what was to be replaced by one. */
const NO_KEY =
  /^(undefined|null|none|nil|nan|\[object object\]|<[^>]*>|\$\{?\w+\}?|\{\{.*\}\}|%\w+%|process\.env\..*|os\.environ.*)$/i;

/**
 * The key in a text that somebody pasted: without the quotes, the name, the prefix and the white space that it was copied with.
 * What is no key is refused by a sentence that says what it is; the sentence never repeats it.
 */
export function keyIn(pasted: string): string {
  let key = pasted;
  for (let before = ""; before !== key; ) {
    before = key;
    key = unquoted(
      key.replaceAll(AROUND, "").replace(END, "").replace(ASSIGNMENT, "").replace(HEADER, "").replace(BEARER, ""),
    );
  }
  if (key === "") throw invalidField(FIELD, "is empty; leave credentials out where an endpoint asks for none");
  if (NO_KEY.test(key)) {
    throw invalidField(
      FIELD,
      "is what stands where a key should be (undefined, a placeholder, a variable), and no key",
    );
  }
  if (/\s/.test(key)) throw invalidField(FIELD, "has white space inside: a key is one word; send it alone");
  if (!/^[!-~]+$/.test(key)) {
    throw invalidField(
      FIELD,
      "has characters that no header can carry, such as … or letters with accents: copy it again",
    );
  }
  return key;
}

function unquoted(text: string): string {
  const quotes = QUOTES.find(([open, close]) => text.length > 2 && text.startsWith(open) && text.endsWith(close));
  return quotes ? text.slice(1, -1) : text;
}
