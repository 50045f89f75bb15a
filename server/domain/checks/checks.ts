import { Fault } from "../../base/fault.ts";
import type { Logger } from "../../base/logger.ts";
import { claimChecks, type DueCheck, returnCheck } from "../../store/check-queries.ts";
import type { EntityManager } from "../../store/store.ts";
import { ROLES } from "../access/permissions.ts";
import type { Scope } from "../access/scope.ts";
import type { ConnectionTests } from "../llms/connection-tests.ts";

/** How often a server looks whether a check is due: one look at an index. */
const POLL_MS = 2_000;
const MOST_AT_ONCE = 8;
/** Longer than a test can take; if a server is lost meanwhile, another one checks when it is over. */
const LEASE_SECONDS = 120;
/** A check that fails again and again is made this seldom, or as seldom as the owner wants it. */
const LONGEST_BACK_OFF_MS = 60 * 60_000;
/** Of Llms that are deleted and may come back. */
const ABSENT_MS = 60 * 60_000;

interface Means {
  readonly fork: () => EntityManager;
  readonly tests: ConnectionTests;
  readonly log: Logger;
}

/**
 * Tests Llms by the interval that their owners set. All servers look for what is due; a lease in the database sees to it
 * that one of them makes each check. Checks go on while an Llm is failing, less and less often, so that it recovers by itself.
 */
export class Checks {
  readonly #means: Means;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> = Promise.resolve();
  #hasFailed = false;

  constructor(means: Means) {
    this.#means = means;
    this.#wait(Math.random() * POLL_MS);
  }

  /** Begins no more checks, and gives back those that run. */
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
    const room = MOST_AT_ONCE - this.#running.size;
    try {
      const due = room > 0 ? await claimChecks(this.#means.fork(), room, LEASE_SECONDS) : [];
      for (const check of due) this.#begin(check);
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) this.#means.log.warn({ err: error }, "checks of Llms cannot be looked for; tried again");
      this.#hasFailed = true;
    }
    // Several servers do not look at the same moments.
    this.#wait(POLL_MS * (0.8 + 0.4 * Math.random()));
  }

  #begin(check: DueCheck): void {
    const running = this.#check(check).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #check(check: DueCheck): Promise<void> {
    const { fork, log } = this.#means;
    try {
      const failures = await this.#test(check);
      const delayMs = failures === undefined ? ABSENT_MS : delayOf(check.intervalSeconds * 1_000, failures);
      await returnCheck(fork(), check.llmId, delayMs, failures ?? 0);
    } catch (error) {
      if (this.#stopping.signal.aborted) await this.#giveBack(check);
      // The lease goes on: it is tried again when that is over.
      else log.warn({ err: error, llmId: check.llmId }, "an Llm could not be checked; tried again later");
    }
  }

  /** How often in a row the check has failed now; undefined if there is nothing to check. */
  async #test({ llmId, failures }: DueCheck): Promise<number | undefined> {
    try {
      const { outcome } = await this.#means.tests.check(this.#scope(), llmId);
      return outcome === "OK" ? 0 : failures + 1;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      if (error.reason === "LLM_NOT_FOUND") return undefined;
      if (error.reason === "CREDENTIALS_UNREADABLE") return failures + 1;
      throw error;
    }
  }

  async #giveBack({ llmId, failures }: DueCheck): Promise<void> {
    try {
      await returnCheck(this.#means.fork(), llmId, 0, failures);
    } catch {
      // The lease ends by itself.
    }
  }

  /** Nobody calls: the audit names no account. */
  #scope(): Scope {
    const caller = { accountId: "", apiKeyId: "", role: "ADMIN" as const, permissions: ROLES.ADMIN };
    return { caller, em: this.#means.fork(), signal: this.#stopping.signal };
  }
}

/** Somewhat more than the interval, so that what was made together is not checked together for ever. */
function delayOf(intervalMs: number, failures: number): number {
  const backOffMs = Math.min(intervalMs * 2 ** Math.min(failures, 20), LONGEST_BACK_OFF_MS);
  return Math.max(intervalMs, backOffMs) * (1 + 0.1 * Math.random());
}
