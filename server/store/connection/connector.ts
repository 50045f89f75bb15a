import { Client, type ClientConfig } from "pg";
import type { Address, Host } from "./database-address.ts";
import { PoolGuard } from "./guard-pool.ts";
import { Hosts } from "./hosts.ts";

/** How long what may be waited for; in milliseconds. */
export interface Timeouts {
  /** For a connection, a new one or one of the pool. */
  readonly connectMs: number;
  /** For a statement. */
  readonly queryMs: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = { connectMs: 5_000, queryMs: 5_000 };

/** A lock is waited for no longer than this. */
const LOCK_TIMEOUT_MS = 2_000;
const IDLE_IN_TRANSACTION_MS = 10_000;
/** PostgreSQL's own limit says what is wrong, so that it comes first; ours is for a database that says nothing any more. */
const ANSWER_MARGIN_MS = 2_000;
const KEEP_ALIVE_MS = 10_000;
/** The database says that it is one that takes no writes, or has no room for them. */
const CANNOT_WRITE = /^(25006|53100|53200|58030)$/;
/** What was prepared on one connection is looked for on another: a pooler in transaction mode is in between. */
const NOT_MY_STATEMENT = /^(26000|42P05)$/;
const OPENS_OR_UNDOES = /^\s*(begin|start transaction|rollback)\b/i;

/**
 * Makes the connections to a database, and learns from what becomes of them: one that no longer answers is cut, and with
 * it those that nobody uses and that are likely dead, too; one that has become read-only is not used again.
 */
export class Connector {
  readonly #address: Address;
  readonly #hosts: Hosts;
  readonly #timeouts: Timeouts;
  readonly #open = new Set<GuardedClient>();
  readonly guard = new PoolGuard();
  /** Told of trouble with writes. */
  onTrouble: () => void = () => {};
  /** A pooler is in front of the database: a session may have another connection for each transaction. */
  isPooled = false;
  #isClosed = false;

  constructor(address: Address, timeouts: Timeouts = DEFAULT_TIMEOUTS) {
    this.#address = address;
    this.#hosts = new Hosts(address);
    this.#timeouts = timeouts;
  }

  get timeouts(): Timeouts {
    return this.#timeouts;
  }

  /** What pg and MikroORM are told of the database. */
  get config(): ClientConfig {
    return this.#address.config;
  }

  /** For a pool: it makes its connections of this class, with limits for what they do or, for migrations, without. */
  classOf(kind: "limited" | "unlimited"): typeof Client {
    const connector = this;
    return class extends GuardedClient {
      constructor(options: ClientConfig) {
        super(connector, { ...options, ...(kind === "limited" ? connector.#limits() : {}) });
      }
    } as unknown as typeof Client;
  }

  /** A connection of one's own, without limits for its statements unless they are given. */
  client(options: ClientConfig): Client {
    const { connectMs } = this.#timeouts;
    return new GuardedClient(this, { connectionTimeoutMillis: connectMs, ...options });
  }

  /** Limits for the statements of a transaction, where they cannot be said of the session. */
  get transactionLimits(): string {
    const { queryMs } = this.#timeouts;
    return `set local statement_timeout = ${queryMs}; set local lock_timeout = ${this.#lockMs()}`;
  }

  /** Cuts the connections that nobody uses: they are where one that went dead was. */
  cutIdle(): void {
    for (const client of this.#open) if (client.isIdle) client.cut();
  }

  /** Cuts all connections, whatever they do. */
  cut(): void {
    for (const client of this.#open) client.cut();
  }

  /** The same, and makes no more. */
  close(): void {
    this.#isClosed = true;
    this.cut();
  }

  /** A connection was opened, or not. */
  noteOpened(client: GuardedClient): void {
    this.#open.add(client);
    client.once("end", () => this.#open.delete(client));
  }

  noteUnreachable(): void {
    this.#hosts.forget();
  }

  /** Where a new connection goes. */
  async host(): Promise<Host> {
    if (this.#isClosed) throw new Error("Connection terminated: the server is stopping");
    return this.#hosts.find();
  }

  /** The same; undefined while that has to be found out. */
  get currentHost(): Host | undefined {
    return this.#hosts.current;
  }

  /** What a failed statement says of the connection that it was on. */
  noteFailure(client: GuardedClient, statement: string, error: { code?: string; message?: string }): void {
    const { code = "", message = "" } = error;
    if (message === "Query read timeout") {
      client.cut();
      this.#hosts.forget();
      this.cutIdle();
      this.onTrouble();
      return;
    }
    if (CANNOT_WRITE.test(code)) this.onTrouble();
    if (code === "25006") {
      this.#hosts.forget();
      client.cut();
    }
    if (NOT_MY_STATEMENT.test(code)) this.isPooled = true;
    // Nothing is known of what is open on it, and whoever has it may not give it back: kysely does not.
    if (OPENS_OR_UNDOES.test(statement)) client.cut();
  }

  #limits(): ClientConfig {
    const { connectMs, queryMs } = this.#timeouts;
    const client = { connectionTimeoutMillis: connectMs, query_timeout: queryMs + ANSWER_MARGIN_MS };
    // A pooler refuses what it does not know how to keep apart.
    if (this.isPooled) return client;
    return {
      ...client,
      statement_timeout: queryMs,
      lock_timeout: this.#lockMs(),
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    };
  }

  #lockMs(): number {
    return Math.min(LOCK_TIMEOUT_MS, this.#timeouts.queryMs);
  }
}

/** The parts of pg's connection that its types do not have. */
interface Wire {
  readonly stream: { readonly destroyed: boolean; destroy(): void };
}

type Callback = (error: Error | null, result?: unknown) => void;

/** A connection that says what it sees to the connector that made it. */
class GuardedClient extends Client {
  readonly #connector: Connector;
  #running = 0;
  /** Whether a pool has given it to somebody. */
  isTaken = false;

  constructor(connector: Connector, options: ClientConfig) {
    super({ ...options, ...connector.config, keepAlive: true, keepAliveInitialDelayMillis: KEEP_ALIVE_MS });
    this.#connector = connector;
    // From the first moment: an error event that nobody listens to would end the process.
    this.on("error", () => connector.noteUnreachable());
  }

  get isIdle(): boolean {
    return this.#running === 0 && !this.isTaken;
  }

  /** Ends it without a goodbye, for which nobody may be listening. */
  cut(): void {
    (this as unknown as { connection: Wire }).connection.stream.destroy();
  }

  // pg has two forms of this: with a callback, and with a promise.
  override connect(callback?: unknown): never {
    const connected = this.#open();
    if (typeof callback !== "function") return connected as never;
    connected.then(() => callback(), callback as (error: unknown) => void);
    return undefined as never;
  }

  async #open(): Promise<this> {
    const { host, port } = await this.#connector.host();
    // The pool gave it up while a server was looked for.
    if ((this as unknown as { connection: Wire }).connection.stream.destroyed) throw new Error("timeout expired");
    // pg has defaults for what is not said.
    if (host !== undefined) this.host = host;
    if (port !== undefined) this.port = port;
    try {
      await super.connect();
    } catch (error) {
      this.#connector.noteUnreachable();
      throw error;
    }
    this.#connector.noteOpened(this);
    return this;
  }

  // pg has a form of this for each way to say a query; the one that counts is that of its code.
  override query(...args: unknown[]): never {
    const statement = textOf(args[0]);
    if (this.#connector.isPooled) args[0] = this.#forPooler(args[0], statement);
    this.#running++;
    const settle = (error: unknown) => {
      this.#running--;
      if (error) this.#connector.noteFailure(this, statement, error as Error);
    };
    const callback = args.at(-1);
    if (typeof callback === "function") {
      args[args.length - 1] = ((error, result) => {
        settle(error);
        (callback as Callback)(error, result);
      }) satisfies Callback;
    }
    const result = (super.query as (...args: unknown[]) => unknown).apply(this, args);
    if (typeof callback !== "function") {
      if (result instanceof Promise) result.then(() => settle(undefined), settle);
      else this.#running--; // A cursor, which nobody waits for here.
    }
    return result as never;
  }

  /** Nothing is prepared by name, and a transaction brings its limits along. */
  #forPooler(query: unknown, statement: string): unknown {
    if (typeof query === "object" && query !== null && "name" in query) return { ...query, name: undefined };
    if (query === statement && /^\s*(begin|start transaction)[^;]*$/i.test(statement)) {
      return `${statement}; ${this.#connector.transactionLimits}`;
    }
    return query;
  }
}

export type { GuardedClient };

function textOf(query: unknown): string {
  if (typeof query === "string") return query;
  return String((query as { text?: string } | null)?.text ?? "");
}
