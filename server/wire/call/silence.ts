/** A call that fails in this time gets a status of its own, also where callers are told soon that it was taken. */
export const HEAD_MS = 2_000;

/** Proxies take a connection on which nothing moves for dead, some after 30 s; the standard of events advises this. */
export const SILENCE_MS = 15_000;

/** How often it is looked, and at how much silence something is said, so that none is ever longer. */
const LOOK_MS = SILENCE_MS / 3;
const ENOUGH_MS = SILENCE_MS * 0.8;

/** Has something said on a stream on which nothing is, at least every SILENCE_MS; `end` it, or it lasts. */
export class Silence {
  readonly #timer: NodeJS.Timeout;
  #brokenAt = performance.now();

  constructor(say: () => void) {
    this.#timer = setInterval(() => {
      if (performance.now() - this.#brokenAt < ENOUGH_MS) return;
      this.break();
      say();
    }, LOOK_MS);
  }

  /** To be told of all that is said. */
  break(): void {
    this.#brokenAt = performance.now();
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
