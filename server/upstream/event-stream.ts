import { UpstreamFailure } from "./failure.ts";
import { GrowingBuffer } from "./growing-buffer.ts";

const LINE_FEED = 10;
const SPACE = 32;

/**
 * Cuts a body of `text/event-stream` into the data of its events. Names, ids and comments are passed over: no provider
 * says anything in them that its data does not say. Lines end with LF or CRLF, as all providers write them.
 */
export class EventStreamSplitter {
  readonly #maxLineBytes: number;
  readonly #httpStatus: number | undefined;
  /** The beginning of a line whose end has not come. */
  readonly #rest = new GrowingBuffer();
  /** The data of the event whose end has not come. */
  #data: string | undefined;

  /** The status of the answer is only for the failure. */
  constructor(maxLineBytes: number, httpStatus?: number) {
    this.#maxLineBytes = maxLineBytes;
    this.#httpStatus = httpStatus;
  }

  /** The data of each event that these pieces complete. Throws UpstreamFailure at a line or an event without end. */
  push(pieces: readonly Buffer[]): string[] {
    const events: string[] = [];
    const text = this.#wholeLines(pieces);
    for (let start = 0, end = text.indexOf("\n"); end !== -1; start = end + 1, end = text.indexOf("\n", start)) {
      this.#readLine(text.slice(start, text[end - 1] === "\r" ? end - 1 : end), events);
    }
    return events;
  }

  /** The data of an event that the end of the body completes: some servers leave out the last empty line. */
  flush(): string[] {
    return this.push([Buffer.from("\n\n")]);
  }

  /** Cut at a line's end, a text never splits a character. */
  #wholeLines(pieces: readonly Buffer[]): string {
    const last = pieces.findLastIndex((piece) => piece.includes(LINE_FEED));
    let text = "";
    for (const [index, piece] of pieces.entries()) {
      const cut = index === last ? piece.lastIndexOf(LINE_FEED) + 1 : 0;
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
      if (this.#data !== undefined) events.push(this.#data);
      this.#data = undefined;
    } else if (line.startsWith("data:")) {
      const value = line.slice(line.charCodeAt(5) === SPACE ? 6 : 5);
      this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
      if (this.#data.length > this.#maxLineBytes) throw tooLong(this.#httpStatus);
    }
  }
}

function tooLong(httpStatus: number | undefined): UpstreamFailure {
  return new UpstreamFailure("bad-reply", "a line of the endpoint's stream is too long", { httpStatus });
}
