import { invalidRequest } from "../call/wire-error.ts";

/** Decodes every escape, once. Throws if a `%` starts none, or if the bytes are not UTF-8. */
export function decodeAll(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw invalidRequest("the URL has a `%` that does not escape UTF-8", error);
  }
}

/** Decodes every escape, once, but leaves an escaped slash as it is written: it is no separator. */
export function decodeAllButSlash(text: string): string {
  if (!text.includes("%")) return text;
  return text
    .split(/(%2f)/i)
    .map((part, index) => (index % 2 === 1 ? part : decodeAll(part)))
    .join("");
}

/** Writes the digits of escapes in upper case, as RFC 3986 asks for before a comparison. */
export function upperCaseEscapes(text: string): string {
  return text.includes("%") ? text.replace(/%[0-9a-f]{2}/gi, (escaped) => escaped.toUpperCase()) : text;
}
