/** What a server says of itself to those who decide whether to send it calls. */
export type ServingStatus = "SERVING" | "NOT_SERVING";

/** Of a service that is not here, only Watch says so with a status. */
export type WatchedStatus = ServingStatus | "SERVICE_UNKNOWN";

/**
 * Whether the server and its services take calls.
 *
 * They all need the same database and stop together, so that they share one status. It is NOT_SERVING until set.
 */
export class Health {
  /** The services it speaks for; the empty name is the whole server. */
  readonly services: ReadonlySet<string>;

  #status: ServingStatus = "NOT_SERVING";
  readonly #waiting = new Set<(value?: unknown) => void>();

  constructor(serviceNames: Iterable<string>) {
    this.services = new Set(["", ...serviceNames]);
  }

  get status(): ServingStatus {
    return this.#status;
  }

  /** Takes effect at once, on those who watch as well. */
  set(status: ServingStatus): void {
    this.#status = status;
    for (const wake of this.#waiting) wake();
  }

  /**
   * The status of a service now and after each change, until the signal aborts: then its reason is thrown. Changes
   * that a slow watcher has not seen yet are skipped in favour of the newest.
   */
  async *watch(service: string, signal: AbortSignal): AsyncGenerator<WatchedStatus, never> {
    let told: WatchedStatus | undefined;
    for (;;) {
      signal.throwIfAborted();
      const status = this.services.has(service) ? this.#status : "SERVICE_UNKNOWN";
      if (status === told) {
        await this.#nextCall(signal);
      } else {
        told = status;
        yield status;
      }
    }
  }

  /** Resolves at the next call of `set` or when the signal aborts; leaves nothing behind. */
  async #nextCall(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#waiting.add(resolve);
    signal.addEventListener("abort", resolve);
    await promise;
    this.#waiting.delete(resolve);
    signal.removeEventListener("abort", resolve);
  }
}
