import { saveFailed, saveServed } from "../../store/queries/schedules.ts";
import type { EntityManager } from "../../store/store.ts";
import { type FailureKind, UpstreamFailure } from "../../upstream/models/failure.ts";

const FLUSH_MS = 5_000;
/** Of one Llm, what is heard is written no more often. */
const APART_MS = 60_000;
/** More than the time between two writes: a chat each minute spares the check each minute. */
const MARGIN_SECONDS = (FLUSH_MS + APART_MS) / 1_000;
const MAX_HEARD = 10_000;

/** Failures that say something of the connection rather than of one request. */
const TELLING: ReadonlySet<FailureKind> = new Set([
  "unreachable",
  "timeout",
  "key-refused",
  "provider-key-refused",
  "model-not-found",
  "model-not-allowed",
  "region-refused",
  "cut",
  "quota-exhausted",
  "unavailable",
  "bad-reply",
]);

interface Heard {
  ok: boolean;
  isNew: boolean;
  writtenAt: number;
}

/**
 * What chats tell of Llms, so that what is in use need not be tested: a reply makes an Llm ACTIVE and puts its next check
 * off, a failure brings the check forward. It is a hint: what is not written when a server is lost is heard again.
 */
export class Signals {
  readonly #fork: () => EntityManager;
  readonly #heard = new Map<string, Heard>();
  readonly #timer: NodeJS.Timeout;
  #writing: Promise<void> = Promise.resolve();

  constructor(fork: () => EntityManager) {
    this.#fork = fork;
    this.#timer = setInterval(() => {
      this.#writing = this.flush();
    }, FLUSH_MS).unref();
  }

  /** Notes in memory whether an Llm has served a chat. */
  recordSignal(llmId: string, ok: boolean): void {
    const heard = this.#heard.get(llmId);
    if (heard) Object.assign(heard, { ok, isNew: true });
    else if (this.#heard.size < MAX_HEARD) this.#heard.set(llmId, { ok, isNew: true, writtenAt: -APART_MS });
  }

  /** Records what a chat failed with, if that says anything of the Llm. */
  recordFailure(llmId: string, error: unknown): void {
    if (error instanceof UpstreamFailure && TELLING.has(error.kind)) this.recordSignal(llmId, false);
  }

  /** Writes what was heard and is due. */
  async flush(): Promise<void> {
    const now = performance.now();
    const served: string[] = [];
    const failed: string[] = [];
    for (const [llmId, heard] of this.#heard) {
      if (now - heard.writtenAt < APART_MS) continue;
      if (heard.isNew) (heard.ok ? served : failed).push(llmId);
      else this.#heard.delete(llmId);
      Object.assign(heard, { isNew: false, writtenAt: now });
    }
    try {
      if (served.length > 0) await saveServed(this.#fork(), served, MARGIN_SECONDS);
      if (failed.length > 0) await saveFailed(this.#fork(), failed);
    } catch {
      // Who needs the database says what is wrong with it; the next chats say the same again.
    }
  }

  /** Writes what was heard last. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    await this.flush();
  }
}
