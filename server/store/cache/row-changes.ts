import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import type { Connector } from "../connection/connector.ts";
import { Heartbeat } from "../connection/heartbeat.ts";

/** How often it is proven that changes are told, and how long the proof may take: what is dead is found in twice that. */
const BEAT_MS = 2_000;
const RECONNECT_PAUSE_MS = 200;
const CHANNEL = "row_change";

/** Is told which rows have changed. */
export interface RowWatcher {
  /** A row was changed or deleted, by whichever server; its table, and its id as text. */
  changed(table: string, id: string): void;
  /** Any row may have changed unnoticed. */
  missed(): void;
}

/** How the database was when it was last asked. */
export type DatabaseState = "WRITABLE" | "READ_ONLY" | "UNREACHABLE";

/** What is waited for: a notification, and the session that must have sent it. */
interface Proof {
  readonly payload: string;
  readonly arrived: (pid: number) => void;
}

/**
 * What changes in the database, as its triggers tell it on one connection of our own.
 *
 * That it is told is proven with every beat: a notification is sent by another session, on the way that calls go, and
 * has to arrive while this connection does nothing else. A pooler in transaction mode takes LISTEN and forgets it; what
 * one sends to oneself through it arrives all the same. While there is no proof, `isLive` says so: nothing that was read
 * before can be trusted then.
 */
export class RowChanges {
  readonly #connector: Connector;
  readonly #heartbeat: Heartbeat;
  readonly #onWarning: (message: string) => void;
  readonly #watchers: RowWatcher[] = [];
  readonly #name = randomUUID();
  #client: Client | undefined;
  #proof: Proof | undefined;
  #state: DatabaseState = "UNREACHABLE";
  #isLive = false;
  #liveSince = 0;
  #beats = 0;
  #isClosed = false;
  #hasWarned = false;
  #loop: Promise<void> = Promise.resolve();
  readonly #ending = new AbortController();

  private constructor(listen: Connector, notify: Connector, onWarning: (message: string) => void) {
    this.#connector = listen;
    this.#heartbeat = new Heartbeat(notify, BEAT_MS);
    this.#onWarning = onWarning;
  }

  /** Listens by one way and proves it by the way that calls go; the first proof has been tried when it resolves. */
  static async open(listen: Connector, notify: Connector, onWarning: (message: string) => void): Promise<RowChanges> {
    const changes = new RowChanges(listen, notify, onWarning);
    await changes.#beat();
    changes.#loop = changes.#goOn();
    return changes;
  }

  /** Whether it is proven that changes are told. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** Since when that has been proven without a gap, by the clock of `performance.now()`. */
  get liveSince(): number {
    return this.#liveSince;
  }

  /** Whether the database takes writes, as of the last beat. */
  get state(): DatabaseState {
    return this.#state;
  }

  watch(watcher: RowWatcher): void {
    this.#watchers.push(watcher);
  }

  /** Tells those who watch here of a change that was committed here, before the database does. */
  announce(table: string, id: string): void {
    for (const watcher of this.#watchers) watcher.changed(table, id);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#ending.abort();
    this.#proof?.arrived(0);
    this.#client?.end().catch(() => {});
    await Promise.all([this.#loop, this.#heartbeat.close()]);
  }

  async #goOn(): Promise<void> {
    while (!this.#isClosed) {
      const pauseMs = this.#client ? BEAT_MS : RECONNECT_PAUSE_MS;
      await sleep(pauseMs, undefined, { ref: false, signal: this.#ending.signal }).catch(() => {});
      if (!this.#isClosed) await this.#beat();
    }
  }

  /** Never fails: those who need the database say what is wrong with it; this only asks again. */
  async #beat(): Promise<void> {
    try {
      const client = this.#client ?? (await this.#listen());
      this.#setLive(await this.#prove(client));
    } catch {
      const client = this.#client;
      this.#client = undefined;
      client?.end().catch(() => {});
      this.#setLive(false);
      await this.#ask();
    }
  }

  async #listen(): Promise<Client> {
    const client = this.#connector.client({
      application_name: "patchbay row changes",
      connectionTimeoutMillis: BEAT_MS,
      query_timeout: BEAT_MS,
    });
    client.on("error", () => {}); // Followed by "end", which is what we act on.
    client.on("notification", ({ payload = "", processId }) => this.#hear(payload, processId));
    await client.connect();
    await client.query(`listen ${CHANNEL}`);
    client.once("end", () => {
      if (this.#client === client) this.#client = undefined;
      this.#setLive(false);
    });
    this.#client = client;
    return client;
  }

  /** Sent by another session than the one that listens, and heard while that one does nothing. */
  async #prove(client: Client): Promise<boolean> {
    const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
    const payload = `proof:${this.#name}.${++this.#beats}`;
    const heard = new Promise<number | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), BEAT_MS);
      const arrived = (pid: number) => {
        clearTimeout(timer);
        resolve(pid);
      };
      this.#proof = { payload, arrived };
    });
    const sender = await this.#ask(payload);
    if (sender === undefined) return false;
    const pid = await heard;
    return pid === sender && pid !== rows[0]?.pid && this.#client === client;
  }

  /** How the database is; the session that said so, or undefined if none did. */
  async #ask(payload = "asked"): Promise<number | undefined> {
    try {
      const { pid, isReadOnly } = await this.#heartbeat.beat(CHANNEL, payload);
      this.#state = isReadOnly ? "READ_ONLY" : "WRITABLE";
      return pid;
    } catch {
      this.#state = "UNREACHABLE";
      return undefined;
    }
  }

  #hear(payload: string, processId: number): void {
    const [table = "", id = ""] = payload.split(":", 2);
    if (table === "proof") {
      if (payload === this.#proof?.payload) this.#proof.arrived(processId);
      return;
    }
    this.announce(table, id);
  }

  #setLive(isLive: boolean): void {
    const wasLive = this.#isLive;
    this.#isLive = isLive;
    if (!wasLive && isLive) this.#liveSince = performance.now();
    if (this.#isClosed) return;
    if (wasLive && !isLive) for (const watcher of this.#watchers) watcher.missed();
    if (!isLive && !this.#hasWarned) {
      this.#hasWarned = true;
      this.#onWarning(
        "changes of rows are not told; nothing is held in memory until they are, and every call asks the database" +
          (this.#state === "UNREACHABLE" ? "" : ": behind a pooler in transaction mode, set DATABASE_URL_DIRECT"),
      );
    }
    if (isLive && this.#hasWarned) {
      this.#hasWarned = false;
      this.#onWarning("changes of rows are told again");
    }
  }
}
