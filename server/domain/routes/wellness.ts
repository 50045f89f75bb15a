import { LRUCache } from "lru-cache";
import { type Cooling, LONGEST_TOLD_MS } from "./failover.ts";

const MAX_REMEMBERED = 10_000;
/** A call that shows whether an Llm is well again is waited for so long before another one is let through. */
const TRIAL_MS = 8_000;

/** That an Llm has failed. */
export interface Cooldown {
  /** How often in a row. */
  readonly failures: number;
  /** The reason that a caller is told; empty if only a test has failed. */
  readonly failedWith: string;
  /** Whether its endpoint said for how long it wants to be left alone. */
  readonly isTold: boolean;
  /** When it may be tried again, in milliseconds since 1970. */
  readonly until: number;
}

interface State extends Cooldown {
  readonly failedAt: number;
  /** Until then nobody else tries it. */
  trialUntil: number;
}

/** Told when an Llm begins or ceases to be unwell. */
export type OnWellness = (llmId: string, cooldown: Cooldown | undefined) => void;

interface Options {
  readonly now?: () => number;
  readonly random?: () => number;
  readonly onChange?: OnWellness;
}

/**
 * How Llms are, as far as calls have shown. One that has failed is left alone for a moment, each time for longer; then one
 * call at a time is let through, until one succeeds.
 */
export class Wellness {
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #states = new Map<string, State>();
  readonly #running = new Map<string, number>();
  readonly #provenAt = new LRUCache<string, number>({ max: MAX_REMEMBERED });
  #onChange: OnWellness;

  constructor({ now = Date.now, random = Math.random, onChange = () => {} }: Options = {}) {
    this.#now = now;
    this.#random = random;
    this.#onChange = onChange;
  }

  /** Whether a call may go to it: it is well, or it is time to see whether it is. */
  isOpen(llmId: string): boolean {
    const state = this.#states.get(llmId);
    if (!state) return true;
    const now = this.#now();
    return now >= state.until && now >= state.trialUntil;
  }

  /** Undefined of one that is well. */
  cooldownOf(llmId: string): Cooldown | undefined {
    return this.#states.get(llmId);
  }

  /** How many calls of it are under way here. */
  runningOf(llmId: string): number {
    return this.#running.get(llmId) ?? 0;
  }

  /** A call of it begins; it is to be ended once. */
  begin(llmId: string): WellnessCall {
    this.#running.set(llmId, this.runningOf(llmId) + 1);
    const startedAt = this.#now();
    const state = this.#states.get(llmId);
    if (state) state.trialUntil = startedAt + TRIAL_MS;
    let isOver = false;
    const end = (work: () => void) => {
      if (isOver) return;
      isOver = true;
      const running = this.runningOf(llmId) - 1;
      if (running > 0) this.#running.set(llmId, running);
      else this.#running.delete(llmId);
      work();
    };
    return {
      succeeded: () => end(() => this.#succeeded(llmId, startedAt)),
      failed: (failure) => end(() => this.#failed(llmId, startedAt, failure)),
      left: () => end(() => this.#endTrial(llmId, state)),
    };
  }

  /** A test has failed since it was last proven well: one call at a time shows whether it still is so, from this one on. */
  doubt(llmId: string, testedAt: number, { isTrial = true } = {}): void {
    if (this.#states.has(llmId) || (this.#provenAt.get(llmId) ?? 0) >= testedAt) return;
    const now = this.#now();
    const state = { failures: 1, failedWith: "", isTold: false, until: now, failedAt: testedAt };
    this.#states.set(llmId, { ...state, trialUntil: isTrial ? now + TRIAL_MS : 0 });
  }

  /** Another server knows it; undefined: that it is well. */
  learn(llmId: string, cooldown: Cooldown | undefined): void {
    if (!cooldown) {
      this.#states.delete(llmId);
      return;
    }
    const known = this.#states.get(llmId);
    if (known && known.until >= cooldown.until) return;
    this.#states.set(llmId, { ...cooldown, failedAt: this.#now(), trialUntil: 0 });
  }

  /** All that are unwell. */
  get unwell(): readonly string[] {
    return [...this.#states.keys()];
  }

  #succeeded(llmId: string, startedAt: number): void {
    const state = this.#states.get(llmId);
    // A call from before it failed proves nothing.
    if (!state || startedAt < state.failedAt) return;
    this.#states.delete(llmId);
    this.#provenAt.set(llmId, this.#now());
    this.#onChange(llmId, undefined);
  }

  #failed(llmId: string, startedAt: number, { cooling, failedWith, retryAfterMs }: Failed): void {
    const now = this.#now();
    const before = this.#states.get(llmId);
    // Calls that were under way together fail together: that is one failure.
    const isSame = before !== undefined && startedAt < before.failedAt;
    const failures = isSame ? before.failures : (before?.failures ?? 0) + 1;
    const step = Math.min(cooling.firstMs * 2 ** (failures - 1), cooling.mostMs);
    const told = retryAfterMs === undefined ? undefined : Math.min(retryAfterMs, LONGEST_TOLD_MS);
    const until = now + (told ?? step * (0.5 + this.#random() / 2));
    if (isSame && until <= before.until) return;
    const state = { failures, failedWith, isTold: told !== undefined, until, failedAt: now, trialUntil: 0 };
    this.#states.set(llmId, state);
    this.#onChange(llmId, state);
  }

  #endTrial(llmId: string, state: State | undefined): void {
    if (state && this.#states.get(llmId) === state) state.trialUntil = 0;
  }
}

/** What a call failed with. */
export interface Failed {
  readonly cooling: Cooling;
  readonly failedWith: string;
  readonly retryAfterMs: number | undefined;
}

/** A call of an Llm. */
export interface WellnessCall {
  succeeded(): void;
  failed(failure: Failed): void;
  /** It ended without showing anything. */
  left(): void;
}
