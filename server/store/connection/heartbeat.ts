import type { Client } from "pg";
import type { Connector } from "./connector.ts";

/** What the database said of itself. */
export interface Beat {
  /** The session that answered, as PostgreSQL counts its own. */
  readonly pid: number;
  readonly isReadOnly: boolean;
}

/** Nothing that needs the disk's word: a beat that is lost with the machine was of no use. */
const BEAT = `select pg_backend_pid() as pid,
  pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as "isReadOnly",
  set_config('synchronous_commit', 'off', true),
  case when pg_is_in_recovery() then null else pg_notify($1, $2) end`;

/**
 * Asks the database how it is, on a connection that nobody else uses and that goes where the calls' connections go; and
 * notifies a channel by the same statement, for whoever wants to know whether notifications arrive.
 */
export class Heartbeat {
  readonly #connector: Connector;
  readonly #patienceMs: number;
  #client: Client | undefined;

  constructor(connector: Connector, patienceMs: number) {
    this.#connector = connector;
    this.#patienceMs = patienceMs;
  }

  /** Fails when the database does not answer in time; the next one begins with a new connection then. */
  async beat(channel: string, payload: string): Promise<Beat> {
    const client = this.#client ?? (await this.#connect());
    try {
      const { rows } = await client.query<Beat>(BEAT, [channel, payload]);
      return rows[0] as Beat;
    } catch (error) {
      this.#drop(client);
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#client) this.#drop(this.#client);
  }

  async #connect(): Promise<Client> {
    const client = this.#connector.client({
      application_name: "patchbay heartbeat",
      connectionTimeoutMillis: this.#patienceMs,
      query_timeout: this.#patienceMs,
    });
    client.on("error", () => {}); // The next beat finds it gone.
    client.once("end", () => {
      if (this.#client === client) this.#client = undefined;
    });
    await client.connect();
    this.#client = client;
    return client;
  }

  #drop(client: Client): void {
    if (this.#client === client) this.#client = undefined;
    client.end().catch(() => {});
  }
}
