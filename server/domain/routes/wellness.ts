import { LRUCache } from "lru-cache";
import { type Cooling, LONGEST_TOLD_MS } from "./failover.ts";
import { FirstPieces } from "./first-pieces.ts";

const MAX_REMEMBERED = 10_000;
/** A call that shows whether an Llm is well again is waited for so long before another one is let through. */
const TRIAL_MS = 8_000;

/**
 * What an Llm is called for. One that lacks one of them, or whose endpoint is in trouble with it, may be well for the others: each
 * is known by itself.
 */
export type Operation = "chat" | "embeddings" | "count-tokens";

/** That an Llm has failed. */
export interface Cooldown {
  /** How often in a row. */
  readonly failures: number;
  /** The reason that a caller is told; empty if only a test has failed. */
  readonly failedWith: string;
  /** Whether it is left alone for so long because its endpoint asked for it. */
  readonly isTold: boolean;
  /** When it may be tried again, in milliseconds since 1970. */
  readonly until: number;
}

interface State extends Cooldown {
  readonly failedAt: number;
  /** Until then nobody else tries it. */
  trialUntil: number;
}

/** An Llm, and what it is called for. */
export interface Called {
  readonly llmId: string;
  readonly operation: Operation;
}

/** Told when an Llm begins or ceases to be unwell for an operation. */
export type OnWellness = (called: Called, cooldown: Cooldown | undefined) => void;

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
  readonly #firstPieces = new FirstPieces();
  readonly #provenAt = new LRUCache<string, number>({ max: MAX_REMEMBERED });
  #onChange: OnWellness;

  constructor({ now = Date.now, random = Math.random, onChange = () => {} }: Options = {}) {
    this.#now = now;
    this.#random = random;
    this.#onChange = onChange;
  }

  /** Whether a call may go to it: it is well, or it is time to see whether it is. */
  isOpen(llmId: string, operation: Operation = "chat"): boolean {
    const state = this.#states.get(keyOf({ llmId, operation }));
    if (!state) return true;
    const now = this.#now();
    return now >= state.until && now >= state.trialUntil;
  }

  /** Undefined of one that is well. */
  cooldownOf(llmId: string, operation: Operation = "chat"): Cooldown | undefined {
    return this.#states.get(keyOf({ llmId, operation }));
  }

  /** How many calls of it are under way here, whatever for. */
  runningOf(llmId: string): number {
    return this.#running.get(llmId) ?? 0;
  }

  /** A call of it begins; it is to be ended once. */
  begin(llmId: string, operation: Operation = "chat"): WellnessCall {
    this.#running.set(llmId, this.runningOf(llmId) + 1);
    const startedAt = this.#now();
    const called = { llmId, operation };
    const state = this.#states.get(keyOf(called));
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
    let sent: { readonly key: string; readonly at: number } | undefined;
    const heard = () => {
      if (sent) this.#firstPieces.came(sent.key, this.#now() - sent.at);
      sent = undefined;
    };
    return {
      sent: (form) => {
        sent = { key: `${keyOf(called)} ${form}`, at: this.#now() };
      },
      heard,
      hangs: () => sent !== undefined && this.#firstPieces.isMissing(sent.key, this.#now() - sent.at),
      succeeded: () => {
        heard();
        end(() => this.#succeeded(called, startedAt));
      },
      failed: (failure) => end(() => this.#failed(called, startedAt, failure)),
      left: () => end(() => this.#endTrial(called, state)),
    };
  }

  /** A test that began at a time, which is a chat, has succeeded. */
  proven(llmId: string, startedAt: number): void {
    const called: Called = { llmId, operation: "chat" };
    this.#provenAt.set(keyOf(called), this.#now());
    this.#succeeded(called, startedAt);
  }

  /** A test, which is a chat, has failed since it was last proven well: one call at a time shows whether it still is so, from this one on. */
  doubt(llmId: string, testedAt: number, { isTrial = true } = {}): void {
    if (this.#states.has(llmId) || (this.#provenAt.get(llmId) ?? 0) >= testedAt) return;
    const now = this.#now();
    const state = { failures: 1, failedWith: "", isTold: false, until: now, failedAt: testedAt };
    this.#states.set(llmId, { ...state, trialUntil: isTrial ? now + TRIAL_MS : 0 });
  }

  /** Another server knows it; undefined: that it is well. */
  learn(called: Called, cooldown: Cooldown | undefined): void {
    const key = keyOf(called);
    if (!cooldown) {
      this.#states.delete(key);
      return;
    }
    const known = this.#states.get(key);
    if (known && known.until >= cooldown.until) return;
    this.#states.set(key, { ...cooldown, failedAt: this.#now(), trialUntil: 0 });
  }

  /** All that are unwell. */
  get unwell(): readonly Called[] {
    return [...this.#states.keys()].map(calledIn);
  }

  #succeeded(called: Called, startedAt: number): void {
    const key = keyOf(called);
    const state = this.#states.get(key);
    // A call from before it failed proves nothing.
    if (!state || startedAt < state.failedAt) return;
    this.#states.delete(key);
    this.#provenAt.set(key, this.#now());
    this.#onChange(called, undefined);
  }

  #failed(called: Called, startedAt: number, { cooling, failedWith, retryAfterMs }: Failed): void {
    const now = this.#now();
    const before = this.#states.get(keyOf(called));
    // Calls that were under way together fail together: that is one failure.
    const isSame = before !== undefined && startedAt < before.failedAt;
    const failures = isSame ? before.failures : (before?.failures ?? 0) + 1;
    const step = Math.min(cooling.firstMs * 2 ** (failures - 1), cooling.mostMs) * (0.5 + this.#random() / 2);
    const told = Math.min(retryAfterMs ?? 0, LONGEST_TOLD_MS);
    const until = now + Math.max(told, step);
    if (isSame && until <= before.until) return;
    const state = { failures, failedWith, isTold: told > step, until, failedAt: now, trialUntil: 0 };
    this.#states.set(keyOf(called), state);
    this.#onChange(called, state);
  }

  #endTrial(called: Called, state: State | undefined): void {
    if (state && this.#states.get(keyOf(called)) === state) state.trialUntil = 0;
  }
}

/** As a text, by which states are kept; that of chats is the id itself. */
export function keyOf({ llmId, operation }: Called): string {
  return operation === "chat" ? llmId : `${llmId} ${operation}`;
}

function calledIn(key: string): Called {
  const [llmId = "", operation = "chat"] = key.split(" ");
  return { llmId, operation: operation as Operation };
}

/** What a call failed with. */
export interface Failed {
  readonly cooling: Cooling;
  readonly failedWith: string;
  readonly retryAfterMs: number | undefined;
}

/** How a reply comes: a first piece is the whole of the one, and little of the other. */
export type ReplyForm = "whole" | "streamed";

/** A call of an Llm. */
export interface WellnessCall {
  /** From now on its endpoint is waited for. */
  sent(form: ReplyForm): void;
  /** Its first piece is there. */
  heard(): void;
  /** To be asked once, of a call that its caller's deadline has ended: whether it shows that the endpoint hangs. */
  hangs(): boolean;
  succeeded(): void;
  failed(failure: Failed): void;
  /** It ended without showing anything. */
  left(): void;
}
