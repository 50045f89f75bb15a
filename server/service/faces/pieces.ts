import type { ChatEvent } from "../../domain/chat/chats.ts";
import type { PassedPart } from "../../domain/chat/pass-through.ts";
import { factsComment } from "./headers.ts";
import type { ReplyWriter } from "./translate/translation.ts";

/** How long the head of an answer waits for what a model says first. */
const FIRST_PIECE_MS = 10_000;

/** What comes soon; undefined if it takes longer. What fails soon throws. */
export async function soon<T>(work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, FIRST_PIECE_MS, undefined);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** With a comment before what is not there yet: a head alone would not go out. */
export async function* aloud(pieces: AsyncGenerator<readonly Buffer[], void>): AsyncGenerator<readonly Buffer[], void> {
  try {
    yield [COMMENT];
    yield* pieces;
  } finally {
    await pieces.return();
  }
}

const COMMENT = Buffer.from(":\n\n");

export async function* piecesOf(
  first: Promise<IteratorResult<PassedPart>>,
  parts: AsyncGenerator<PassedPart>,
): AsyncGenerator<readonly Buffer[], void> {
  try {
    for (let next = await first; !next.done; next = await parts.next()) {
      const part = next.value;
      if (part.type === "bytes") yield part.bytes;
      else if (part.type === "end") yield [factsComment(part.facts), part.bytes];
    }
  } finally {
    await parts.return(undefined);
  }
}

export async function* writtenOf(
  first: Promise<IteratorResult<ChatEvent>>,
  events: AsyncGenerator<ChatEvent>,
  writer: ReplyWriter,
): AsyncGenerator<readonly Buffer[], void> {
  try {
    for (let next = await first; !next.done; next = await events.next()) {
      const event = next.value;
      if (event.type === "end") {
        const [before, last] = writer.end(event, event);
        yield [Buffer.from(before), factsComment(event), Buffer.from(last)];
        continue;
      }
      const text = writer.event(event);
      if (text !== "") yield [Buffer.from(text)];
    }
  } finally {
    await events.return(undefined);
  }
}
