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
  readonly retryAfterMs: number;
}

/**
 * So much a minute for each subject, counted for all servers together. While the database does not answer, each server
 * counts for itself; who has used up everything is refused from memory until the minute is over.
 */
export class RateLimit {
  readonly #limiter: RateLimiterPostgres;
  readonly #over = new LRUCache<string, true>({ max: MAX_REMEMBERED });

  constructor(pool: Pool, name: string, perMinute: number) {
    const limits = { keyPrefix: name, points: perMinute, duration: SECONDS };
    this.#limiter = new RateLimiterPostgres({
      ...limits,
      storeClient: pool,
      storeType: "pool",
      tableName: "rate_limit",
      tableCreated: true,
      clearExpiredByTimeout: false,
      inMemoryBlockOnConsumed: perMinute + 1,
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
      await this.#limiter.consume(subject, points);
      return { isOver: false, retryAfterMs: 0 };
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      this.#over.set(subject, true, { ttl: Math.max(1, refusal.msBeforeNext) });
      return { isOver: true, retryAfterMs: refusal.msBeforeNext };
    }
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
