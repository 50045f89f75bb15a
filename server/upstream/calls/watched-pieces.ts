import type { WatchedCall } from "../../base/watch.ts";
import { UpstreamFailure } from "../models/failure.ts";

/** What is needed to pass pieces of a reply on. */
export interface WatchedPiecesOptions<Piece> {
  /** Begins the call: when the first piece is asked for. */
  readonly begin: () => WatchedCall | undefined;
  readonly open: (watched: WatchedCall | undefined) => Promise<AsyncIterator<Piece, unknown>>;
  /** Looks at a piece; says whether the reply has begun with it. */
  readonly look: (piece: Piece, watched: WatchedCall) => boolean;
}

/**
 * A reply piece by piece, of a call that is watched: who watches is told when it begins and how it ends. No generator, as
 * those take longer for a piece than what is done for it.
 */
export class WatchedPieces<Piece> implements AsyncIterableIterator<Piece> {
  readonly #options: WatchedPiecesOptions<Piece>;
  #watched: WatchedCall | undefined;
  #pieces: AsyncIterator<Piece, unknown> | undefined;
  #hasReplied = false;
  #isOver = false;

  constructor(options: WatchedPiecesOptions<Piece>) {
    this.#options = options;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Piece>> {
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    const next = this.#pieces ? this.#pieces.next() : this.#first();
    return next.then(this.#passOn, this.#fail);
  }

  /** To be called once nobody waits for a piece any more. */
  async return(): Promise<IteratorResult<Piece>> {
    this.#end("left");
    await this.#pieces?.return?.();
    return { done: true, value: undefined };
  }

  async #first(): Promise<IteratorResult<Piece, unknown>> {
    this.#watched = this.#options.begin();
    this.#pieces = await this.#options.open(this.#watched);
    return this.#pieces.next();
  }

  readonly #passOn = (next: IteratorResult<Piece, unknown>): IteratorResult<Piece> => {
    if (next.done) {
      this.#end("ok");
      return { done: true, value: undefined };
    }
    if (this.#watched) this.#tell(next.value, this.#watched);
    return next;
  };

  readonly #fail = (error: unknown): never => {
    this.#end(outcomeOf(error));
    throw error;
  };

  #tell(piece: Piece, watched: WatchedCall): void {
    const hasBegun = this.#options.look(piece, watched);
    if (!hasBegun || this.#hasReplied) return;
    this.#hasReplied = true;
    watched.replied();
  }

  #end(outcome: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watched?.end(outcome);
  }
}

/** How a call ended that failed: anything but a failure is the reason of an abort. */
export function outcomeOf(error: unknown): string {
  return error instanceof UpstreamFailure ? error.kind : "aborted";
}
