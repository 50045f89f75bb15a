import { usdOf } from "../../base/usd.ts";
import { claimNotices, type NoticeRow, postponeNotice, settleNotice } from "../../store/limits/limit-notices.ts";
import type { EntityManager } from "../../store/store.ts";
import { backOff } from "./due-work.ts";

const POLL_MS = 2_000;
const AT_ONCE = 8;
const FIRST_WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 3_600_000;

interface Deps {
  readonly fork: () => EntityManager;
  /** Tells a message; answers with the HTTP status. */
  readonly send: (id: string, body: string, signal: AbortSignal) => Promise<number>;
  readonly onWarning: (message: string) => void;
}

/**
 * Tells the operator's webhook which limits are near. What is to be told is in the database, so that nothing of it is lost
 * when a server ends; all servers look for it, and a lease sees to it that one of them tells it.
 */
export class LimitNotices {
  readonly #deps: Deps;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> = Promise.resolve();
  #hasFailed = false;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#wait();
  }

  /** Begins no more; what is being told is told again by whoever comes next, under the same id. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the server is stopping"));
    clearTimeout(this.#timer);
    await this.#polling;
  }

  #wait(): void {
    if (this.#stopping.signal.aborted) return;
    // Several servers do not look at the same moments.
    const pauseMs = POLL_MS * (0.8 + 0.4 * Math.random());
    this.#timer = setTimeout(() => {
      this.#polling = this.#poll().finally(() => this.#wait());
    }, pauseMs).unref();
  }

  async #poll(): Promise<void> {
    try {
      const due = await claimNotices(this.#deps.fork(), AT_ONCE);
      await Promise.all(due.map((notice) => this.#tell(notice)));
    } catch {
      // The next look comes soon; that the database is away is told by those who need it.
    }
  }

  async #tell(notice: NoticeRow): Promise<void> {
    const { fork, send } = this.#deps;
    const { id, tries } = notice;
    const status = await send(id, bodyOf(notice), this.#stopping.signal).catch(() => 0);
    if (status >= 200 && status < 300) {
      this.#hasFailed = false;
      return settleNotice(fork(), id);
    }
    if (!this.#stopping.signal.aborted) this.#warn(status);
    const delayMs = this.#stopping.signal.aborted ? 0 : backOff(FIRST_WAIT_MS, tries, LONGEST_WAIT_MS);
    return postponeNotice(fork(), id, delayMs * (1 + 0.1 * Math.random()));
  }

  /** Once, until it goes well again. */
  #warn(status: number): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    const why = status === 0 ? "cannot be reached" : `answers with HTTP ${status}`;
    this.#deps.onWarning(`LIMIT_WEBHOOK_URL ${why}; what is to be told is kept for three days and tried again`);
  }
}

/** What is told, in JSON. */
function bodyOf(notice: NoticeRow): string {
  const { id, limit, threshold, kind, holderId, accountId, allowed, used, periodStart, noticedAt } = notice;
  return JSON.stringify({
    type: threshold < 100 ? "limit.near" : "limit.reached",
    timestamp: noticedAt.toISOString(),
    data: {
      noticeId: id,
      holder: kind,
      holderId,
      accountId,
      limit,
      threshold,
      allowed: String(allowed),
      used: String(used),
      ...(limit === "BUDGET" && { allowedUsd: usdOf(allowed), usedUsd: usdOf(used) }),
      periodStart: periodStart.toISOString(),
    },
  });
}
