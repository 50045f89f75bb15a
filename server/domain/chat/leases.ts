import { releaseReservations } from "../../store/queries/budgets.ts";
import { interruptTurns, renewLeases } from "../../store/queries/chat/turns.ts";
import { outageOf } from "../../store/sql/database-errors.ts";
import type { EntityManager } from "../../store/store.ts";

/** A server that has not said for so long that it lives is taken for dead. */
const LEASE_MS = 15_000;

/**
 * Says that the turns of this server are running, and ends those of servers that do not say so any more, as well as what
 * they held of budgets. All servers may do so at once.
 */
export class Leases {
  readonly leaseMs = LEASE_MS;
  readonly #fork: () => EntityManager;
  readonly #onWarning: (message: string) => void;
  readonly #running = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #round: Promise<void> = Promise.resolve();
  #wentWrongAt = Number.NEGATIVE_INFINITY;

  constructor(fork: () => EntityManager, onWarning: (message: string) => void) {
    this.#fork = fork;
    this.#onWarning = onWarning;
    this.#timer = setInterval(() => {
      this.#round = this.#goRound();
    }, LEASE_MS / 3).unref();
  }

  /** Ends what a server that was alone on its database left running. */
  async recover(): Promise<void> {
    await interruptTurns(this.#fork(), { everything: true });
    await releaseReservations(this.#fork(), { everything: true });
  }

  /** Keeps a turn running until the answer is called. */
  hold(turnId: string): () => void {
    this.#running.add(turnId);
    return () => this.#running.delete(turnId);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#round;
  }

  async #goRound(): Promise<void> {
    const em = this.#fork();
    try {
      if (this.#running.size > 0) await renewLeases(em, [...this.#running], LEASE_MS);
      // While the database was away nobody could say that they live: they are given the time to.
      if (performance.now() - this.#wentWrongAt < LEASE_MS) return;
      await interruptTurns(em);
      await releaseReservations(em);
    } catch (error) {
      this.#wentWrongAt = performance.now();
      // The next round comes soon; that the database is away is told by those who need it.
      if (!outageOf(error)) this.#onWarning(`turns that died cannot be ended: ${(error as Error).message}`);
    }
  }
}
