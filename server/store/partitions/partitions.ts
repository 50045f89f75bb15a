import type { EntityManager } from "@mikro-orm/postgresql";
import { firstUuidAt } from "../../base/uuids.ts";

/** Partitions are made so many units ahead: a server that nobody looks after goes on for as long. */
const AHEAD = 2;
const MOVED_AT_ONCE = 5_000;
/** To attach one waits for whoever reads, and whoever comes next waits behind: no longer than this, then later. */
const LOCK_TIMEOUT = "500ms";
/** Any number will do, as long as every server takes the same. */
export const PARTITIONS_LOCK = 5_063_100_020;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

type Unit = "day" | "month";

/** A table that is partitioned by time. */
export interface Partitioned {
  readonly table: string;
  readonly unit: Unit;
  /** What is compared with the bounds, as the text of a value. */
  readonly column: string;
  bound(at: Date): string;
  /** The time of a bound; undefined for one that is none. */
  timeOf(bound: string): Date | undefined;
  /** How long its rows are kept, in milliseconds; 0 for ever. */
  keptMs(retention: Retention): number;
  /** What is to be remembered of a partition before it is dropped. */
  remember?(partition: string): string;
}

const byTimestamp = {
  bound: (at: Date) => at.toISOString(),
  timeOf: (bound: string) => {
    const at = new Date(bound);
    return Number.isNaN(at.getTime()) ? undefined : at;
  },
};

export const PARTITIONED: readonly Partitioned[] = [
  {
    table: "reply_usage",
    unit: "month",
    column: "id",
    bound: (at) => firstUuidAt(at.getTime()),
    timeOf: (bound) => new Date(Number.parseInt(bound.replaceAll("-", "").slice(0, 12), 16)),
    keptMs: ({ usageDays }) => usageDays * DAY_MS,
  },
  {
    table: "change",
    unit: "day",
    column: "happened_at",
    ...byTimestamp,
    keptMs: ({ changeHours }) => changeHours * HOUR_MS,
    // Whoever resumes behind one of them is told that it is too late.
    remember: (partition) =>
      `update change_head set forgotten = greatest(forgotten, (select coalesce(max(position), 0) from ${partition}))
       where id = 1`,
  },
  {
    table: "audit_event",
    unit: "month",
    column: "recorded_at",
    ...byTimestamp,
    keptMs: ({ auditDays }) => auditDays * DAY_MS,
    // The chain of each account goes on behind the last event that is dropped.
    remember: (partition) =>
      `insert into audit_chain_start as start (account_id, sequence, hash)
         select chain.account_id, last.sequence, last.hash from audit_chain as chain, lateral (
           select sequence, hash from ${partition} as event where event.account_id = chain.account_id
           order by sequence desc limit 1
         ) as last
       on conflict (account_id) do update set sequence = excluded.sequence, hash = excluded.hash
         where start.sequence < excluded.sequence`,
  },
];

/** Asks the database; the rows. */
type Ask = (text: string) => Promise<{ name: string; bounds: string }[]>;

/** A partition that exists, with its bounds; undefined is open. */
export interface Partition {
  readonly name: string;
  readonly from: Date | undefined;
  readonly to: Date | undefined;
}

/** Makes the partitions of this time and the next, where they are missing; tells how many. Any number of servers may. */
export async function makePartitions(em: EntityManager, now = new Date()): Promise<number> {
  let made = 0;
  for (const partitioned of PARTITIONED) {
    const existing = await partitionsOf((text) => em.execute(text), partitioned);
    for (let step = 0; step <= AHEAD; step++) {
      const from = startOf(partitioned.unit, now, step);
      const to = startOf(partitioned.unit, now, step + 1);
      if (existing.some((other) => covers(other, from))) continue;
      await em.transactional((em) => makePartition(em, partitioned, from, to));
      made++;
    }
  }
  return made;
}

/**
 * Gives rows of usage that came without a time in their ids one that has it, so that they are in the partition of their
 * month; tells how many. They are from before there were partitions, or from a server of that version.
 */
export async function sortUsage(em: EntityManager): Promise<number> {
  const months = await em.execute<{ month: string }[]>(
    `select distinct to_char(created_at at time zone 'UTC', 'YYYY-MM') as month
     from (select created_at from reply_usage_unsorted where ${UNSORTED} limit ${MOVED_AT_ONCE}) as unsorted order by 1`,
  );
  if (months.length === 0) return 0;
  const usage = PARTITIONED[0] as Partitioned;
  for (const { month } of months) {
    const from = new Date(`${month}-01T00:00:00Z`);
    if ((await partitionsOf((text) => em.execute(text), usage)).some((other) => covers(other, from))) continue;
    await em.transactional((em) => makePartition(em, usage, from, startOf("month", from, 1)));
  }
  const names = await columnsOf(em, "reply_usage", ["id"]);
  const [row] = await em.execute<{ count: string }[]>(
    `with moved as (
       delete from reply_usage_unsorted where id in (
         select id from reply_usage_unsorted where ${UNSORTED} limit ${MOVED_AT_ONCE} for update skip locked
       ) returning *
     ), sorted as (
       insert into reply_usage (id, ${names}) select ${SORTED_ID}, ${names} from moved returning 1
     )
     select count(*) as count from sorted`,
  );
  return Number(row?.count);
}

/** Of another version than 7, and not about to be written again by a server that was not told that it was. */
const UNSORTED = `substr(id::text, 15, 1) <> '7' and created_at < now() - interval '1 hour'`;
/** The id that a row would have had if it had been made with one that tells the time: the rest of it is kept. */
const SORTED_ID = `(lpad(to_hex((extract(epoch from created_at) * 1000)::bigint), 12, '0') || '7' ||
  substr(replace(id::text, '-', ''), 14))::uuid`;

/** Those of a table that have bounds: the default one has none. */
export async function partitionsOf(ask: Ask, { table, timeOf }: Partitioned): Promise<Partition[]> {
  const rows = await ask(
    `select child.relname as name, pg_get_expr(child.relpartbound, child.oid) as bounds
     from pg_inherits join pg_class as child on child.oid = inhrelid
     where inhparent = '${table}'::regclass order by 1`,
  );
  return rows.flatMap(({ name, bounds }) => {
    const found = /^FOR VALUES FROM \((.+)\) TO \((.+)\)$/.exec(bounds);
    if (!found) return [];
    const [, from = "", to = ""] = found;
    return [{ name, from: timeOf(unquoted(from)), to: timeOf(unquoted(to)) }];
  });
}

function unquoted(bound: string): string {
  return bound.replace(/^'|'$/g, "");
}

function covers({ from, to }: Partition, at: Date): boolean {
  return (from === undefined || from <= at) && (to === undefined || at < to);
}

/** The start of the day or month, so many steps on, in UTC. */
function startOf(unit: Unit, at: Date, steps: number): Date {
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  return new Date(unit === "day" ? Date.UTC(year, month, day + steps) : Date.UTC(year, month + steps, 1));
}

/** Filled with what the default partition holds of it, and attached: whoever inserts elsewhere is not held up. */
async function makePartition(em: EntityManager, partitioned: Partitioned, from: Date, to: Date): Promise<void> {
  const { table, unit, column, bound } = partitioned;
  await lock(em);
  const existing = await partitionsOf((text) => em.execute(text), partitioned);
  if (existing.some((other) => covers(other, from))) return; // Another server was faster.
  const name = `${table}_${from
    .toISOString()
    .slice(0, unit === "day" ? 10 : 7)
    .replaceAll("-", "_")}`;
  const within = `${column} >= '${bound(from)}' and ${column} < '${bound(to)}'`;
  const fallback = table === "reply_usage" ? "reply_usage_unsorted" : `${table}_default`;
  await em.execute(`create table ${name} (like ${table} including all excluding identity)`);
  const names = await columnsOf(em, table);
  await em.execute(
    `with moved as (delete from ${fallback} where ${within} returning ${names})
     insert into ${name} (${names}) select ${names} from moved`,
  );
  await em.execute(
    `alter table ${table} attach partition ${name} for values from ('${bound(from)}') to ('${bound(to)}')`,
  );
}

/** The names of a table's columns that have values of their own, with commas. */
async function columnsOf(em: EntityManager, table: string, without: readonly string[] = []): Promise<string> {
  const columns = await em.execute<{ name: string }[]>(
    `select column_name as name from information_schema.columns
     where table_schema = current_schema() and table_name = ? and is_generated = 'NEVER' order by ordinal_position`,
    [table],
  );
  return columns.flatMap(({ name }) => (without.includes(name) ? [] : [name])).join(", ");
}

async function lock(em: EntityManager): Promise<void> {
  await em.execute(`set local lock_timeout = '${LOCK_TIMEOUT}'`);
  await em.execute("select pg_advisory_xact_lock(?)", [PARTITIONS_LOCK]);
}

/** For how long what grows with time is kept; 0 is for ever. */
export interface Retention {
  /** Rows of replies. The sums of days and of Llms stay. */
  readonly usageDays: number;
  /** Changes, which those who watch can resume behind. */
  readonly changeHours: number;
  /** Events of the audit log. */
  readonly auditDays: number;
}
