/**
 * Waits for promises, but not beyond the abort of a signal: then it throws the reason. What a promise comes to afterwards
 * is of no interest, so a handler that ignores its signal holds up nobody.
 */
export class AbortWatch {
  readonly #signal: AbortSignal;
  #onAbort: (reason: unknown) => void = () => {};

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#onAbort(signal.reason), { once: true });
  }

  /** One promise at a time. */
  wait<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#signal.aborted) reject(this.#signal.reason);
      this.#onAbort = reject;
      promise.then(resolve, reject);
    });
  }
}
