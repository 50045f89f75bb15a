import { type CooldownRow, dropCooldown, findCooldowns, keepCooldown } from "../../store/queries/routes/cooldowns.ts";
import type { Store } from "../../store/store.ts";
import { type Called, type Cooldown, keyOf, type Operation, Wellness } from "./wellness.ts";

/**
 * How Llms are, known to all servers: who finds one unwell, or well again, writes it down, and the others are told by the
 * database. While it does not answer, each server knows what it has found out itself.
 */
export class SharedWellness {
  readonly wellness: Wellness;
  readonly #store: Store;
  /** What of which Llms something is being written here about: what is read meanwhile is older. */
  readonly #writing = new Map<string, Promise<void>>();
  #isClosed = false;

  constructor({ store }: { readonly store: Store }) {
    this.#store = store;
    this.wellness = new Wellness({ onChange: (called, cooldown) => this.#write(called, cooldown) });
    store.changes.watch({
      changed: (table, id) => table === "llm_cooldown" && void this.#read([id]),
      missed: () => void this.#read(undefined),
    });
    void this.#read(undefined);
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#writing.values());
  }

  /** One after the other of each; what cannot be written is found again. */
  #write(called: Called, cooldown: Cooldown | undefined): void {
    const key = keyOf(called);
    const before = this.#writing.get(key) ?? Promise.resolve();
    const written = before.then(() => this.#tryWrite(called, cooldown)).catch(() => {});
    this.#writing.set(key, written);
    void written.then(() => {
      if (this.#writing.get(key) === written) this.#writing.delete(key);
    });
  }

  async #tryWrite(called: Called, cooldown: Cooldown | undefined): Promise<void> {
    const { rows } = this.#store;
    if (!cooldown) return dropCooldown(rows, called);
    const { failures, failedWith, isTold, until } = cooldown;
    await keepCooldown(rows, { ...called, failures, failedWith, isTold, leftMs: until - Date.now() });
  }

  async #read(llmIds: readonly string[] | undefined): Promise<void> {
    if (this.#isClosed) return;
    let found: readonly CooldownRow[];
    try {
      found = await findCooldowns(this.#store.rows, llmIds);
    } catch {
      return; // The next change, or the next failure, tells the same.
    }
    const rows = new Map(found.map((row) => [keyOf(calledIn(row)), row]));
    const known = this.wellness.unwell.filter(({ llmId }) => llmIds === undefined || llmIds.includes(llmId));
    for (const called of [...found.map(calledIn), ...known]) {
      if (this.#writing.has(keyOf(called))) continue;
      const row = rows.get(keyOf(called));
      this.wellness.learn(called, row && { ...row, until: Date.now() + row.leftMs });
    }
  }
}

/** The column has nothing else. */
function calledIn({ llmId, operation }: CooldownRow): Called {
  return { llmId, operation: operation as Operation };
}
