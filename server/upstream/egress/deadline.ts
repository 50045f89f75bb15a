/**
 * Expires when nothing was heard for too long, and at its end in any case. One timer, however often it is put off.
 *
 * What has arrived while this process was busy is heard first: its own delay is not taken for the endpoint's.
 */
export class Deadline {
  readonly #endsAt: number;
  readonly #onExpiry: () => void;
  #dueAt: number;
  #firesAt: number;
  #timer: NodeJS.Timeout;
  #lastCall: NodeJS.Immediate | undefined;

  /** `nextMs` is what is mostly waited for next: when that is less, the timer fires early once and is not made anew. */
  constructor(patienceMs: number, totalMs: number, onExpiry: () => void, nextMs = patienceMs) {
    const now = performance.now();
    this.#endsAt = now + totalMs;
    this.#onExpiry = onExpiry;
    this.#dueAt = Math.min(now + patienceMs, this.#endsAt);
    this.#firesAt = Math.min(this.#dueAt, now + nextMs);
    this.#timer = setTimeout(() => this.#fire(), this.#firesAt - now);
  }

  /** Waits anew, for at most this long; with Infinity, to the end. */
  wait(patienceMs: number, now = performance.now()): void {
    this.#dueAt = Math.min(now + patienceMs, this.#endsAt);
    if (this.#dueAt < this.#firesAt) this.#arm(now);
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#lastCall);
  }

  #arm(now: number): void {
    clearTimeout(this.#timer);
    this.#firesAt = this.#dueAt;
    this.#timer = setTimeout(() => this.#fire(), this.#firesAt - now);
  }

  #fire(): void {
    // Timers come before sockets in a turn of the event loop, and immediates behind them.
    this.#lastCall = setImmediate(() => {
      const now = performance.now();
      // Timers may fire a millisecond early.
      if (this.#dueAt - now < 1) this.#onExpiry();
      else this.#arm(now);
    });
  }
}
