import { StartError } from "../../base/fault.ts";
import type { Config } from "../../config/config.ts";
import type { Examination } from "../../store/connection/examination.ts";
import { EmbeddedPostgres } from "../../store/embedded/embedded-postgres.ts";
import { examineDatabase, SETTING_OF_WAY, type Way } from "../../store/examine-database.ts";
import { doubt, type Finding, fine, skipped, wrong, wrongAs } from "./finding.ts";

const OLDEST_POSTGRES = 15;
/** Tokens of an issuer, and leases of turns, bear a difference of some seconds. */
const CLOCK_DOUBT_MS = 2_000;
const CLOCK_WRONG_MS = 30_000;

/** What was found of databases, and whether that of calls can be opened without a migration. */
export interface Databases {
  readonly findings: readonly Finding[];
  readonly isUpToDate: boolean;
}

/** Looks at the database: the embedded one of the data folder, or those that DATABASE_URL and its like name. */
export async function examineDatabases(config: Config): Promise<Databases> {
  if (!config.database) return embedded(config);
  const { directUrl, replicaUrl } = config.database;
  const calls = await examineWay(config, "url");
  const direct = directUrl ? await examineWay(config, "directUrl") : undefined;
  const replica = replicaUrl ? await examineWay(config, "replicaUrl") : undefined;
  const findings = [calls, direct, replica].flatMap((each) => each?.findings ?? []);
  return { findings, isUpToDate: calls.isUpToDate && direct?.isUpToDate !== false };
}

async function embedded(config: Config): Promise<Databases> {
  let joined: Awaited<ReturnType<typeof EmbeddedPostgres.join>>;
  try {
    joined = await EmbeddedPostgres.join(config.dataDir);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    if (error.message.startsWith("There is no database in")) {
      return failed(skipped("database", `there is none in ${config.dataDir} yet: the first start makes one`));
    }
    return failed(wrongAs("database", error));
  }
  try {
    const found = await examineDatabase(joined.address, config.store, "url");
    return told(found, { about: "database", poolSize: config.store.poolSize, isPrimary: true, isDirect: true });
  } finally {
    await joined.close();
  }
}

async function examineWay({ database, store }: Config, way: Way): Promise<Databases> {
  const about = SETTING_OF_WAY[way];
  if (!database) throw new Error(`${about} was read without a database`);
  try {
    const found = await examineDatabase(database, store, way);
    return told(found, {
      about,
      poolSize: store.poolSize,
      isPrimary: way !== "replicaUrl",
      isDirect: way === "directUrl" || database.directUrl !== undefined,
    });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return failed(wrongAs(about, error));
  }
}

function failed(finding: Finding): Databases {
  return { findings: [finding], isUpToDate: false };
}

function told(found: Examination, circumstances: Circumstances): Databases {
  const findings = findingsOf(found, circumstances);
  const isSound = findings.every(({ verdict }) => verdict !== "wrong");
  return { findings, isUpToDate: isSound && found.pendingMigrations === 0 };
}

interface Circumstances {
  readonly about: string;
  readonly poolSize: number;
  readonly isPrimary: boolean;
  /** Whether LISTEN goes by a way past a pooler. */
  readonly isDirect: boolean;
}

function findingsOf(found: Examination, { about, poolSize, isPrimary, isDirect }: Circumstances): Finding[] {
  const major = Number.parseInt(found.version, 10);
  if (major < OLDEST_POSTGRES) {
    return [wrong(about, `it is PostgreSQL ${found.version}`, `PostgreSQL ${OLDEST_POSTGRES} or later is needed.`)];
  }
  const whole = fine(about, `PostgreSQL ${found.version}, as the role ${found.role}`);
  if (!isPrimary) return [whole];
  return [whole, ...writes(found, about), ...roles(found, about), ...waysOf(found, about, isDirect)].concat(
    connections(found, about, poolSize),
    migrations(found, about),
    clock(found, about),
  );
}

function writes({ isStandby, isReadOnly, writeError }: Examination, about: string): Finding[] {
  if (isStandby) {
    const mend = "Name the primary, or all servers with commas and target_session_attrs=read-write.";
    return [wrong(about, "it is a standby, which only reads", mend)];
  }
  if (isReadOnly) {
    const mend = "alter role … set default_transaction_read_only = off, or that of the database.";
    return [wrong(about, "it only reads: default_transaction_read_only is on", mend)];
  }
  if (writeError === undefined) return [];
  const isFull = /^53/.test(writeError);
  const mend = isFull ? "Give the database's disk room." : "See the database's log.";
  return [wrong(about, `a row cannot be written (${writeError})`, mend)];
}

function roles({ isSuperuser, mayCreate, foreignTables, role }: Examination, about: string): Finding[] {
  const found: Finding[] = [];
  if (!mayCreate) {
    found.push(
      wrong(
        about,
        `the role ${role} may not make tables in its schema`,
        `As the database's owner: grant usage, create on schema public to ${role};`,
      ),
    );
  }
  if (foreignTables.length > 0) {
    const some = foreignTables.slice(0, 3).join(", ");
    found.push(
      wrong(
        about,
        `${foreignTables.length} tables are another role's (${some}), and migrations cannot change them`,
        `alter table … owner to ${role}; for each, or call as their owner.`,
      ),
    );
  }
  if (isSuperuser && about !== "database") {
    found.push(
      doubt(
        about,
        `the role ${role} is a superuser, which is more than a server needs`,
        "create role patchbay login; create database patchbay owner patchbay; and call as that role.",
      ),
    );
  }
  return found;
}

/** A pooler in transaction mode forgets LISTEN. */
function waysOf({ isPooled, isNotified }: Examination, about: string, isDirect: boolean): Finding[] {
  if (!isPooled) {
    return isNotified ? [] : [wrong(about, "a notification does not reach another session", "See the database's log.")];
  }
  if (isNotified) return [fine(about, "behind a pooler in session mode")];
  if (about === "DATABASE_URL_DIRECT") {
    const mend = "Name the database itself, past the pooler.";
    return [wrong(about, "it is behind a pooler in transaction mode, too", mend)];
  }
  if (isDirect) return [fine(about, "behind a pooler in transaction mode, with DATABASE_URL_DIRECT past it")];
  return [
    doubt(
      about,
      "behind a pooler in transaction mode: nothing is held in memory, and every call asks the database",
      "Set DATABASE_URL_DIRECT to the database itself, past the pooler.",
    ),
  ];
}

function connections({ maxConnections, usedConnections, isPooled }: Examination, about: string, poolSize: number) {
  const wanted = poolSize + 3;
  if (isPooled || maxConnections >= wanted + usedConnections) return [];
  const found = `${usedConnections} of ${maxConnections} connections are used, and a server wants ${wanted}`;
  return [doubt(about, found, "Raise max_connections, lower DATABASE_POOL_SIZE, or put a pooler in front.")];
}

function migrations({ pendingMigrations, unknownMigrations, foreignTables }: Examination, about: string): Finding[] {
  if (foreignTables.length > 0) return [];
  if (unknownMigrations.length > 0) {
    const found = `a newer Patchbay was started on it: ${unknownMigrations.length} migrations are not known here`;
    return [doubt(about, found, "It works while the newer ones say so; bring this one up to date.")];
  }
  if (pendingMigrations === undefined) return [fine(about, "empty: the first start makes its tables")];
  return pendingMigrations > 0 ? [fine(about, `${pendingMigrations} migrations are made by the next start`)] : [];
}

function clock({ clockAheadMs }: Examination, about: string): Finding[] {
  const by = Math.abs(clockAheadMs);
  if (by < CLOCK_DOUBT_MS) return [];
  const found = `this machine's clock is ${Math.round(by / 1_000)} s ${clockAheadMs > 0 ? "ahead of" : "behind"} that of ${about}`;
  const mend = "Let both follow a time server (timedatectl set-ntp true).";
  return [by < CLOCK_WRONG_MS ? doubt("clock", found, mend) : wrong("clock", found, mend)];
}
