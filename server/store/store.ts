import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ConstraintViolationException, type EntityManager, type Logger, MikroORM } from "@mikro-orm/postgresql";
import { Client, type ClientConfig, DatabaseError, type Pool } from "pg";
import { StartError } from "../base/start-error.ts";
import { RowCache } from "./cache/row-cache.ts";
import { RowChanges } from "./cache/row-changes.ts";
import type { DatabaseAddress } from "./embedded/embedded-postgres.ts";
import { PreparedReads } from "./queries/prepared-reads.ts";
import { RateLimit } from "./rate-limit.ts";
import { Account } from "./schema/account.entity.ts";
import { AnsweredRequest } from "./schema/answered-request.entity.ts";
import { ApiKey, ApiKeyUse } from "./schema/api-key.entity.ts";
import { AuditChain, AuditEvent } from "./schema/audit-event.entity.ts";
import { Budget, BudgetReservation } from "./schema/budget.entity.ts";
import { Change, ChangeHead } from "./schema/change.entity.ts";
import { Llm } from "./schema/llm.entity.ts";
import { Provider } from "./schema/provider.entity.ts";
import { Session, Turn } from "./schema/session.entity.ts";
import { DailyUsage, LlmTotal, ReplyUsage } from "./schema/usage.entity.ts";
import { RowReader } from "./sql/rows.ts";
import { RetiredKey, WrappedKey } from "./vault/wrapped-key.entity.ts";

export type { EntityManager };

/** Every entity, by hand: what is not here is not stored. */
export const ENTITIES = [
  Account,
  AnsweredRequest,
  ApiKey,
  ApiKeyUse,
  AuditChain,
  AuditEvent,
  Budget,
  BudgetReservation,
  Change,
  ChangeHead,
  DailyUsage,
  Llm,
  Provider,
  LlmTotal,
  ReplyUsage,
  Session,
  Turn,
  WrappedKey,
  RetiredKey,
];
export const MIGRATIONS_FOLDER = join(import.meta.dirname, "../../migrations");

const MIGRATIONS_TABLE = "migration";
const OLDEST_POSTGRES = 15;
const MIGRATION_LOCK = 5_063_100_002;

/** The database, migrated and ready. */
export class Store {
  readonly orm: MikroORM;
  /** The connections themselves, for the few statements that are prepared by name. */
  readonly pool: Pool;
  readonly rows: RowReader;
  readonly hot: PreparedReads;
  /** Which rows change, here and on other servers. */
  readonly changes: RowChanges;

  private constructor(orm: MikroORM, pool: Pool, changes: RowChanges) {
    this.orm = orm;
    this.pool = pool;
    this.rows = new RowReader(orm, pool);
    this.hot = new PreparedReads(this.rows);
    this.changes = changes;
  }

  /** Connects and brings the schema up to date; several servers may do so at once. */
  static async open(database: Database, onWarning: (message: string) => void): Promise<Store> {
    const orm = new MikroORM(ormOptions(database, onWarning));
    await migrate(orm, database);
    const pool = await orm.em.getConnection().getNativeClient();
    return new Store(orm, pool, await RowChanges.open(connectionOf(database), onWarning));
  }

  /** A unit of work of its own, for one call. */
  fork(): EntityManager {
    return this.orm.em.fork();
  }

  /** Holds what is made from rows of a table, until they change. */
  cache<Value extends object>(table: string, options: { max: number; clearedBy?: readonly string[] }): RowCache<Value> {
    return new RowCache(this.changes, table, options);
  }

  /** So much a minute, counted for all servers together. */
  rateLimit(name: string, perMinute: number): RateLimit {
    return new RateLimit(this.pool, name, perMinute);
  }

  /** Whether the database answers. */
  async isReachable(): Promise<boolean> {
    try {
      await this.orm.em.getConnection().execute("select 1");
      return true;
    } catch {
      return false; // Why it does not is in the log of those who needed it; this only asks.
    }
  }

  /** The pool of connections: all that are open, those that nobody uses, and who waits for one. */
  async poolState(): Promise<{ size: number; idle: number; waiting: number }> {
    const { totalCount, idleCount, waitingCount } = this.pool;
    return { size: totalCount, idle: idleCount, waiting: waitingCount };
  }

  /** Does work that one process at a time may do; undefined, at once, while another is at it. */
  async exclusively<Result>(lock: number, work: () => Promise<Result>): Promise<{ result: Result } | undefined> {
    const session = await this.pool.connect();
    try {
      const { rows } = await session.query("select pg_try_advisory_lock($1) as taken", [lock]);
      return rows[0].taken ? { result: await work() } : undefined;
    } finally {
      session.release(true); // Its end is the lock's.
    }
  }

  async close(): Promise<void> {
    await this.changes.close();
    await this.orm.close();
  }
}

/** The options of MikroORM, also for the scripts that work on migrations. */
export function ormOptions(database: Database, onWarning: (message: string) => void) {
  return {
    entities: ENTITIES,
    ...("url" in database
      ? { dbName: new URL(database.url).pathname.slice(1) }
      : { host: database.host, user: database.user, dbName: database.database }),
    pool: { min: 0, max: 20, idleTimeoutMillis: 30_000 },
    driverOptions: {
      // To pg itself, which knows all parameters of such a URL (sslmode, host=/a/socket); MikroORM takes some.
      ...("url" in database ? { connectionString: database.url } : {}),
      application_name: "patchbay",
      // Fail, rather than wait for ever, when all connections are busy or a statement runs away.
      connectionTimeoutMillis: 2_000,
      statement_timeout: 5_000,
      lock_timeout: 2_000,
      idle_in_transaction_session_timeout: 10_000,
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

/** Loads the migrator only when there is something to migrate: most starts have nothing. */
async function migrate(orm: MikroORM, database: Database): Promise<void> {
  const client = new Client(connectionOf(database));
  await connect(client);
  try {
    await requireVersion(client);
    // One server migrates, the others wait and find nothing to do.
    await client.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    if (await isUpToDate(client)) return;
    const { Migrator } = await import("@mikro-orm/migrations");
    Migrator.register(orm);
    await orm.migrator.up();
  } finally {
    await client.end();
  }
}

async function connect(client: Client): Promise<void> {
  try {
    await client.connect();
  } catch (error) {
    const { code = "", message } = error as { code?: string; message: string };
    throw new StartError(`The database cannot be reached (${code || message}). Check DATABASE_URL.`, { cause: error });
  }
}

async function requireVersion(client: Client): Promise<void> {
  const { rows } = await client.query("show server_version_num");
  const version = Math.floor(Number(rows[0].server_version_num) / 10_000);
  if (version < OLDEST_POSTGRES) {
    throw new StartError(`The database is PostgreSQL ${version}; ${OLDEST_POSTGRES} or later is needed.`);
  }
}

async function isUpToDate(client: Client): Promise<boolean> {
  const files = readdirSync(MIGRATIONS_FOLDER).filter((name) => /^Migration\d+\w*\.ts$/.test(name));
  const { rows } = await client.query("select to_regclass($1) is not null as present", [MIGRATIONS_TABLE]);
  if (!rows[0].present) return false;
  const done = await client.query(`select name from ${MIGRATIONS_TABLE}`);
  const names = new Set(done.rows.map(({ name }) => name));
  return files.every((file) => names.has(file.replace(/\.ts$/, "")));
}

/** Whether an error says that a constraint of this name does not hold. */
export function violates(error: unknown, constraint: string): boolean {
  const isOfDatabase = error instanceof DatabaseError || error instanceof ConstraintViolationException;
  return isOfDatabase && (error as { constraint?: string }).constraint === constraint;
}

/** Where the database is: one of our own, or anybody's by URL. */
export type Database = DatabaseAddress | { readonly url: string };

/** The same, as pg takes it. */
export function connectionOf(database: Database): ClientConfig {
  return "url" in database ? { connectionString: database.url } : { ...database };
}
