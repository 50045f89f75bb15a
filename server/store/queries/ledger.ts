import { setTimeout as pause } from "node:timers/promises";
import type { Pool } from "pg";
import { outageOf } from "../sql/errors.ts";
import { GroupCommit } from "../sql/group-commit.ts";
import type { SealedSecret } from "../vault/sealing.ts";
import { RECORD_REPLIES } from "./record-replies.sql.ts";

/** What came of a call of a model. REFUSED is no reply: the provider said no, or was not reached. */
export type Outcome = "COMPLETED" | "CANCELLED" | "FAILED" | "REFUSED";

/** What one reply took and cost, as a row of `reply_usage`. Undefined is unknown, and never 0. */
export interface ReplyRecord {
  readonly id: string;
  readonly ownerId: string;
  readonly llmId: string;
  readonly accountId: string;
  readonly apiKeyId: string;
  readonly subject: string | undefined;
  readonly requestId: string;
  readonly sessionId: string | undefined;
  readonly turnId: string | undefined;
  readonly model: string;
  readonly providerType: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly inputTokens: number | undefined;
  readonly cacheReadTokens: number | undefined;
  readonly cacheWriteTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly reasoningTokens: number | undefined;
  readonly source: "REPORTED" | "ESTIMATED" | undefined;
  readonly outcome: Outcome;
  readonly latencyMs: number;
  readonly firstTokenMs: number | undefined;
  /** In pico-dollars. */
  readonly cost: bigint | undefined;
  readonly priceSource: string | undefined;
  /** Such as 2026-11-25. */
  readonly priceDate: string | undefined;
  readonly createdAt: Date;
}

/** The end of a turn of a session. */
export interface TurnEnd {
  readonly turnId: string;
  readonly attempt: number;
  readonly state: "COMPLETED" | "INTERRUPTED" | "FAILED";
  readonly tokens: number;
  readonly sealedReply: SealedSecret | undefined;
}

/** What is written at once or not at all. */
export interface Entry {
  readonly reply?: ReplyRecord | undefined;
  readonly turn?: TurnEnd | undefined;
}

/** Whether the turn of an entry was still running; true for an entry without one. */
export interface Written {
  readonly wasRunning: boolean;
}

/** Prepared once on each connection. It is long, and what it is to do changes only in its values. */
const STATEMENT = { name: "record-replies", text: RECORD_REPLIES, query_timeout: 5_000 };
const RETRY_MS = 1_000;
/** Entries that are kept while the database is away. */
const MAX_KEPT = 10_000;

/**
 * Where replies and the ends of turns are written: durably, and many in one statement.
 *
 * What cannot be written fails whoever waits for it, and is kept in memory and tried again until it is written or the
 * server ends, since the provider bills it all the same.
 */
export class Ledger {
  readonly #pool: Pool;
  readonly #commits: GroupCommit<Entry, Written>;
  readonly #onWarning: (message: string) => void;
  #kept: Entry[] = [];
  #retry: NodeJS.Timeout | undefined;

  constructor(store: { readonly pool: Pool }, onWarning: (message: string) => void) {
    this.#pool = store.pool;
    this.#commits = new GroupCommit((entries) => this.#commit(entries));
    this.#onWarning = onWarning;
  }

  /** Resolves when it is durable. */
  write(entry: Entry): Promise<Written> {
    return this.#commits.add(entry);
  }

  /** Writes what it still has, if it can. */
  async close(): Promise<void> {
    clearTimeout(this.#retry);
    await this.#commits.settled();
    clearTimeout(this.#retry);
    const kept = this.#kept.splice(0);
    if (kept.length === 0) return;
    try {
      await this.#writeAll(kept);
    } catch {
      this.#onWarning(`${kept.length} replies are not in the usage: the database went away before they were written`);
    }
  }

  async #commit(entries: readonly Entry[]): Promise<readonly (Written | Promise<Written>)[]> {
    try {
      return await this.#writeAll(entries);
    } catch (error) {
      if (outageOf(error) !== undefined) {
        this.#keep(entries);
        throw error;
      }
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
      if (!isWorthRepeating(error)) throw error;
      await pause(50);
      return this.#execute(entries);
    }
  }

  async #execute(entries: readonly Entry[]): Promise<readonly Written[]> {
    const replies = entries.flatMap(({ reply }) => (reply ? [rowOf(reply)] : []));
    const turns = entries.flatMap(({ turn }) => (turn ? [turnRowOf(turn)] : []));
    const values = [JSON.stringify(replies), JSON.stringify(turns)];
    const { rows } = await this.#pool.query<{ id: string }>({ ...STATEMENT, values });
    const ended = new Set(rows.map(({ id }) => id));
    return entries.map(({ turn }) => ({ wasRunning: turn === undefined || ended.has(turn.turnId) }));
  }

  #keep(entries: readonly Entry[]): void {
    const room = MAX_KEPT - this.#kept.length;
    if (entries.length > room) {
      this.#onWarning(`${entries.length - room} replies are not in the usage: the database is away for too long`);
    }
    this.#kept.push(...entries.slice(0, room));
    this.#retry ??= setTimeout(() => this.#writeKept(), RETRY_MS).unref();
  }

  #writeKept(): void {
    this.#retry = undefined;
    // Whoever waited for them has gone; what fails again is kept again.
    for (const entry of this.#kept.splice(0)) this.write(entry).catch(() => {});
  }
}

/** An outage, or two servers that locked the same rows in another order after all. */
function isWorthRepeating(error: unknown): boolean {
  return outageOf(error) !== undefined || (error as { code?: string }).code === "40P01";
}

function rowOf(reply: ReplyRecord) {
  return {
    id: reply.id,
    owner_id: reply.ownerId,
    llm_id: reply.llmId,
    account_id: reply.accountId,
    api_key_id: reply.apiKeyId,
    subject: reply.subject,
    request_id: reply.requestId,
    session_id: reply.sessionId,
    turn_id: reply.turnId,
    model: reply.model,
    provider_type: reply.providerType,
    labels: reply.labels,
    input_tokens: reply.inputTokens,
    cache_read_tokens: reply.cacheReadTokens,
    cache_write_tokens: reply.cacheWriteTokens,
    output_tokens: reply.outputTokens,
    reasoning_tokens: reply.reasoningTokens,
    source: reply.source,
    outcome: reply.outcome,
    latency_ms: reply.latencyMs,
    first_token_ms: reply.firstTokenMs,
    cost: reply.cost?.toString(),
    price_source: reply.priceSource,
    price_date: reply.priceDate,
    created_at: reply.createdAt,
  };
}

function turnRowOf({ turnId, attempt, state, tokens, sealedReply }: TurnEnd) {
  return { turn_id: turnId, attempt, state, tokens, sealed_reply: sealedReply, ended_at: new Date() };
}
