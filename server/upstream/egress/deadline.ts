/** Expires when nothing was heard for too long, and at its end in any case. One timer, however often it is put off. */
export class Deadline {
  readonly #endsAt: number;
  readonly #onExpiry: () => void;
  #dueAt: number;
  #firesAt: number;
  #timer: NodeJS.Timeout;

  constructor(patienceMs: number, totalMs: number, onExpiry: () => void) {
    const now = performance.now();
    this.#endsAt = now + totalMs;
    this.#onExpiry = onExpiry;
    this.#dueAt = Math.min(now + patienceMs, this.#endsAt);
    this.#firesAt = this.#dueAt;
    this.#timer = setTimeout(() => this.#fire(), this.#firesAt - now);
  }

  /** Waits anew, for at most this long; with Infinity, to the end. */
  wait(patienceMs: number): void {
    const now = performance.now();
    this.#dueAt = Math.min(now + patienceMs, this.#endsAt);
    if (this.#dueAt < this.#firesAt) this.#arm(now);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #arm(now: number): void {
    clearTimeout(this.#timer);
    this.#firesAt = this.#dueAt;
    this.#timer = setTimeout(() => this.#fire(), this.#firesAt - now);
  }

  #fire(): void {
    const now = performance.now();
    // Timers may fire a millisecond early.
    if (this.#dueAt - now < 1) this.#onExpiry();
    else this.#arm(now);
  }
}
