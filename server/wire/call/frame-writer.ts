import type { ServerResponse } from "node:http";

/** A batch is written early once it is as long as this. */
const BATCH_LENGTH = 16_384;

/**
 * Writes the frames of one answer to a response, all of them text or all of them bytes. Frames that come in one tick of
 * the event loop become one write. The caller awaits `ready` before the next frame, so that a slow reader slows its
 * stream and fills no memory.
 */
export class FrameWriter<Frame extends string | Uint8Array> {
  readonly #response: ServerResponse;
  #batch: Frame[] = [];
  #length = 0;
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

  write(frame: Frame): void {
    if (this.#batch.length === 0) process.nextTick(() => this.#flush());
    this.#batch.push(frame);
    this.#length += frame.length;
    if (this.#length >= BATCH_LENGTH) this.#flush();
  }

  /** Writes what is left, and perhaps one more frame, and ends the response. */
  end(frame?: Frame): void {
    if (frame !== undefined && frame.length > 0) this.#batch.push(frame);
    const last = this.#take();
    if (this.#isGone) return;
    if (last === undefined) this.#response.end();
    else this.#response.end(last);
  }

  #flush(): void {
    const batch = this.#take();
    if (batch === undefined || this.#isGone || this.#write(batch)) return;
    this.#blocked ??= Promise.withResolvers();
  }

  /** Over HTTP/1.1 Node keeps what it writes of a chunk together until the next tick, unless somebody has before. */
  #write(batch: string | Uint8Array): boolean {
    const { socket } = this.#response;
    if (!socket || "stream" in this.#response) return this.#response.write(batch);
    socket.cork();
    const hasRoom = this.#response.write(batch);
    socket.uncork();
    return hasRoom;
  }

  #take(): string | Uint8Array | undefined {
    const batch = this.#batch;
    this.#batch = [];
    this.#length = 0;
    if (batch.length <= 1) return batch[0];
    return isText(batch) ? batch.join("") : Buffer.concat(batch as Uint8Array[]);
  }

  #release(): void {
    this.#blocked?.resolve();
    this.#blocked = undefined;
  }
}

function isText(frames: readonly (string | Uint8Array)[]): frames is readonly string[] {
  return typeof frames[0] === "string";
}
