import { LRUCache } from "lru-cache";
import type { RateLimit, Verdict } from "../../store/rate-limit.ts";
import type { Store } from "../../store/store.ts";
import type { HeldLimits } from "../call/holder-limits.ts";

/** As many different numbers a minute as are held in memory; others are made again. */
const MAX_HELD = 1_000;

/** What holders use in a minute, for all servers together. */
export class HolderRates {
  readonly #store: Store;
  readonly #held = new LRUCache<string, RateLimit>({ max: MAX_HELD });

  constructor(store: Store) {
    this.#store = store;
  }

  /** Takes a call of models; one that is refused is not used. */
  async takeRequest({ id, requestsPerMinute }: HeldLimits): Promise<Verdict> {
    const verdict = await this.#limit("holderRequests", requestsPerMinute, false).take(id);
    return { ...verdict, used: Math.min(verdict.used, requestsPerMinute) };
  }

  /** Takes tokens; of what is refused, nothing is taken. */
  async takeTokens({ id, tokensPerMinute }: HeldLimits, tokens: number): Promise<Verdict> {
    const limit = this.#limit("holderTokens", tokensPerMinute, true);
    const verdict = await limit.take(id, tokens);
    if (!verdict.isOver) return verdict;
    return { ...verdict, used: await limit.add(id, -tokens) };
  }

  /**
   * Counts tokens that were used beyond those that were taken; what is less than 0 is given back. Answers with how many are used
   * then.
   */
  settleTokens({ id, tokensPerMinute }: HeldLimits, difference: number): Promise<number> {
    return this.#limit("holderTokens", tokensPerMinute, true).add(id, difference);
  }

  /** Without those that were refused, which the limiter counts on. */
  async requestsOf({ id, requestsPerMinute }: HeldLimits): Promise<Verdict | undefined> {
    const state = await this.#limit("holderRequests", requestsPerMinute, false).state(id);
    return state && { ...state, used: Math.min(state.used, requestsPerMinute) };
  }

  tokensOf({ id, tokensPerMinute }: HeldLimits): Promise<Verdict | undefined> {
    return this.#limit("holderTokens", tokensPerMinute, true).state(id);
  }

  #limit(name: string, perMinute: number, givesBack: boolean): RateLimit {
    const key = `${name} ${perMinute}`;
    const held = this.#held.get(key) ?? this.#store.rateLimit(name, perMinute, { givesBack });
    this.#held.set(key, held);
    return held;
  }
}
