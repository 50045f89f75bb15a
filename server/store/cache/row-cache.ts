import { LRUCache } from "lru-cache";
import type { RowChanges } from "./row-changes.ts";

/** However alive the connection is that tells of changes: nothing is held longer. */
const LONGEST_MS = 5 * 60_000;
/** What is restless is told of once a second; for so long it is not held then. */
const RESTLESS_MS = 5_000;

/** What is held, and what it is made from. */
export interface RowCacheOptions {
  readonly max: number;
  /** Tables of which a change of any row empties it. */
  readonly clearedBy?: readonly string[];
  /** Tables with the same ids, of which a row is a part of the value. */
  readonly alsoOf?: readonly string[];
  /** Such a table whose rows change so often that not every change is told. */
  readonly restless?: string;
}

/**
 * What was made from rows of one table, by their id, as long as they have not changed.
 *
 * A change by another server is noticed when the database tells of it, within milliseconds; whoever changes a row here
 * calls `forget` once it is committed, so that the next call sees it. A value that was being loaded meanwhile is not kept.
 */
export class RowCache<Value extends object> {
  readonly #changes: RowChanges;
  readonly #values: LRUCache<string, Value>;
  readonly #restlessTable: string | undefined;
  /** Until when an id is restless, those first that will be settled first. */
  readonly #restless = new Map<string, number>();
  /** Counts what was forgotten: a value that was loaded before may be old. */
  #generation = 0;

  constructor(changes: RowChanges, table: string, { max, clearedBy = [], alsoOf = [], restless }: RowCacheOptions) {
    this.#changes = changes;
    this.#values = new LRUCache({ max, ttl: LONGEST_MS });
    this.#restlessTable = restless;
    changes.watch({
      changed: (changed, id) => {
        if (changed === restless) this.#unsettle(id);
        if (changed === table || changed === restless || alsoOf.includes(changed)) this.forget(id);
        else if (clearedBy.includes(changed)) this.clear();
      },
      missed: () => this.clear(),
    });
  }

  /** The value that is held, or else the one that is loaded; undefined is not held. */
  async get(id: string, load: () => Promise<Value | undefined>): Promise<Value | undefined> {
    const held = this.#values.get(id);
    if (held !== undefined) return held;
    const generation = this.#generation;
    const value = await load();
    const isCurrent = generation === this.#generation && this.#changes.isLive;
    if (value !== undefined && isCurrent && this.#isSettled(id)) this.#values.set(id, value);
    return value;
  }

  /** Whether the value is held. */
  has(id: string): boolean {
    return this.#values.has(id);
  }

  forget(id: string): void {
    this.#generation++;
    this.#values.delete(id);
  }

  clear(): void {
    this.#generation++;
    this.#values.clear();
  }

  #unsettle(id: string): void {
    const now = performance.now();
    this.#restless.delete(id);
    this.#restless.set(id, now + RESTLESS_MS);
    for (const [other, until] of this.#restless) {
      if (until > now) break;
      this.#restless.delete(other);
    }
  }

  /** What was told while nobody listened here may have been the last word for a second. */
  #isSettled(id: string): boolean {
    if (this.#restlessTable === undefined) return true;
    const listeningFor = this.#changes.liveSince + RESTLESS_MS;
    return Math.max(listeningFor, this.#restless.get(id) ?? 0) <= performance.now();
  }
}
