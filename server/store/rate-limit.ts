import { LRUCache } from "lru-cache";
import type { Pool } from "pg";
import { RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from "rate-limiter-flexible";
import { KeyedGroups } from "./sql/group-commit.ts";
import type { EntityManager } from "./store.ts";

const SECONDS = 60;
const MAX_REMEMBERED = 10_000;
const FORGOTTEN_AT_ONCE = 10_000;

/** Whether there is something left, and if not, when there will be. */
export interface Verdict {
  readonly isOver: boolean;
  /** How much is used, with what was just taken. */
  readonly used: number;
  /** When it begins anew. */
  readonly retryAfterMs: number;
}

/**
 * So much a minute for each subject, counted for all servers together. While the database does not answer, each server
 * counts for itself; who has used up everything is refused from memory until the minute is over. What comes for a subject
 * while it is asked for it shares the next statement: one row, which all of them would wait for.
 */
export class RateLimit {
  readonly #limiter: RateLimiterPostgres;
  readonly #perMinute: number;
  readonly #over = new LRUCache<string, true>({ max: MAX_REMEMBERED });
  readonly #taken = new KeyedGroups<number, Verdict>((subject, points) => this.#takeAll(subject, points));
  readonly #added = new KeyedGroups<number, number>((subject, points) => this.#addAll(subject, points));

  /** What gives back is asked each time; otherwise, who is over is refused from memory. */
  constructor(pool: Pool, name: string, perMinute: number, { givesBack = false } = {}) {
    this.#perMinute = perMinute;
    const limits = { keyPrefix: name, points: perMinute, duration: SECONDS };
    this.#limiter = new RateLimiterPostgres({
      ...limits,
      storeClient: pool,
      storeType: "pool",
      tableName: "rate_limit",
      tableCreated: true,
      clearExpiredByTimeout: false,
      ...(givesBack ? {} : { inMemoryBlockOnConsumed: perMinute + 1 }),
      insuranceLimiter: new RateLimiterMemory(limits),
    });
  }

  /** For how long a subject that is over the limit will be refused from memory; 0 if it is not. */
  blockedMs(subject: string): number {
    return this.#over.getRemainingTTL(subject);
  }

  /** Takes what is needed; over the limit, it counts all the same. */
  take(subject: string, points = 1): Promise<Verdict> {
    return this.#taken.add(subject, points);
  }

  /** Counts what was used without being asked for, or gives back, less than 0, what was taken; answers with how much is used then. */
  add(subject: string, points: number): Promise<number> {
    return this.#added.add(subject, points);
  }

  /** One after the other, as far as there is room. */
  async #takeAll(subject: string, points: readonly number[]): Promise<Verdict[]> {
    const { isRefused, result } = await this.#consume(subject, sumOf(points));
    const { consumedPoints, msBeforeNext: retryAfterMs } = result;
    // From memory, where nothing is counted.
    if (isRefused && consumedPoints === 0) return points.map(() => ({ isOver: true, used: 0, retryAfterMs }));
    let used = consumedPoints - sumOf(points);
    return points.map((each) => {
      used += each;
      return { isOver: used > this.#perMinute, used, retryAfterMs };
    });
  }

  async #consume(subject: string, points: number): Promise<{ isRefused: boolean; result: RateLimiterRes }> {
    try {
      return { isRefused: false, result: await this.#limiter.consume(subject, points) };
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      this.#over.set(subject, true, { ttl: Math.max(1, refusal.msBeforeNext) });
      return { isRefused: true, result: refusal };
    }
  }

  async #addAll(subject: string, points: readonly number[]): Promise<number[]> {
    const sum = sumOf(points);
    const { consumedPoints } = await (sum < 0
      ? this.#limiter.reward(subject, -sum)
      : this.#limiter.penalty(subject, sum));
    return points.map(() => consumedPoints);
  }

  /** How much is used, and when it begins anew; undefined if nothing is. */
  async state(subject: string): Promise<Verdict | undefined> {
    const state = await this.#limiter.get(subject);
    if (!state) return undefined;
    return { isOver: state.remainingPoints <= 0, used: state.consumedPoints, retryAfterMs: state.msBeforeNext };
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}

/** Forgets some of what has expired; tells how much. Any number of servers may do so at once. */
export async function forgetRateLimits(em: EntityManager): Promise<number> {
  const forgotten = await em.execute<object[]>(
    `delete from rate_limit where key in
       (select key from rate_limit where expire < ? limit ? for update skip locked) returning key`,
    [Date.now(), FORGOTTEN_AT_ONCE],
  );
  return forgotten.length;
}
