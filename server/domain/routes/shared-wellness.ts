import { type CooldownRow, dropCooldown, findCooldowns, keepCooldown } from "../../store/queries/routes/cooldowns.ts";
import type { Store } from "../../store/store.ts";
import { type Cooldown, Wellness } from "./wellness.ts";

/**
 * How Llms are, known to all servers: who finds one unwell, or well again, writes it down, and the others are told by the
 * database. While it does not answer, each server knows what it has found out itself.
 */
export class SharedWellness {
  readonly wellness: Wellness;
  readonly #store: Store;
  /** Llms of which something is being written here: what is read meanwhile is older. */
  readonly #writing = new Map<string, Promise<void>>();
  #isClosed = false;

  constructor({ store }: { readonly store: Store }) {
    this.#store = store;
    this.wellness = new Wellness({ onChange: (llmId, cooldown) => this.#write(llmId, cooldown) });
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

  /** One after the other of each Llm; what cannot be written is found again. */
  #write(llmId: string, cooldown: Cooldown | undefined): void {
    const before = this.#writing.get(llmId) ?? Promise.resolve();
    const written = before.then(() => this.#tryWrite(llmId, cooldown)).catch(() => {});
    this.#writing.set(llmId, written);
    void written.then(() => {
      if (this.#writing.get(llmId) === written) this.#writing.delete(llmId);
    });
  }

  async #tryWrite(llmId: string, cooldown: Cooldown | undefined): Promise<void> {
    const { rows } = this.#store;
    if (!cooldown) return dropCooldown(rows, llmId);
    const { failures, failedWith, isTold, until } = cooldown;
    await keepCooldown(rows, { llmId, failures, failedWith, isTold, leftMs: until - Date.now() });
  }

  async #read(llmIds: readonly string[] | undefined): Promise<void> {
    if (this.#isClosed || llmIds?.every((id) => this.#writing.has(id))) return;
    let found: readonly CooldownRow[];
    try {
      found = await findCooldowns(this.#store.rows, llmIds);
    } catch {
      return; // The next change, or the next failure, tells the same.
    }
    const byId = new Map(found.map((row) => [row.llmId, row]));
    for (const id of llmIds ?? new Set([...byId.keys(), ...this.wellness.unwell])) {
      if (this.#writing.has(id)) continue;
      const row = byId.get(id);
      this.wellness.learn(id, row && { ...row, until: Date.now() + row.leftMs });
    }
  }
}
