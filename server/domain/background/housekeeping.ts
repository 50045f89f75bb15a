import { dropPartitions } from "../../store/partitions/drop.ts";
import { makePartitions, type Retention } from "../../store/partitions/partitions.ts";
import { forgetChanges, placeChanges } from "../../store/queries/changes.ts";
import type { EntityManager, Store } from "../../store/store.ts";

/** How often a server looks whether there is something to do; the first time is anywhere within it. */
const EVERY_MS = 60_000;
/** A backlog is worked off piece by piece, and not all of it at once. */
const MAX_PIECES = 20;
/** Whoever watches can resume within this time. */
const CHANGES_KEPT_MS = 24 * 3_600_000;
const CHANGES_AT_ONCE = 1_000;

/** One piece of work that has become due, in a transaction of its own; tells how much it was, 0 for nothing. */
export type Chore = (em: EntityManager) => Promise<number>;

/**
 * Does what becomes due with time. Each server does it by itself: a chore takes what no other server has taken, so that
 * it is done once, by whoever comes first, and goes on when a server is lost.
 */
export class Housekeeping {
  readonly #fork: () => EntityManager;
  readonly #chores: readonly Chore[];
  readonly #onWarning: (message: string) => void;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(fork: () => EntityManager, chores: readonly Chore[], onWarning: (message: string) => void) {
    this.#fork = fork;
    this.#chores = chores;
    this.#onWarning = onWarning;
    this.#wait(Math.random() * EVERY_MS);
  }

  /** Waits for the piece that is being done. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#running = this.#work();
    }, ms).unref();
  }

  async #work(): Promise<void> {
    for (const chore of this.#chores) {
      try {
        for (let pieces = 0; pieces < MAX_PIECES && this.#timer; pieces++) {
          if ((await chore(this.#fork())) === 0) break;
        }
      } catch (error) {
        this.#onWarning(`housekeeping failed, and is tried again: ${(error as Error).message}`);
      }
    }
    if (this.#timer) this.#wait(EVERY_MS);
  }
}

/** Forgets changes that are too old to be resumed behind. */
export async function forgetOldChanges(em: EntityManager, keptMs = CHANGES_KEPT_MS): Promise<number> {
  await placeChanges(em);
  return forgetChanges(em, new Date(Date.now() - keptMs), CHANGES_AT_ONCE);
}

/** Makes the partitions that will be needed, and drops those that are no longer kept. */
export function keepPartitions(store: Store, retention: Retention): Chore {
  const drop = () => store.withSession("patchbay housekeeping", (session) => dropPartitions(session, retention));
  return async (em) => (await makePartitions(em)) + (await drop());
}
