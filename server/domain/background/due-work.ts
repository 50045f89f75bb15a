import type { Logger } from "../../base/log.ts";
import { claimDue, type DueLlm, type DueTable, returnDue } from "../../store/queries/schedules.ts";
import type { EntityManager } from "../../store/store.ts";
import { ROLES } from "../call/permissions.ts";
import type { Scope } from "../call/scope.ts";

/** How often a server looks whether something is due: one look at an index. */
const POLL_MS = 2_000;
/** After a look that found as much as could be begun: there is more. */
const BUSY_POLL_MS = 100;
const MAX_AT_ONCE = 8;
/** Longer than the work can take; if a server is lost meanwhile, another one does it when this is over. */
const LEASE_SECONDS = 120;

/** When work is due again, and how often in a row it has failed now. */
export interface Done {
  readonly delayMs: number;
  readonly failures: number;
}

/** Nobody calls: the scope names no account. */
export type Work = (scope: Scope, due: DueLlm) => Promise<Done>;

interface Deps {
  readonly fork: () => EntityManager;
  readonly log: Logger;
  readonly table: DueTable;
  /** What the work is, for the log. */
  readonly name: string;
  /** What it throws is logged, and it is tried again when the lease is over. */
  readonly work: Work;
}

/**
 * Does for each Llm what becomes due again and again. All servers look for what is due; a lease in the database sees to
 * it that one of them does it.
 */
export class DueWork {
  readonly #deps: Deps;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> = Promise.resolve();
  #hasFailed = false;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#wait(Math.random() * POLL_MS);
  }

  /** Begins no more work, and gives back what runs. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the server is stopping"));
    clearTimeout(this.#timer);
    await this.#polling;
    await Promise.all(this.#running);
  }

  #wait(ms: number): void {
    if (this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#polling = this.#poll();
    }, ms).unref();
  }

  async #poll(): Promise<void> {
    const { fork, log, table, name } = this.#deps;
    const room = MAX_AT_ONCE - this.#running.size;
    let pauseMs = POLL_MS;
    try {
      const found = room > 0 ? await claimDue(fork(), table, room, LEASE_SECONDS) : [];
      for (const due of found) this.#begin(due);
      if (found.length === room) pauseMs = BUSY_POLL_MS;
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) log.warn({ err: error }, `${name} cannot be looked for; tried again`);
      this.#hasFailed = true;
    }
    // Several servers do not look at the same moments.
    this.#wait(pauseMs * (0.8 + 0.4 * Math.random()));
  }

  #begin(due: DueLlm): void {
    const running = this.#do(due).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #do(due: DueLlm): Promise<void> {
    const { fork, log, table, name, work } = this.#deps;
    try {
      const { delayMs, failures } = await work(this.#scope(), due);
      // Somewhat more, so that what was made together is not due together for ever.
      await returnDue(fork(), table, due.llmId, delayMs * (1 + 0.1 * Math.random()), failures);
    } catch (error) {
      if (this.#stopping.signal.aborted) await this.#giveBack(due);
      else log.warn({ err: error, llmId: due.llmId }, `${name}: one failed; tried again later`);
    }
  }

  async #giveBack({ llmId, failures }: DueLlm): Promise<void> {
    try {
      await returnDue(this.#deps.fork(), this.#deps.table, llmId, 0, failures);
    } catch {
      // The lease ends by itself.
    }
  }

  #scope(): Scope {
    const caller = { accountId: "", apiKeyId: "", role: "ADMIN" as const, permissions: ROLES.ADMIN };
    return { caller, em: this.#deps.fork(), signal: this.#stopping.signal };
  }
}

/** A time that doubles with each failure after the first, up to a longest one. */
export function backOff(firstMs: number, failures: number, longestMs: number): number {
  return Math.min(firstMs * 2 ** Math.min(failures - 1, 20), longestMs);
}
