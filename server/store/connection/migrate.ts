import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { MikroORM } from "@mikro-orm/postgresql";
import type { Client } from "pg";
import { StartError } from "../../base/fault.ts";
import { asStart } from "./start.ts";

/** Any number will do, as long as every server of every version takes the same. */
const MIGRATION_LOCK = 5_063_100_002;
const POLL_MS = 200;
const SAY_EVERY_MS = 5_000;
/** Whoever migrates a large table may take long; a lock that nobody gives back is the operator's to look at. */
const LOCK_PATIENCE_MS = 10 * 60_000;

export interface Migrations {
  readonly folder: string;
  readonly table: string;
  /** Opens what runs them: past a pooler, and without limits for statements. Called only if there is one to run. */
  readonly open: () => MikroORM;
  readonly onWarning: (message: string) => void;
}

/**
 * Brings the schema up to date. One server migrates, the others wait, say so, and find nothing to do. The lock is one of
 * a transaction, so that it ends with it, whichever pooler is in between. The migrator is loaded only when it is needed:
 * most starts have nothing.
 */
export async function migrate(client: Client, migrations: Migrations): Promise<void> {
  if (await isUpToDate(client, migrations)) return;
  await client.query(
    "begin; set local idle_in_transaction_session_timeout = 0; set local statement_timeout = 0; set local lock_timeout = 0",
  );
  try {
    await takeLock(client, migrations.onWarning);
    if (await isUpToDate(client, migrations)) return;
    await asStart(run(migrations));
  } finally {
    await client.query("rollback").catch(() => {}); // It held a lock and nothing else.
  }
}

async function run({ open }: Migrations): Promise<void> {
  const { Migrator } = await import("@mikro-orm/migrations");
  const orm = open();
  try {
    Migrator.register(orm);
    await orm.migrator.up();
  } finally {
    await orm.close();
  }
}

async function takeLock(client: Client, onWarning: (message: string) => void): Promise<void> {
  const startedAt = Date.now();
  for (let saidAt = startedAt; ; await sleep(POLL_MS)) {
    const { rows } = await asStart(client.query("select pg_try_advisory_xact_lock($1) as taken", [MIGRATION_LOCK]));
    if (rows[0].taken) return;
    const waitedMs = Date.now() - startedAt;
    if (waitedMs > LOCK_PATIENCE_MS) {
      throw new StartError(`The lock of migrations was not given back in ten minutes: ${await holder(client)}.`);
    }
    if (Date.now() - saidAt < SAY_EVERY_MS) continue;
    saidAt = Date.now();
    onWarning(`waiting for the lock of migrations for ${Math.round(waitedMs / 1_000)} s: ${await holder(client)}`);
  }
}

/** Who has the lock, as an operator can find them. */
async function holder(client: Client): Promise<string> {
  const { rows } = await client.query(
    `select pid, application_name as name, state from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and granted and pid <> pg_backend_pid()
       and (classid::bigint << 32) + objid::bigint = $1`,
    [MIGRATION_LOCK],
  );
  const [found] = rows;
  return found ? `session ${found.pid} (${found.name}, ${found.state}) has it` : "whoever has it is not to be seen";
}

async function isUpToDate(client: Client, { folder, table }: Migrations): Promise<boolean> {
  const files = readdirSync(folder).filter((name) => /^Migration\d+\w*\.[jt]s$/.test(name));
  const { rows } = await asStart(client.query("select to_regclass($1) is not null as present", [table]));
  if (!rows[0].present) return false;
  const done = await asStart(client.query(`select name from ${table}`));
  const names = new Set(done.rows.map(({ name }) => name));
  return files.every((file) => names.has(file.replace(/\.[jt]s$/, "")));
}
