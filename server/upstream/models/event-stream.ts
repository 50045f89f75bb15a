import type { ReplyEvent } from "./conversation.ts";
import { UpstreamFailure } from "./failure.ts";
import { parseObject } from "./json-value.ts";

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;

/**
 * Cuts a body of `text/event-stream` into the data of its events. Ids and comments are passed over, and of names all but
 * one: the data of an event that is named `error` comes wrapped, as `{"error": data}`, with the HTTP status that DashScope
 * tells in a comment. Lines end with LF, CRLF or CR.
 */
export class EventStreamSplitter {
  readonly #maxLineBytes: number;
  readonly #httpStatus: number | undefined;
  /** The beginning of a line whose end has not come. */
  readonly #rest = new GrowingBuffer();
  /** The data of the event whose end has not come. */
  #data: string | undefined;
  #isError = false;
  #status: string | undefined;
  /** Whether the last line ended with CR: an LF that follows ends no line of its own. */
  #hasReturned = false;

  /** The status of the answer is only for the failure. */
  constructor(maxLineBytes: number, httpStatus?: number) {
    this.#maxLineBytes = maxLineBytes;
    this.#httpStatus = httpStatus;
  }

  /** The data of each event that these pieces complete. Throws UpstreamFailure at a line or an event without end. */
  push(pieces: readonly Buffer[]): string[] {
    const events: string[] = [];
    const text = this.#withLineFeeds(this.#wholeLines(pieces));
    for (let start = 0, end = text.indexOf("\n"); end !== -1; start = end + 1, end = text.indexOf("\n", start)) {
      this.#readLine(text.slice(start, end), events);
    }
    return events;
  }

  /** Lines that all end with LF. */
  #withLineFeeds(text: string): string {
    if (text === "" || !(this.#hasReturned || text.includes("\r"))) return text;
    const rest = this.#hasReturned && text.startsWith("\n") ? text.slice(1) : text;
    this.#hasReturned = text.endsWith("\r");
    return rest.replaceAll(/\r\n?/g, "\n");
  }

  /** The data of an event that the end of the body completes: some servers leave out the last empty line. */
  flush(): string[] {
    return this.push([Buffer.from("\n\n")]);
  }

  /** Cut at a line's end, a text never splits a character. */
  #wholeLines(pieces: readonly Buffer[]): string {
    const [only] = pieces;
    // Mostly, what is read at once is some whole lines.
    if (only && pieces.length === 1 && this.#rest.length === 0 && only.at(-1) === LINE_FEED) return only.toString();
    const last = pieces.findLastIndex((piece) => endOfLines(piece) > 0);
    let text = "";
    for (const [index, piece] of pieces.entries()) {
      const cut = index === last ? endOfLines(piece) : 0;
      if (index === last) {
        this.#rest.append(piece.subarray(0, cut));
        text = this.#rest.takeText();
      }
      this.#rest.append(piece.subarray(cut));
    }
    if (this.#rest.length > this.#maxLineBytes) throw tooLong(this.#httpStatus);
    return text;
  }

  #readLine(line: string, events: string[]): void {
    if (line === "") {
      // An event that says nothing is there to keep the connection.
      if (this.#data?.trim()) events.push(this.#isError ? this.#wrapped(this.#data) : this.#data);
      this.#data = undefined;
      this.#isError = false;
    } else if (line.startsWith("data:")) {
      const value = line.slice(line.charCodeAt(5) === SPACE ? 6 : 5);
      this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
      if (this.#data.length > this.#maxLineBytes) throw tooLong(this.#httpStatus);
    } else if (line.startsWith("error:")) {
      // Older ones of llama.cpp call a line of data so.
      this.#isError = true;
      this.#readLine(`data:${line.slice(6)}`, events);
    } else if (line.startsWith("event:")) {
      this.#isError = line.slice(6).trim() === "error";
    } else if (line.startsWith(":HTTP_STATUS/")) {
      this.#status = /^\d{3}/.exec(line.slice(13))?.[0];
    } else if (line.startsWith("\ufeff")) {
      // The mark that a text of bytes may begin with.
      this.#readLine(line.slice(1), events);
    }
  }

  #wrapped(data: string): string {
    return JSON.stringify({ error: parseObject(data) ?? data, status: this.#status });
  }
}

/** Whether the data of an event is what ends streams of OpenAI's API. Some servers have spaces around it, and SDKs take those. */
export function isDone(data: string): boolean {
  return data.trim() === "[DONE]";
}

/** Where the last whole line of a piece ends; 0 where none does. */
function endOfLines(piece: Buffer): number {
  return Math.max(piece.lastIndexOf(LINE_FEED), piece.lastIndexOf(CARRIAGE_RETURN)) + 1;
}

function tooLong(httpStatus: number | undefined): UpstreamFailure {
  return new UpstreamFailure("bad-reply", "a line of the endpoint's stream is too long", { httpStatus });
}

/**
 * Bytes that are collected piece by piece. They are copied: of a body that comes byte by byte, keeping the pieces would
 * cost a hundred times its size.
 */
export class GrowingBuffer {
  #bytes = Buffer.allocUnsafe(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(piece: Buffer): void {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    piece.copy(this.#bytes, this.#length);
    this.#length = length;
  }

  /** All bytes as text; none are left. */
  takeText(): string {
    const text = this.#bytes.toString("utf8", 0, this.#length);
    this.#length = 0;
    return text;
  }
}

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
