import type { ChatEvent, ReplyOrigin } from "../../domain/chat/chats.ts";
import type { PassedPart, PassOrigin } from "../../domain/chat/pass-through.ts";
import type { FaceReply, ReplyHeaders } from "./face.ts";
import { factsComment, originComment } from "./headers.ts";
import type { ReplyWriter } from "./translate/translation.ts";

/** How long the head of an answer waits for what a model says first. */
const FIRST_PIECE_MS = 10_000;
const COMMENT = Buffer.from(":\n\n");

/** A reply in pieces, to be left by `return`. */
export interface Pieces extends AsyncIterable<readonly Buffer[], void, undefined> {
  next(): Promise<IteratorResult<readonly Buffer[], void>>;
  return(): Promise<IteratorResult<readonly Buffer[], void>>;
}

/** A class: V8 makes a literal that has a symbol for a name member by member. */
class IteratedPieces implements Pieces {
  readonly next: Pieces["next"];
  readonly return: Pieces["return"];

  constructor({ next, return: leave }: Pick<Pieces, "next" | "return">) {
    this.next = next;
    this.return = leave;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/**
 * The head of the answer waits for the first piece, so that what fails before it has a status of its own. Not for ever: then a
 * comment goes out, and what the headers would have said is a comment before that piece.
 */
export async function streamOf(pieces: Pieces, headers: ReplyHeaders): Promise<FaceReply> {
  const first = pieces.next();
  const isThere = await isSoon(first);
  return { headers, pieces: isThere ? following(first, pieces) : aloud(first, pieces, headers) };
}

/** Whether something comes soon. What fails soon throws. */
async function isSoon(work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, FIRST_PIECE_MS, false);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** No generator, which would take longer for a piece than what is done for it. */
function following(first: Promise<IteratorResult<readonly Buffer[], void>>, pieces: Pieces): Pieces {
  let isFirst = true;
  const next = () => {
    if (!isFirst) return pieces.next();
    isFirst = false;
    return first;
  };
  return new IteratedPieces({ next, return: () => pieces.return() });
}

/** With a comment before what is not there yet: a head alone would not go out. */
async function* aloud(
  first: Promise<IteratorResult<readonly Buffer[], void>>,
  pieces: Pieces,
  headers: ReplyHeaders,
): Pieces {
  const all = following(first, pieces);
  try {
    yield [COMMENT];
    for (let next = await all.next(), isFirst = true; !next.done; next = await all.next(), isFirst = false) {
      yield isFirst ? [originComment(headers), ...next.value] : next.value;
    }
  } finally {
    await all.return();
  }
}

/** The bytes of a reply that is passed through; whose it is is told before the first. */
export function piecesOf(parts: AsyncGenerator<PassedPart, void>, tell: (origin: PassOrigin) => void): Pieces {
  type Next = IteratorResult<readonly Buffer[], void>;
  const passed = ({ done, value: part }: IteratorResult<PassedPart, void>): Next | Promise<Next> => {
    if (done) return { done, value: undefined };
    if (part.type === "bytes") return { done: false, value: part.bytes };
    if (part.type === "end") return { done: false, value: [factsComment(part.facts), part.bytes] };
    tell(part.origin);
    return next();
  };
  const next = (): Promise<Next> => parts.next().then(passed);
  return new IteratedPieces({ next, return: () => parts.return() as Promise<Next> });
}

/** A reply in the words of another API; whose it is is told before the first piece, which is not the announcement of one. */
export async function* writtenOf(
  events: AsyncGenerator<ChatEvent>,
  writer: ReplyWriter,
  tell: (origin: ReplyOrigin) => void,
): Pieces {
  const announced: Buffer[] = [];
  try {
    for await (const event of events) {
      if (event.type === "end") {
        const [before, last] = writer.end(event, event);
        yield [...announced.splice(0), Buffer.from(before), factsComment(event), Buffer.from(last)];
        continue;
      }
      const text = writer.event(event);
      if (event.type === "start") {
        tell(event);
        announced.push(Buffer.from(text));
      } else if (text !== "") yield [...announced.splice(0), Buffer.from(text)];
    }
  } finally {
    await events.return(undefined);
  }
}
