const PER_CALL = 0.1;
const MOST = 100;
/** What there is at the start, and after a while in any case: a route with few calls can always try another Llm. */
const RESERVE = 50;
const RESERVE_PER_SECOND = 1;

/** How many more calls a route may make than it serves: a tenth, so that an outage of endpoints is not multiplied. */
export class RetryBudget {
  readonly #now: () => number;
  #left = RESERVE;
  #filledAt: number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#filledAt = now();
  }

  get left(): number {
    this.#fill();
    return Math.floor(this.#left);
  }

  /** A call is served. */
  earn(): void {
    this.#left = Math.min(this.#left + PER_CALL, MOST);
  }

  /** Another Llm shall be tried; false if there is nothing left for it. */
  take(): boolean {
    this.#fill();
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }

  #fill(): void {
    const now = this.#now();
    const filled = this.#left + ((now - this.#filledAt) / 1_000) * RESERVE_PER_SECOND;
    this.#filledAt = now;
    this.#left = Math.max(this.#left, Math.min(filled, RESERVE));
  }
}
