import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { PARTITIONED, PARTITIONS_LOCK, type Partitioned, partitionsOf, type Retention } from "./partitions.ts";

const DROPS_AT_ONCE = 20;
/** With whoever reads the partition or cleans it, which PostgreSQL breaks off after a second; no writer waits behind. */
const PARTITION_PATIENCE = "1500ms";
/** With whoever writes into its table; all that come later wait behind, so no longer than this, and then another time. */
const TABLE_PATIENCE = "100ms";
const TRIES = 10;
const PAUSE_MS = 500;
const LOCK_NOT_AVAILABLE = "55P03";

/**
 * Drops what is no longer kept, whole partitions at a time; tells how many. The sums of usage are elsewhere, and stay.
 * The session must have no limits for its statements: files of gigabytes take their time to be removed. Nobody waits for
 * that, as PostgreSQL gives the locks back before.
 */
export async function dropPartitions(session: Client, retention: Retention, now = new Date()): Promise<number> {
  let dropped = 0;
  for (const partitioned of PARTITIONED) {
    for (const name of (await outdated(session, partitioned, retention, now)).slice(0, DROPS_AT_ONCE)) {
      if (await dropOne(session, partitioned, name)) dropped++;
    }
  }
  return dropped;
}

async function outdated(session: Client, partitioned: Partitioned, retention: Retention, now: Date): Promise<string[]> {
  const keptMs = partitioned.keptMs(retention);
  if (keptMs === 0) return [];
  const all = await partitionsOf(async (text) => (await session.query(text)).rows, partitioned);
  return all.flatMap(({ name, to }) => (to && to.getTime() <= now.getTime() - keptMs ? [name] : []));
}

/** False if another server was faster. */
async function dropOne(session: Client, partitioned: Partitioned, name: string): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    try {
      return await tryToDrop(session, partitioned, name);
    } catch (error) {
      await session.query("rollback");
      if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE || tries === TRIES) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

async function tryToDrop(session: Client, { table, remember }: Partitioned, name: string): Promise<boolean> {
  await session.query("begin");
  await session.query("select pg_advisory_xact_lock($1)", [PARTITIONS_LOCK]);
  const { rows } = await session.query(
    "select from pg_inherits where inhparent = $1::regclass and inhrelid = to_regclass($2)",
    [table, name],
  );
  if (rows.length > 0) {
    await session.query(`set local lock_timeout = '${PARTITION_PATIENCE}'`);
    if (remember) await session.query(remember(name));
    // The partition first: a drop takes the table, which all who write wait for, and waits for the partition then.
    await session.query(`lock table only ${name} in access exclusive mode`);
    await session.query(`set local lock_timeout = '${TABLE_PATIENCE}'`);
    await session.query(`drop table ${name}`);
  }
  await session.query("commit");
  return rows.length > 0;
}
