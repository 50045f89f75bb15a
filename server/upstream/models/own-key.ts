import type { ReplyEvent } from "./conversation.ts";
import type { Target } from "./provider-types.ts";

/** What is shorter is no key of a provider's, and may be a part of any word. */
const LEAST_LENGTH_OF_KEYS = 16;
const HIDDEN = "…";

type WithKey = Pick<Target, "apiKey">;

/**
 * JSON of an endpoint's without our key, or a text of it: whoever chats through an Llm must not learn the key from an endpoint
 * that repeats what it was sent. A key that a stream cuts into two events is not found.
 */
export function withoutKey(text: string, target: WithKey): string {
  const key = keyOf(target);
  if (key === undefined || (typeof key === "string" && !text.includes(key))) return text;
  return text.replaceAll(key, HIDDEN);
}

/** The same of the facts of a reply whose bytes are passed on. */
export function factsWithoutKey(event: ReplyEvent, target: WithKey): ReplyEvent {
  if (event.type === "start") return { ...event, model: withoutKey(event.model, target) };
  if (event.type === "end") return { ...event, rawStopReason: withoutKey(event.rawStopReason, target) };
  return event;
}

/** The same of bytes that are passed through; almost always those that were given. */
export function bytesWithoutKey(bytes: Buffer, target: WithKey): Buffer {
  const key = keyOf(target);
  if (key === undefined || (typeof key === "string" && !bytes.includes(key, 0, "latin1"))) return bytes;
  // Keys fit into a header, and so are ASCII: no byte of another character is taken for one of theirs.
  const text = bytes.toString("latin1");
  const hidden = text.replaceAll(key, Buffer.from(HIDDEN).toString("latin1"));
  return hidden === text ? bytes : Buffer.from(hidden, "latin1");
}

/** What to look for: the key itself, or where it has signs that JSON may have escaped, each of them in all of its forms. */
function keyOf({ apiKey }: WithKey): string | RegExp | undefined {
  const secret = apiKey?.secret.reveal();
  if (!apiKey || secret === undefined || secret.length < LEAST_LENGTH_OF_KEYS) return undefined;
  if (NEVER_ESCAPED.test(secret)) return secret;
  let pattern = patterns.get(apiKey.secret);
  if (pattern === undefined) {
    pattern = new RegExp([...secret].map(formsOf).join(""), "g");
    patterns.set(apiKey.secret, pattern);
  }
  return pattern;
}

const NEVER_ESCAPED = /^[\w.-]*$/;
const patterns = new WeakMap<object, RegExp>();

function formsOf(sign: string): string {
  if (NEVER_ESCAPED.test(sign)) return RegExp.escape(sign);
  const code = sign.charCodeAt(0).toString(16).padStart(4, "0");
  const digits = [...code].map((digit) => `[${digit}${digit.toUpperCase()}]`).join("");
  return `(?:\\\\?${RegExp.escape(sign)}|\\\\u${digits})`;
}
