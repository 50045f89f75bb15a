import { LRUCache } from "lru-cache";
import { keepUses } from "../../store/api-key-queries.ts";
import type { Store } from "../../store/store.ts";

/** A key's use is written down at most this often. */
const PRECISION_MS = 60_000;
const WRITE_EVERY_MS = 5_000;
const MOST_HELD = 10_000;

/** When API keys were last used: noted in memory by the calls, which never wait for it, and written for many at once. */
export class ApiKeyUses {
  readonly #store: Store;
  readonly #onWarning: (message: string) => void;
  readonly #noted = new LRUCache<string, true>({ max: MOST_HELD, ttl: PRECISION_MS });
  readonly #timer: NodeJS.Timeout;
  #waiting = new Map<string, number>();

  constructor({ store, onWarning }: { store: Store; onWarning: (message: string) => void }) {
    this.#store = store;
    this.#onWarning = onWarning;
    this.#timer = setInterval(() => void this.write(), WRITE_EVERY_MS).unref();
  }

  note(apiKeyId: string): void {
    if (this.#noted.has(apiKeyId)) return;
    this.#noted.set(apiKeyId, true);
    this.#waiting.set(apiKeyId, Date.now());
  }

  /** Writes what has been noted. What cannot be written is left: the next use of the same key is noted again. */
  async write(): Promise<void> {
    if (this.#waiting.size === 0) return;
    const uses = this.#waiting;
    this.#waiting = new Map();
    try {
      await keepUses(this.#store.fork(), uses);
    } catch {
      for (const id of uses.keys()) this.#noted.delete(id);
      this.#onWarning("when API keys were last used could not be written");
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.write();
  }
}
