import { setTimeout as sleep } from "node:timers/promises";
import { type Client, DatabaseError, type Pool } from "pg";
import type { Connector } from "./connector.ts";
import type { Host } from "./database-address.ts";

/** How often it is asked, and how long an answer may take. */
const BEAT_MS = 1_000;
const PATIENCE_MS = 2_000;

/**
 * The time, written at the primary: who reads it has all that was committed before. Any number of servers may write it,
 * and it needs not be on the disk: what is lost with a machine was of no use.
 */
const STAMP = `with stamped as (
    insert into write_probe (id, probed_at, filler) values (2, clock_timestamp(), '')
    on conflict (id) do update set probed_at = excluded.probed_at
      where write_probe.probed_at < excluded.probed_at - interval '500 milliseconds'
  )
  select extract(epoch from clock_timestamp()) * 1000 as "primaryMs", set_config('synchronous_commit', 'off', true)`;
const STAMPED = `select extract(epoch from probed_at) * 1000 as "stampMs" from write_probe where id = 2`;

/** One that has just begun to follow gets so many beats before it is said that it does not. */
const BEATS_TO_BEGIN = 3;

/**
 * How old what a replica has may be, proven by a time that was written at the primary and arrived: it says so of any kind
 * of replication, of one that was paused or lost its primary, and of a database that is no replica at all. What cannot be
 * proven counts as too old.
 */
export class ReplicaAge {
  readonly #connector: Connector;
  readonly #primary: Pick<Pool, "query">;
  readonly #mostMs: number;
  readonly #onWarning: (message: string) => void;
  #client: Client | undefined;
  /** The server that the proof is of. */
  #host: Host | undefined;
  /** All that was committed before this moment, of our clock, is known to be there. */
  #asOf = Number.NEGATIVE_INFINITY;
  #isUsed = false;
  #beats = 0;
  /** Whether it is used, as the log has it. */
  #isToldUsed = true;
  readonly #ending = new AbortController();
  readonly #loop: Promise<void>;

  constructor(
    connector: Connector,
    primary: Pick<Pool, "query">,
    mostMs: number,
    onWarning: (message: string) => void,
  ) {
    this.#connector = connector;
    this.#primary = primary;
    this.#mostMs = mostMs;
    this.#onWarning = onWarning;
    this.#loop = this.#goOn();
  }

  /** In milliseconds, and at the most; infinity while nothing is proven. */
  get ageMs(): number {
    return performance.now() - this.#asOf;
  }

  /** Whether the server that reads would go to is no further behind than it may be. */
  get isProven(): boolean {
    return this.#isUsed && this.ageMs <= this.#mostMs && this.#connector.currentHost === this.#host;
  }

  async close(): Promise<void> {
    this.#ending.abort();
    this.#drop();
    await this.#loop;
  }

  async #goOn(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      const problem = await this.#beat();
      if (signal.aborted) return;
      this.#beats++;
      this.#decide(problem);
      await sleep(BEAT_MS, undefined, { ref: false, signal }).catch(() => {});
    }
  }

  /** Learns how old it is. Never fails: it tells what could not be learned. */
  async #beat(): Promise<string | undefined> {
    const askedAt = performance.now();
    let primaryMs: number;
    try {
      const { rows } = await this.#primary.query<{ primaryMs: string }>(STAMP);
      primaryMs = Number(rows[0]?.primaryMs);
    } catch {
      return "the primary does not take the time, which would tell how far it is behind";
    }
    try {
      const stampMs = await this.#readStamp();
      if (stampMs === undefined) return "what is written at the primary does not arrive there";
      this.#asOf = Math.max(this.#asOf, askedAt - (primaryMs - stampMs));
      return undefined;
    } catch (error) {
      this.#forget();
      return error instanceof DatabaseError ? `it refuses (${error.code})` : "it does not answer";
    }
  }

  async #readStamp(): Promise<number | undefined> {
    const host = await this.#connector.host();
    if (host !== this.#host) this.#forget(); // What is proven of one server says nothing of another.
    this.#host = host;
    const client = this.#client ?? (await this.#connect());
    const { rows } = await client.query<{ stampMs: string }>(STAMPED);
    return rows[0] && Number(rows[0].stampMs);
  }

  async #connect(): Promise<Client> {
    const client = this.#connector.client({
      application_name: "patchbay replica age",
      connectionTimeoutMillis: PATIENCE_MS,
      query_timeout: PATIENCE_MS,
    });
    client.on("error", () => {}); // The next beat finds it gone.
    this.#client = client;
    await client.connect();
    return client;
  }

  /** Nothing is proven any more; whoever waits for it is better served by the primary. */
  #forget(): void {
    this.#asOf = Number.NEGATIVE_INFINITY;
    this.#drop();
    this.#connector.cut();
  }

  #drop(): void {
    this.#client?.end().catch(() => {});
    this.#client = undefined;
  }

  /** One that was left out is used again when there is room: at the limit itself it would come and go. */
  #decide(problem: string | undefined): void {
    this.#isUsed = this.ageMs <= (this.#isUsed ? this.#mostMs : this.#mostMs / 2);
    if (this.#isUsed === this.#isToldUsed || (!this.#isUsed && this.#beats < BEATS_TO_BEGIN)) return;
    this.#isToldUsed = this.#isUsed;
    const behind = `it is ${Math.round(this.ageMs / 1_000)} s behind, and DATABASE_REPLICA_LAG_MS is ${this.#mostMs}`;
    this.#onWarning(
      this.#isUsed
        ? "the replica of DATABASE_URL_REPLICA is read from again"
        : `the replica of DATABASE_URL_REPLICA is not used, and all is read from the primary: ${problem ?? behind}`,
    );
  }
}
