import { invalidField } from "../../base/fault.ts";
import { whatIsNoKey } from "../../base/no-key.ts";

const FIELD = "credentials.api_key.inline_secret";
/** White space of all kinds, and marks that nobody sees: of byte order, of no width. */
const AROUND = /^[\s\uFEFF\u200B-\u200D\u2060]+|[\s\uFEFF\u200B-\u200D\u2060]+$/g;
/** What ends a line of JSON or of a program. */
const END = /[,;]+$/;
/** `export OPENAI_API_KEY=…` of a shell, `$env:OPENAI_API_KEY = …` of another, `OPENAI_API_KEY=…` of a .env file. */
const ASSIGNMENT =
  /^(?:(?:export|set|setx|env)\s+[A-Za-z_]\w*\s*[= ]\s*|\$env:\w+\s*=\s*|[A-Z][A-Z0-9]*_(?:[A-Z0-9]+_)*(?:KEY|TOKEN|SECRET)\s*=\s*)(?=\S)/;
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
/** Schemes of headers, before a key. `Bearer` alone is left out by itself: it is what most headers have. */
const SCHEME = "(basic|bearer|token|key|apikey|api-key|oauth|digest)";
const AFTER_SCHEME = new RegExp(`^${SCHEME}\\s+\\S+$`, "i");
const SCHEME_ALONE = new RegExp(`^${SCHEME}$`, "i");

/** What no endpoint takes as a key, and what it is. */
const NO_KEYS: readonly (readonly [pattern: RegExp, sentence: string])[] = [
  [/^(env|file|vault):\/\//i, 'says where a key is kept: give it as `secretRef`, {"uri": …}'],
  [/^-----BEGIN /, "is a key or a certificate in PEM, which no endpoint takes in a header"],
  [AFTER_SCHEME, 'begins with the scheme of a header: give that as `prefix`, such as "Token ", and the key alone'],
  [/\s/, "has white space inside: a key is one word; send it alone"],
  [/[^!-~]/, "has characters that no header can carry, such as letters with accents: copy it again"],
];

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
  const sentence = whatIsNoKey(key) ?? NO_KEYS.find(([pattern]) => pattern.test(key))?.[1];
  if (sentence !== undefined) throw invalidField(FIELD, sentence);
  return key;
}

/** What examples have in the place of a key. A local server may take it, so it is no mistake for certain. */
const OF_EXAMPLES =
  /^(sk|pk|key)-([a-z]+-)*\.{3}$|^(\w+[-_])*(your|change|replace|insert|example|dummy|placeholder)[-_]?\w*([-_]\w+)*$/i;

/** Whether a key looks like that of an example, which nobody has replaced by theirs. */
export function looksLikeExample(pasted: string): boolean {
  return pasted.length <= 64 && OF_EXAMPLES.test(keyIn(pasted));
}

/** Refuses what stands before a key if the two would become one word. */
export function requireSpace(prefix: string | undefined): void {
  if (prefix === undefined || !SCHEME_ALONE.test(prefix)) return;
  throw invalidField(
    "credentials.api_key.prefix",
    `has no space at its end, and the key follows at once: give "${prefix} "`,
  );
}

function unquoted(text: string): string {
  const quotes = QUOTES.find(([open, close]) => text.length > 2 && text.startsWith(open) && text.endsWith(close));
  return quotes ? text.slice(1, -1) : text;
}
