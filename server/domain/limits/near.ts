import { LRUCache } from "lru-cache";
import { noteLimit } from "../../store/limits/limit-notices.ts";
import type { EntityManager } from "../../store/store.ts";
import type { HeldLimits } from "../call/holder-limits.ts";
import { startOf } from "./periods.ts";
import { isNear, type LimitName } from "./states.ts";

const MAX_REMEMBERED = 10_000;

/**
 * Writes down which limits are near and which are reached, once for each of both in a period: what is spent by the statement
 * that settles it, everything else here. Of a rate it is an hour, as a minute would be too often for anybody to read.
 */
export class NearLimits {
  readonly #fork: () => EntityManager;
  readonly #onWarning: (message: string) => void;
  readonly #noted = new LRUCache<string, true>({ max: MAX_REMEMBERED });

  constructor({ fork, onWarning }: { fork: () => EntityManager; onWarning: (message: string) => void }) {
    this.#fork = fork;
    this.#onWarning = onWarning;
  }

  /** Looks at how much of a limit is used, and nothing else: what a refused call would have used is not. Nobody waits for it. */
  note(held: HeldLimits, limit: LimitName, allowed: bigint, used: bigint): void {
    const periodStart = startOf(limit === "BUDGET" ? (held.budget?.period ?? "") : "HOUR");
    if (isNear(used, allowed)) this.#noteOnce(held, { limit, threshold: 80, allowed, used, periodStart });
    if (used >= allowed) this.#noteOnce(held, { limit, threshold: 100, allowed, used, periodStart });
  }

  #noteOnce(held: HeldLimits, notice: Parameters<typeof noteLimit>[2]): void {
    const { limit, threshold, allowed, periodStart } = notice;
    const key = `${held.id} ${limit} ${threshold} ${allowed} ${periodStart.getTime()}`;
    if (this.#noted.has(key)) return;
    this.#noted.set(key, true);
    noteLimit(this.#fork(), held, notice).catch(() => {
      // The next call that is near it tries again.
      this.#noted.delete(key);
      this.#onWarning("that a limit is near could not be written");
    });
  }
}
