import type { HeldLimits } from "../call/holder-limits.ts";
import type { NearLimits } from "./near.ts";
import type { ParallelCalls } from "./parallel.ts";
import type { HolderRates } from "./rates.ts";
import { overRequests, overTokens, tooManyCalls, tooManyTokens } from "./refusals.ts";

/** A call that was let through, with what was taken for it. */
export interface HolderUse {
  /** To be called once; the tokens are those that it did take, undefined if nobody knows: what was taken stays then. */
  end(tokens: number | undefined): Promise<void>;
}

/** What a call asks of a model. */
interface Asked {
  /** How many tokens its prompt has, roughly. */
  estimate(): number;
  /** How many are held for it: with what APIs put around it. */
  held(): number;
  /** How many the reply may have; undefined when nothing limits it. */
  maxTokens(): number | undefined;
}

/** How many tokens a reply may have that nothing limits, for holding what it may take. */
export const USUAL_MOST_TOKENS = 4_096;

/** Of a minute, what is held for a reply whose length nothing limits is at most one part of so many. */
const PARTS_OF_A_MINUTE = 4;

/** What a call may take of a minute's tokens; all of them where it may take more, so that it passes while nothing is used. */
function likelyTokens(prompt: Asked, perMinute: number): number {
  const reply = prompt.maxTokens() ?? Math.min(USUAL_MOST_TOKENS, Math.ceil(perMinute / PARTS_OF_A_MINUTE));
  return Math.min(prompt.held() + reply, perMinute);
}

interface Deps {
  readonly rates: HolderRates;
  readonly parallel: ParallelCalls;
  readonly near: NearLimits;
}

/** What calls of models take of the limits of their holders, but for what they cost. */
export class HolderUses {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Counts a call; refuses one that is too many. */
  async countRequest(limits: readonly HeldLimits[]): Promise<void> {
    for (const held of limits) {
      const { requestsPerMinute } = held;
      if (requestsPerMinute === 0) continue;
      const { isOver, used, retryAfterMs } = await this.#deps.rates.takeRequest(held);
      this.#deps.near.note(held, "REQUESTS_PER_MINUTE", BigInt(requestsPerMinute), BigInt(used));
      if (isOver) throw overRequests(held, retryAfterMs);
    }
  }

  /** Begins a call; of one that is refused, nothing is taken. */
  async begin(limits: readonly HeldLimits[], callId: string, prompt: Asked): Promise<HolderUse> {
    const { rates, parallel, near } = this.#deps;
    const metered = limits.filter(({ tokensPerMinute }) => tokensPerMinute > 0);
    const taken: { held: HeldLimits; tokens: number; endsAt: number }[] = [];
    const settle = async (used: number) => {
      for (const { held, tokens, endsAt } of taken) {
        // A minute that is over keeps what it had; what a call took beyond that counts when it is known.
        const isGone = used <= tokens && Date.now() >= endsAt;
        const sum = isGone ? used : await rates.settleTokens(held, used - tokens);
        near.note(held, "TOKENS_PER_MINUTE", BigInt(held.tokensPerMinute), BigInt(sum));
      }
    };
    try {
      for (const held of limits) {
        const { id, parallelCalls } = held;
        if (parallelCalls === 0) continue;
        const underWay = await parallel.take(id, callId, parallelCalls);
        near.note(held, "PARALLEL_CALLS", BigInt(parallelCalls), BigInt(underWay ?? parallelCalls));
        if (underWay === undefined) throw tooManyCalls(held);
      }
      for (const held of metered) {
        if (prompt.estimate() > held.tokensPerMinute) throw tooManyTokens(held, prompt.estimate());
        const tokens = likelyTokens(prompt, held.tokensPerMinute);
        const { isOver, retryAfterMs } = await rates.takeTokens(held, tokens);
        if (isOver) throw overTokens(held, tokens, retryAfterMs);
        taken.push({ held, tokens, endsAt: Date.now() + retryAfterMs });
      }
    } catch (error) {
      await settle(0);
      await parallel.end(callId);
      throw error;
    }
    return {
      async end(used) {
        // The reply is there; what cannot be counted of it is no reason to keep it back.
        const settled = used === undefined ? undefined : settle(used).catch(() => {});
        await Promise.all([parallel.end(callId), settled]);
      },
    };
  }
}
