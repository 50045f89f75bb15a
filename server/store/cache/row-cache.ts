import { LRUCache } from "lru-cache";
import type { RowChanges } from "./row-changes.ts";

/** However alive the connection is that tells of changes: nothing is held longer. */
const LONGEST_MS = 5 * 60_000;

/**
 * What was made from rows of one table, by their id, as long as they have not changed.
 *
 * A change by another server is noticed when the database tells of it, within milliseconds; whoever changes a row here
 * calls `forget` once it is committed, so that the next call sees it. A value that was being loaded meanwhile is not kept.
 */
export class RowCache<Value extends object> {
  readonly #changes: RowChanges;
  readonly #values: LRUCache<string, Value>;
  /** Counts what was forgotten: a value that was loaded before may be old. */
  #generation = 0;

  /** Of the rows of `table`; a change of any row of the other tables empties it. */
  constructor(
    changes: RowChanges,
    table: string,
    { max, clearedBy = [] }: { max: number; clearedBy?: readonly string[] },
  ) {
    this.#changes = changes;
    this.#values = new LRUCache({ max, ttl: LONGEST_MS });
    changes.watch({
      changed: (changed, id) => {
        if (changed === table) this.forget(id);
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
    if (value !== undefined && generation === this.#generation && this.#changes.isLive) this.#values.set(id, value);
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
}
