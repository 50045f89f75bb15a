import { CALL_LEASE_MS, endCall, renewCalls, takeCall } from "../../store/limits/holder-calls.ts";
import type { Store } from "../../store/store.ts";

/** Three signs of life have to fail before a call is taken for dead. */
const RENEW_EVERY_MS = CALL_LEASE_MS / 3;

/** Calls at the same time, counted for all servers together: each has a lease, which its server renews. */
export class ParallelCalls {
  readonly #store: Store;
  readonly #onWarning: (message: string) => void;
  readonly #held = new Map<string, Set<string>>();
  readonly #timer: NodeJS.Timeout;

  constructor({ store, onWarning }: { store: Store; onWarning: (message: string) => void }) {
    this.#store = store;
    this.#onWarning = onWarning;
    this.#timer = setInterval(() => void this.#renew(), RENEW_EVERY_MS).unref();
  }

  /** Begins a call of a holder; answers with how many are under way then, or undefined if there are as many as may be. */
  async take(holderId: string, callId: string, most: number): Promise<number | undefined> {
    const underWay = await takeCall(this.#store.pool, holderId, callId, most);
    if (underWay === undefined) return undefined;
    const holders = this.#held.get(callId) ?? new Set();
    this.#held.set(callId, holders.add(holderId));
    return underWay;
  }

  /** Ends a call of all of its holders. What cannot be written ends with its lease. */
  async end(callId: string): Promise<void> {
    const holders = this.#held.get(callId);
    if (!holders) return;
    this.#held.delete(callId);
    await endCall(this.#store.pool, [...holders], callId).catch(() => {});
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #renew(): Promise<void> {
    const calls = [...this.#held].flatMap(([callId, holders]) => [...holders].map((id) => [id, callId] as const));
    if (calls.length === 0) return;
    await renewCalls(this.#store.pool, calls).catch(() => this.#onWarning("calls under way could not be renewed"));
    // What ended meanwhile would otherwise have come back with the renewal.
    const ended = calls.filter(([, callId]) => !this.#held.has(callId));
    for (const [id, callId] of ended) await endCall(this.#store.pool, [id], callId).catch(() => {});
  }
}
