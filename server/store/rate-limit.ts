import { LRUCache } from "lru-cache";
import type { Pool } from "pg";
import { RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from "rate-limiter-flexible";
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
 * counts for itself; who has used up everything is refused from memory until the minute is over.
 */
export class RateLimit {
  readonly #limiter: RateLimiterPostgres;
  readonly #over = new LRUCache<string, true>({ max: MAX_REMEMBERED });

  /** What gives back is asked each time; otherwise, who is over is refused from memory. */
  constructor(pool: Pool, name: string, perMinute: number, { givesBack = false } = {}) {
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
  async take(subject: string, points = 1): Promise<Verdict> {
    try {
      const { consumedPoints, msBeforeNext } = await this.#limiter.consume(subject, points);
      return { isOver: false, used: consumedPoints, retryAfterMs: msBeforeNext };
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      this.#over.set(subject, true, { ttl: Math.max(1, refusal.msBeforeNext) });
      return { isOver: true, used: refusal.consumedPoints, retryAfterMs: refusal.msBeforeNext };
    }
  }

  /** Counts what was used without being asked for; answers with how much is used then. */
  async add(subject: string, points: number): Promise<number> {
    return (await this.#limiter.penalty(subject, points)).consumedPoints;
  }

  /** Gives back what was taken in this minute and not used; answers with how much is used then. */
  async giveBack(subject: string, points: number): Promise<number> {
    return (await this.#limiter.reward(subject, points)).consumedPoints;
  }

  /** How much is used, and when it begins anew; undefined if nothing is. */
  async state(subject: string): Promise<Verdict | undefined> {
    const state = await this.#limiter.get(subject);
    if (!state) return undefined;
    return { isOver: state.remainingPoints <= 0, used: state.consumedPoints, retryAfterMs: state.msBeforeNext };
  }
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
