import { setTimeout as sleep } from "node:timers/promises";
import { Client, type ClientConfig } from "pg";

/** How often the connection is asked whether it lives: one that is dead without saying so is found in twice that time. */
const HEARTBEAT_MS = 2_000;
const RECONNECT_PAUSE_MS = 200;

/** Is told which rows have changed. */
export interface RowWatcher {
  /** A row was changed or deleted, by whichever server; its table, and its id as text. */
  changed(table: string, id: string): void;
  /** Any row may have changed unnoticed. */
  missed(): void;
}

/**
 * What changes in the database, as its triggers tell it on one connection of our own. While that is away, `isLive` says so:
 * nothing that was read before can be trusted then.
 */
export class RowChanges {
  readonly #database: ClientConfig;
  readonly #onWarning: (message: string) => void;
  readonly #watchers: RowWatcher[] = [];
  #client: Client | undefined;
  #isClosed = false;

  private constructor(database: ClientConfig, onWarning: (message: string) => void) {
    this.#database = database;
    this.#onWarning = onWarning;
  }

  static async open(database: ClientConfig, onWarning: (message: string) => void): Promise<RowChanges> {
    const changes = new RowChanges(database, onWarning);
    await changes.#connect();
    return changes;
  }

  get isLive(): boolean {
    return this.#client !== undefined;
  }

  watch(watcher: RowWatcher): void {
    this.#watchers.push(watcher);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#client?.end();
  }

  async #connect(): Promise<void> {
    const client = new Client({
      ...this.#database,
      application_name: "patchbay row changes",
      connectionTimeoutMillis: HEARTBEAT_MS,
      query_timeout: HEARTBEAT_MS,
      keepAlive: true,
    });
    client.on("error", () => {}); // Followed by "end", which is what we act on.
    client.on("notification", ({ payload = "" }) => this.#tell(payload));
    await client.connect();
    await client.query("listen row_change");
    client.once("end", () => this.#lost());
    this.#client = client;
    void this.#beat(client);
  }

  #tell(payload: string): void {
    const [table = "", id = ""] = payload.split(":", 2);
    for (const watcher of this.#watchers) watcher.changed(table, id);
  }

  #lost(): void {
    this.#client = undefined;
    for (const watcher of this.#watchers) watcher.missed();
    if (!this.#isClosed) void this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    this.#onWarning("the connection that tells of changed rows is lost; nothing is held in memory until it is back");
    while (!this.#isClosed) {
      await sleep(RECONNECT_PAUSE_MS, undefined, { ref: false });
      try {
        return await this.#connect();
      } catch {
        // Those who need the database say what is wrong with it; this only asks again.
      }
    }
  }

  async #beat(client: Client): Promise<void> {
    while (this.#client === client) {
      await sleep(HEARTBEAT_MS, undefined, { ref: false });
      try {
        await client.query("select 1");
      } catch {
        await client.end().catch(() => {}); // "end" has been told, or is told now.
      }
    }
  }
}
