import type { ReplyEvent } from "./conversation.ts";

/**
 * Makes one of neighbouring deltas of the same thing, as they come in pieces of one read of a socket: who is slower than
 * the endpoint is given more at once, and a message of ours costs more than the piece of a word that it carries.
 */
export function joinDeltas(events: readonly ReplyEvent[]): readonly ReplyEvent[] {
  if (events.length < 2) return events;
  const joined: ReplyEvent[] = [];
  for (const event of events) {
    const last = joined.at(-1);
    const both = last && join(last, event);
    if (both) joined[joined.length - 1] = both;
    else joined.push(event);
  }
  return joined;
}

/** Undefined if they are not pieces of the same thing. */
function join(first: ReplyEvent, second: ReplyEvent): ReplyEvent | undefined {
  switch (second.type) {
    case "text-delta":
    case "reasoning-delta":
      return first.type === second.type ? { type: second.type, text: first.text + second.text } : undefined;
    case "tool-call-delta": {
      const isMore = first.type === "tool-call-delta" && first.index === second.index;
      if (!isMore || second.id !== undefined || second.name !== undefined) return undefined;
      return { ...first, argumentsDelta: first.argumentsDelta + second.argumentsDelta };
    }
    default:
      return undefined;
  }
}
