import { countCalls } from "../../store/limits/holder-calls.ts";
import { findHeldLimits } from "../../store/limits/holder-limits.ts";
import { spendingOf } from "../../store/queries/budgets.ts";
import type { Store } from "../../store/store.ts";
import type { HeldLimits, HolderKind } from "../call/holder-limits.ts";
import type { Scope } from "../call/scope.ts";
import { resetOf } from "./periods.ts";
import type { HolderRates } from "./rates.ts";

/** What is limited; the words are those of LimitState.Limit in limits.proto. */
export type LimitName = "REQUESTS_PER_MINUTE" | "TOKENS_PER_MINUTE" | "PARALLEL_CALLS" | "BUDGET";

/** How much of one limit is used now. */
export interface LimitState {
  readonly holder: HolderKind;
  readonly holderId: string;
  readonly limit: LimitName;
  /** Of a budget, this and the next are in pico-dollars. */
  readonly allowed: bigint;
  readonly used: bigint;
  /** In milliseconds since 1970; undefined if nothing is used, or if it never begins anew. */
  readonly resetsAt: number | undefined;
  readonly isNear: boolean;
}

/** How much of something that is limited is near: four fifths. */
export function isNear(used: bigint, allowed: bigint): boolean {
  return used * 5n >= allowed * 4n;
}

/** Tells how much of limits is used. */
export class LimitStates {
  readonly #store: Store;
  readonly #rates: HolderRates;

  constructor({ store, rates }: { store: Store; rates: HolderRates }) {
    this.#store = store;
    this.#rates = rates;
  }

  /** Of those that hold for an API key, or, without its limits' id, for an account. */
  async ofHolder(scope: Scope, limitsId: string | null, accountId: string): Promise<LimitState[]> {
    return this.of(await findHeldLimits(scope.em, limitsId, accountId));
  }

  /** Of those that hold for a caller. */
  async of(limits: readonly HeldLimits[] | undefined): Promise<LimitState[]> {
    if (!limits || limits.length === 0) return [];
    const ids = limits.map(({ id }) => id);
    const calls = await countCalls(this.#store.pool, ids);
    const spending = await spendingOf(this.#store.fork(), ids);
    const states = limits.map(async (held) => {
      const add = (limit: LimitName, allowed: bigint, used: bigint, resetsAt: number | undefined): LimitState[] => {
        const { kind: holder, holderId } = held;
        return [{ holder, holderId, limit, allowed, used, resetsAt, isNear: isNear(used, allowed) }];
      };
      const rate = async (limit: LimitName, perMinute: number, ask: () => ReturnType<HolderRates["requestsOf"]>) => {
        if (perMinute === 0) return [];
        const state = await ask();
        const resetsAt = state && Date.now() + state.retryAfterMs;
        return add(limit, BigInt(perMinute), BigInt(Math.max(state?.used ?? 0, 0)), resetsAt);
      };
      const { requestsPerMinute, tokensPerMinute, parallelCalls, budget } = held;
      return [
        await rate("REQUESTS_PER_MINUTE", requestsPerMinute, () => this.#rates.requestsOf(held)),
        await rate("TOKENS_PER_MINUTE", tokensPerMinute, () => this.#rates.tokensOf(held)),
        parallelCalls === 0
          ? []
          : add("PARALLEL_CALLS", BigInt(parallelCalls), BigInt(calls.get(held.id) ?? 0), undefined),
        budget ? add("BUDGET", budget.amount, spending.get(held.id) ?? 0n, resetOf(budget.period)) : [],
      ].flat();
    });
    return (await Promise.all(states)).flat();
  }
}
