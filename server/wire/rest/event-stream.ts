import type { ServerResponse } from "node:http";

/** How the messages of a stream are told apart on the way. */
export interface Framing {
  readonly contentType: string;
  readonly message: (json: string) => string;
  readonly failure: (json: string) => string;
  /** Says that the stream is complete, where the end of the body alone would not. */
  readonly end: string;
}

/** Newline-delimited JSON: a message, or the error that ended the stream, on each line. */
export const NDJSON: Framing = {
  contentType: "application/x-ndjson",
  message: (json) => `${json}\n`,
  failure: (json) => `${json}\n`,
  end: "",
};

/**
 * Server-sent events: `message` for each message, then `end` or `error`. A browser's EventSource connects again when the
 * body ends; its script is to close it on either of the last two.
 */
export const SERVER_SENT_EVENTS: Framing = {
  contentType: "text/event-stream",
  message: (json) => `data: ${json}\n\n`,
  failure: (json) => `event: error\ndata: ${json}\n\n`,
  end: "event: end\ndata: {}\n\n",
};

/** The framing for what a caller accepts; NDJSON unless the caller asks for events. */
export function negotiateFraming(accept: string | undefined): Framing {
  const types = accept?.toLowerCase().split(",") ?? [];
  const wantsEvents = types.some((type) => type.split(";")[0]?.trim() === SERVER_SENT_EVENTS.contentType);
  return wantsEvents ? SERVER_SENT_EVENTS : NDJSON;
}

/** A batch is written early once it has this many characters. */
const BATCH_LENGTH = 16_384;

/**
 * Writes frames to a response. Frames that come in one tick of the event loop become one write. The caller awaits
 * `ready` before the next frame, so that a slow reader slows its stream and fills no memory.
 */
export class FrameWriter {
  readonly #response: ServerResponse;
  #batch = "";
  #isGone = false;
  #blocked: PromiseWithResolvers<void> | undefined;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.on("drain", () => this.#release());
    response.on("close", () => {
      this.#isGone = true;
      this.#release();
    });
  }

  /** Undefined if the reader keeps up, else a promise for when it does again, or is gone. */
  get ready(): Promise<void> | undefined {
    return this.#blocked?.promise;
  }

  write(frame: string | Uint8Array): void {
    if (typeof frame !== "string") {
      this.#send(frame);
      return;
    }
    if (this.#batch === "") process.nextTick(() => this.#flush());
    this.#batch += frame;
    if (this.#batch.length >= BATCH_LENGTH) this.#flush();
  }

  end(frame: string): void {
    const last = this.#batch + frame;
    this.#batch = "";
    if (!this.#isGone) this.#response.end(last);
  }

  #flush(): void {
    const batch = this.#batch;
    this.#batch = "";
    if (batch !== "") this.#send(batch);
  }

  #send(chunk: string | Uint8Array): void {
    if (this.#isGone || this.#response.write(chunk)) return;
    this.#blocked ??= Promise.withResolvers();
  }

  #release(): void {
    this.#blocked?.resolve();
    this.#blocked = undefined;
  }
}
