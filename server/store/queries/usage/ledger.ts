import { setTimeout as pause } from "node:timers/promises";
import type { Pool } from "pg";
import type { Fault } from "../../../base/fault.ts";
import type { RowChanges } from "../../cache/row-changes.ts";
import { outageOf, storeUnavailable } from "../../sql/database-errors.ts";
import { GroupCommit } from "../../sql/group-commit.ts";
import { type Entry, statementFor } from "./entry.ts";

/** Whether the turn of an entry was still running; true for an entry without one. */
export interface Written {
  readonly wasRunning: boolean;
}

const UNIQUE_VIOLATION = "23505";
const RETRY_MS = 250;
/** Entries that are kept while the database is away. */
const MAX_KEPT = 10_000;
const WRITTEN_AT_ONCE = 200;
/** A database that was started again, or a standby that took over, is mostly there by then. */
const PATIENCE_MS = 10_000;

/** Of the store: where rows are written, and whether they can be. */
interface WritableStore {
  readonly pool: Pool;
  readonly changes: Pick<RowChanges, "announce">;
  readonly isWritable: boolean;
  canServe(): Promise<boolean>;
}

/** An entry that could not be written yet, and who waits for it. */
interface Kept {
  readonly entry: Entry;
  readonly resolve: (written: Written) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Where replies and the ends of turns are written: durably, and many in one statement.
 *
 * What cannot be written because the database is away is kept in memory and tried again until it is written or the
 * server ends, since the provider bills it all the same. Whoever waits for it waits for some time, in which most
 * databases are back, and fails then. Meanwhile nothing new should be asked of a provider: see `requireWritable`.
 */
export class Ledger {
  readonly #store: WritableStore;
  readonly #commits: GroupCommit<Entry, Written>;
  readonly #onWarning: (message: string) => void;
  readonly #patienceMs: number;
  readonly #kept: Kept[] = [];
  #retry: NodeJS.Timeout | undefined;
  #retrying: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(store: WritableStore, onWarning: (message: string) => void, patienceMs = PATIENCE_MS) {
    this.#store = store;
    this.#commits = new GroupCommit((entries) => this.#commit(entries));
    this.#onWarning = onWarning;
    this.#patienceMs = patienceMs;
  }

  /**
   * Refuses what would have to be paid and could not be written: while something is kept, or the database takes no
   * writes. It asks the database only when that is in doubt.
   */
  async requireWritable(): Promise<void> {
    if (this.#kept.length === 0 && (this.#store.isWritable || (await this.#store.canServe()))) return;
    throw storeUnavailable("usage cannot be recorded, so that nothing is sent to a provider; try again in a moment");
  }

  /** Resolves when it is durable. */
  write(entry: Entry): Promise<Written> {
    return this.#commits.add(entry);
  }

  /** Writes what it still has, if it can. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#commits.settled();
    clearTimeout(this.#retry);
    await this.#retrying;
    if (this.#kept.length === 0) return;
    await this.#writeKept();
    if (this.#kept.length === 0) return;
    const count = this.#kept.length;
    this.#onWarning(`${count} replies are not in the usage: the database went away before they were written`);
  }

  async #commit(entries: readonly Entry[]): Promise<readonly (Written | Promise<Written>)[]> {
    // In their order, behind what is kept already: a database that is away is asked by one at a time.
    if (this.#kept.length > 0) return this.#keep(entries);
    try {
      return await this.#writeAll(entries);
    } catch (error) {
      if (outageOf(error) !== undefined) return this.#keep(entries, error);
      // One entry that cannot be written must not hold back the others of its group.
      if (entries.length > 1) return entries.map(async (entry) => (await this.#commit([entry]))[0] as Written);
      this.#onWarning(`a reply cannot be written into the usage: ${(error as Error).message}`);
      throw error;
    }
  }

  /** A lost connection tells nothing of what was committed; to repeat it is harmless. */
  async #writeAll(entries: readonly Entry[]): Promise<readonly Written[]> {
    try {
      return await this.#execute(entries);
    } catch (error) {
      if (outageOf(error) === undefined) throw error;
      await pause(50);
      return this.#execute(entries);
    }
  }

  async #execute(entries: readonly Entry[]): Promise<readonly Written[]> {
    const { rows } = await this.#store.pool.query<{ id: string }>(statementFor(entries)).catch((error) => {
      if (entries.length > 1 || !isThere(error)) throw error;
      return { rows: [] };
    });
    const ended = new Set(rows.map(({ id }) => id));
    // The database tells other servers; whoever asks here what an Llm has cost is told with what they have just been told.
    for (const llmId of new Set(entries.flatMap(({ reply }) => reply?.llmId ?? []))) {
      this.#store.changes.announce("llm_total", llmId);
    }
    return entries.map(({ turn }) => ({ wasRunning: turn === undefined || ended.has(turn.turnId) }));
  }

  #keep(entries: readonly Entry[], cause?: unknown): readonly Promise<Written>[] {
    if (this.#kept.length === 0) this.#onWarning("usage cannot be recorded; it is kept until the database is back");
    return entries.map((entry) => this.#keepOne(entry, cause));
  }

  #keepOne(entry: Entry, cause: unknown): Promise<Written> {
    if (this.#kept.length >= MAX_KEPT) {
      this.#onWarning("a reply is not in the usage: the database is away for too long");
      return Promise.reject(notRecorded(cause));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Written>();
    promise.catch(() => {}); // Whoever waits for it may have gone.
    // There is nothing to wait for where there is no reply to be had.
    const waits = !this.#isClosed && entry.reply?.outcome === "COMPLETED";
    setTimeout(() => reject(notRecorded(cause)), waits ? this.#patienceMs : 0).unref();
    this.#kept.push({ entry, resolve, reject });
    this.#tryAgainLater();
    return promise;
  }

  #tryAgainLater(): void {
    if (this.#isClosed || this.#retry) return;
    this.#retry = setTimeout(() => {
      this.#retrying = this.#writeKept().then(() => {
        this.#retry = undefined;
        if (this.#kept.length > 0) this.#tryAgainLater();
        else this.#onWarning("usage is recorded again, with all that was kept");
      });
    }, RETRY_MS).unref();
  }

  /** Writes what is kept, in its order, until that fails as the database is away. */
  async #writeKept(): Promise<void> {
    while (this.#kept.length > 0) {
      const group = this.#kept.slice(0, WRITTEN_AT_ONCE);
      try {
        const results = await this.#execute(group.map(({ entry }) => entry));
        for (const [index, { resolve }] of group.entries()) resolve(results[index] as Written);
        this.#kept.splice(0, group.length);
      } catch (error) {
        if (outageOf(error) !== undefined) return;
        await this.#writeOneByOne(group);
      }
    }
  }

  /** For a group with an entry that cannot be written at all; what an outage interrupts stays kept. */
  async #writeOneByOne(group: readonly Kept[]): Promise<void> {
    for (const kept of group) {
      try {
        const [written] = await this.#execute([kept.entry]);
        kept.resolve(written as Written);
      } catch (error) {
        if (outageOf(error) !== undefined) return;
        this.#onWarning(`a reply cannot be written into the usage: ${(error as Error).message}`);
        kept.reject(error);
      }
      this.#kept.shift();
    }
  }
}

/** Whether a reply was written before, by a statement of which nothing was heard any more. */
function isThere(error: unknown): boolean {
  const { code, table = "" } = error as { code?: string; table?: string };
  return code === UNIQUE_VIOLATION && table.startsWith("reply_usage");
}

function notRecorded(cause: unknown): Fault {
  return storeUnavailable(
    "the provider replied and the database is away; the reply is recorded when it is back. Try again in a moment",
    cause,
  );
}
