import { CALL_LEASE_MS, endCalls, renewCalls, takeCalls } from "../../store/limits/holder-calls.ts";
import { KeyedGroups } from "../../store/sql/group-commit.ts";
import type { Store } from "../../store/store.ts";

/** Three signs of life have to fail before a call is taken for dead. */
const RENEW_EVERY_MS = CALL_LEASE_MS / 3;

/** A call that is to begin. */
interface Asked {
  readonly holderId: string;
  readonly callId: string;
  readonly most: number;
}

/** A call that has ended, of all of its holders. */
interface Ended {
  readonly holderIds: readonly string[];
  readonly callId: string;
}

/**
 * Calls at the same time, counted for all servers together: each has a lease, which its server renews. Calls of a holder that
 * come, or end, while others do share the next statement.
 */
export class ParallelCalls {
  readonly #store: Store;
  readonly #onWarning: (message: string) => void;
  readonly #held = new Map<string, Set<string>>();
  readonly #taken = new KeyedGroups<Asked, number | undefined>((_, asked) => this.#takeAll(asked));
  readonly #ended = new KeyedGroups<Ended, undefined>((_, ended) => this.#endAll(ended));
  readonly #timer: NodeJS.Timeout;

  constructor({ store, onWarning }: { store: Store; onWarning: (message: string) => void }) {
    this.#store = store;
    this.#onWarning = onWarning;
    this.#timer = setInterval(() => void this.#renew(), RENEW_EVERY_MS).unref();
  }

  /** Begins a call of a holder; answers with how many are under way then, or undefined if there are as many as may be. */
  async take(holderId: string, callId: string, most: number): Promise<number | undefined> {
    const underWay = await this.#taken.add(`${holderId} ${most}`, { holderId, callId, most });
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
    const holderIds = [...holders].sort();
    await this.#ended.add(holderIds.join(" "), { holderIds, callId }).catch(() => {});
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
    for (const [id, callId] of ended) await endCalls(this.#store.pool, [id], [callId]).catch(() => {});
  }

  async #takeAll(asked: readonly Asked[]): Promise<(number | undefined)[]> {
    const [{ holderId, most }] = asked as readonly [Asked];
    const callIds = asked.map(({ callId }) => callId);
    const underWay = await takeCalls(this.#store.pool, holderId, callIds, most);
    return callIds.map((callId) => (underWay.has(callId) ? underWay.size : undefined));
  }

  async #endAll(ended: readonly Ended[]): Promise<undefined[]> {
    const [{ holderIds }] = ended as readonly [Ended];
    await endCalls(
      this.#store.pool,
      holderIds,
      ended.map(({ callId }) => callId),
    );
    return ended.map(() => undefined);
  }
}
