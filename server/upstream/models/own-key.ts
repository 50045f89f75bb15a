import type { ReplyEvent } from "./conversation.ts";
import type { Target } from "./provider-types.ts";

/** What is shorter is no key of a provider's, and may be a part of any word. */
const LEAST_LENGTH_OF_KEYS = 16;
const HIDDEN = "…";

type WithKey = Pick<Target, "apiKey">;

/**
 * What an endpoint says, without our key: whoever chats through an Llm must not learn it from an endpoint that repeats what it
 * was sent. A key that a stream cuts into two events is not found.
 */
export function withoutKey(text: string, target: WithKey): string {
  const secret = keyOf(target);
  return secret !== undefined && text.includes(secret) ? text.replaceAll(secret, HIDDEN) : text;
}

/** The same of the facts of a reply whose bytes are passed on. */
export function factsWithoutKey(event: ReplyEvent, target: WithKey): ReplyEvent {
  if (event.type === "start") return { ...event, model: withoutKey(event.model, target) };
  if (event.type === "end") return { ...event, rawStopReason: withoutKey(event.rawStopReason, target) };
  return event;
}

/** The same of bytes that are passed through; almost always those that were given. */
export function bytesWithoutKey(bytes: Buffer, target: WithKey): Buffer {
  const secret = keyOf(target);
  // Keys fit into a header, and so are ASCII: no byte of another character is taken for one of theirs.
  if (secret === undefined || !bytes.includes(secret, 0, "latin1")) return bytes;
  return Buffer.from(bytes.toString("latin1").replaceAll(secret, Buffer.from(HIDDEN).toString("latin1")), "latin1");
}

function keyOf({ apiKey }: WithKey): string | undefined {
  const secret = apiKey?.secret.reveal();
  return secret !== undefined && secret.length >= LEAST_LENGTH_OF_KEYS ? secret : undefined;
}
