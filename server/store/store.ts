import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ConstraintViolationException, type EntityManager, type Logger, MikroORM } from "@mikro-orm/postgresql";
import { type Client, DatabaseError, type Pool } from "pg";
import { RowCache, type RowCacheOptions } from "./cache/row-cache.ts";
import { RowChanges } from "./cache/row-changes.ts";
import { Connector, DEFAULT_TIMEOUTS, type Timeouts } from "./connection/connector.ts";
import { type Database, embeddedAddress, parseAddress } from "./connection/database-address.ts";
import { migrate } from "./connection/migrate.ts";
import { Replica } from "./connection/replica.ts";
import { connectForStart, isBehindPooler, requireUsable } from "./connection/start.ts";
import { makePartitions } from "./partitions/partitions.ts";
import { PreparedReads } from "./queries/prepared-reads.ts";
import { RateLimit } from "./rate-limit.ts";
import { ENTITIES } from "./schema/entities.ts";
import { RowReader } from "./sql/rows.ts";

export type { Database, EntityManager };

export const MIGRATIONS_FOLDER = join(import.meta.dirname, "../../migrations");

export const MIGRATIONS_TABLE = "migration";

/** How many connections a server has, and how long it waits for what. */
export interface StoreOptions extends Timeouts {
  readonly poolSize: number;
  /** How far a replica may be behind, in milliseconds. */
  readonly replicaLagMs: number;
}

export const DEFAULT_STORE_OPTIONS: StoreOptions = { poolSize: 20, replicaLagMs: 10_000, ...DEFAULT_TIMEOUTS };

/** How long the database may take to say that it can be read and written. */
const PROBE_MS = 3_000;
const CLOSING_MS = 2_000;
/** A pool that gives no connection for so long, to a database that answers others, does not come back by itself. */
const STUCK_MS = 30_000;

const READ_PROBE = `select not pg_is_in_recovery() and current_setting('transaction_read_only') = 'off' as fine`;
/** Takes room in a table, commits, and so proves both. */
const WRITE_PROBE = `insert into write_probe (id, probed_at, filler) values (1, now(), repeat('x', 4000))
  on conflict (id) do update set probed_at = now(), filler = excluded.filler returning true as fine`;

/** The database, migrated and ready. */
export class Store {
  readonly orm: MikroORM;
  /** The connections themselves, for the few statements that are prepared by name. */
  readonly pool: Pool;
  readonly rows: RowReader;
  /** The same, of rows that may be a moment old: lists. */
  readonly listRows: RowReader;
  readonly hot: PreparedReads;
  /** Which rows change, here and on other servers. */
  readonly changes: RowChanges;
  readonly #connector: Connector;
  /** Past a pooler, if there is one. */
  readonly #direct: Connector;
  /** Where rows that may be a moment old are read; undefined where none is named. */
  readonly replica: Replica | undefined;
  /** Something could not be written; a write has to prove that it can be again. */
  #isInDoubt = false;
  #servedAt = performance.now();
  /** Many may ask at once; the database is asked by one. */
  #probing: Promise<boolean> | undefined;

  private constructor(
    orm: MikroORM,
    pool: Pool,
    changes: RowChanges,
    connector: Connector,
    direct: Connector,
    replica: Replica | undefined,
  ) {
    this.orm = orm;
    this.pool = pool;
    this.rows = new RowReader(orm, pool);
    this.listRows = replica ? new RowReader(orm, replica) : this.rows;
    this.hot = new PreparedReads(this.rows);
    this.changes = changes;
    this.#connector = connector;
    this.#direct = direct;
    this.replica = replica;
    connector.onTrouble = () => {
      this.#isInDoubt = true;
    };
  }

  /** Connects and brings the schema up to date; several servers may do so at once. */
  static async open(
    database: Database,
    onWarning: (message: string) => void,
    options: StoreOptions = DEFAULT_STORE_OPTIONS,
  ): Promise<Store> {
    const { connector, direct } = connectorsOf(database, options);
    await prepare(connector, direct, onWarning);
    const orm = new MikroORM(ormOptions(connector, options.poolSize, onWarning));
    const pool = await orm.em.getConnection().getNativeClient();
    // What is written without one has to be moved later; housekeeping makes them, too, should this fail.
    await makePartitions(orm.em.fork()).catch((error) => onWarning(`partitions cannot be made: ${error.message}`));
    const changes = await RowChanges.open(direct, connector, onWarning);
    return new Store(orm, pool, changes, connector, direct, replicaOf(database, options, pool, onWarning));
  }

  /** A unit of work of its own, for one call. */
  fork(): EntityManager {
    return this.orm.em.fork();
  }

  /** Holds what is made from rows of a table, until they change. */
  cache<Value extends object>(table: string, options: RowCacheOptions): RowCache<Value> {
    return new RowCache(this.changes, table, options);
  }

  /** So much a minute, counted for all servers together. */
  rateLimit(name: string, perMinute: number, options?: { givesBack: boolean }): RateLimit {
    return new RateLimit(this.pool, name, perMinute, options);
  }

  /** Whether there is no reason to believe that a row could not be written now. Asks nobody. */
  get isWritable(): boolean {
    return !this.#isInDoubt && this.changes.state === "WRITABLE";
  }

  /** Whether the database can be read and written, on the way that calls go; soon, whatever it does. */
  async canServe(): Promise<boolean> {
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
    });
    const isFine = await Promise.race([this.#probing, sleep(PROBE_MS, false, { ref: false })]);
    if (isFine) this.#servedAt = performance.now();
    return isFine;
  }

  /** False when the pool no longer serves although the database answers others: then only a new process helps. */
  get canRecover(): boolean {
    if (this.changes.state !== "WRITABLE" || this.#isInDoubt) return true;
    return performance.now() - Math.max(this.#servedAt, this.#connector.guard.movedAt) < STUCK_MS;
  }

  async #probe(): Promise<boolean> {
    try {
      const { rows } = await this.pool.query<{ fine: boolean }>(this.#isInDoubt ? WRITE_PROBE : READ_PROBE);
      const isFine = rows[0]?.fine === true;
      this.#isInDoubt &&= !isFine;
      return isFine;
    } catch {
      return false; // Why it does not is in the log of those who needed it; this only asks.
    }
  }

  /** The pool of connections in one moment: all that are open, those that nobody uses, and who waits for one. */
  poolState(): { size: number; idle: number; waiting: number } {
    const { totalCount, idleCount, waitingCount } = this.pool;
    return { size: totalCount, idle: idleCount, waiting: waitingCount };
  }

  /**
   * Does work that one process at a time may do; undefined, at once, while another is at it. The lock is one of a
   * transaction that does nothing else: a pooler cannot give it to anybody, and it holds back no cleaning.
   */
  exclusively<Result>(lock: number, work: () => Promise<Result>): Promise<{ result: Result } | undefined> {
    return this.withSession("patchbay lock", async (session) => {
      await session.query("begin; set local idle_in_transaction_session_timeout = 0");
      const { rows } = await session.query("select pg_try_advisory_xact_lock($1) as taken", [lock]);
      return rows[0].taken ? { result: await work() } : undefined;
    });
  }

  /** Works on a session that nobody else has, past a pooler, with no limit for how long a statement may take. */
  async withSession<Result>(name: string, work: (session: Client) => Promise<Result>): Promise<Result> {
    const session = this.#direct.client({ application_name: name });
    session.on("error", () => {}); // Whatever it does fails then, and what was done is whole in every piece.
    await session.connect();
    try {
      return await work(session);
    } finally {
      session.end().catch(() => {});
    }
  }

  /** Ends whatever waits for the database, and lets nothing wait for it any more. */
  giveUp(): void {
    this.#connector.close();
    this.#direct.close();
    this.replica?.giveUp();
  }

  /** Waits a moment for what runs, and then no longer. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.giveUp(), CLOSING_MS);
    await Promise.all([this.changes.close(), this.replica?.close()]);
    await this.orm.close();
    clearTimeout(timer);
  }
}

function connectorsOf(database: Database, timeouts: Timeouts): { connector: Connector; direct: Connector } {
  if (!("url" in database)) {
    const connector = new Connector(embeddedAddress(database), timeouts);
    return { connector, direct: connector };
  }
  const { url, directUrl, passwordFile } = database;
  const connector = new Connector(parseAddress(url, passwordFile), timeouts);
  const direct = directUrl ? new Connector(parseAddress(directUrl, passwordFile), timeouts) : connector;
  return { connector, direct };
}

function replicaOf(
  database: Database,
  options: StoreOptions,
  primary: Pool,
  onWarning: (message: string) => void,
): Replica | undefined {
  if (!("url" in database) || !database.replicaUrl) return undefined;
  const connector = new Connector(parseAddress(database.replicaUrl, database.passwordFile), options);
  return new Replica(connector, options, primary, onWarning);
}

/** Says in a sentence what is wrong with the database, and migrates it if nothing is. */
async function prepare(connector: Connector, direct: Connector, onWarning: (message: string) => void): Promise<void> {
  const client = await connectForStart(connector, "DATABASE_URL", onWarning);
  try {
    connector.isPooled = await isBehindPooler(client);
    await requireUsable(client);
    if (direct === connector) return await migrate(client, migrationsBy(connector, onWarning));
  } finally {
    client.end().catch(() => {});
  }
  const past = await connectForStart(direct, "DATABASE_URL_DIRECT", onWarning);
  try {
    direct.isPooled = await isBehindPooler(past);
    await requireUsable(past);
    await migrate(past, migrationsBy(direct, onWarning));
  } finally {
    past.end().catch(() => {});
  }
}

function migrationsBy(connector: Connector, onWarning: (message: string) => void) {
  return {
    folder: MIGRATIONS_FOLDER,
    table: MIGRATIONS_TABLE,
    onWarning,
    open: () =>
      new MikroORM({
        ...ormOptions(connector, 2, onWarning),
        driverOptions: { application_name: "patchbay migration", Client: connector.classOf("unlimited") },
      }),
  };
}

/** The options of MikroORM, also for the scripts that work on migrations. */
export function ormOptions(connector: Connector, poolSize: number, onWarning: (message: string) => void) {
  return {
    entities: ENTITIES,
    dbName: connector.config.database ?? "",
    pool: { min: 0, max: poolSize, idleTimeoutMillis: 30_000 },
    // The class makes the connections as they should be; the rest is for those who ask the pool.
    driverOptions: {
      application_name: "patchbay",
      Client: connector.classOf("limited"),
      connectionTimeoutMillis: connector.timeouts.connectMs,
      onPoolCreated: (pool: Pool) => connector.guard.watch(pool),
    },
    forceUtcTimezone: true,
    // Queries and start-up notices are not ours to print; what goes wrong on its own (a lost connection) is.
    loggerFactory: (): Logger => ({
      log: () => {},
      logQuery: () => {},
      warn: (_, message) => onWarning(message),
      error: (_, message) => onWarning(message),
      setDebugMode: () => {},
      isEnabled: () => false,
    }),
    migrations: {
      path: MIGRATIONS_FOLDER,
      tableName: MIGRATIONS_TABLE,
      snapshot: false,
      emit: "ts" as const,
    },
    discovery: { warnWhenNoEntities: true },
  };
}

/** Whether an error says that a constraint of this name does not hold. */
export function violates(error: unknown, constraint: string): boolean {
  const isOfDatabase = error instanceof DatabaseError || error instanceof ConstraintViolationException;
  return isOfDatabase && (error as { constraint?: string }).constraint === constraint;
}
