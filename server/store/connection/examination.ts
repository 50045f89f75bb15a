import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import type { StartError } from "../../base/fault.ts";
import type { Connector } from "./connector.ts";
import { asStart, connectForStart, isBehindPooler } from "./start.ts";

/** How long a notification may take that is sent from one session to another. */
const NOTIFICATION_MS = 2_000;

/** What a database is, for whoever looks for what is wrong with it. Nothing of it is changed. */
export interface Examination {
  readonly version: string;
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
  readonly isPooled: boolean;
  /** Whether a notification of one session reaches another: not through a pooler in transaction mode. */
  readonly isNotified: boolean;
  readonly role: string;
  readonly isSuperuser: boolean;
  /** Whether the role may make tables in the schema that it works in. */
  readonly mayCreate: boolean;
  /** Tables of Patchbay that another role owns, so that migrations cannot change them. */
  readonly foreignTables: readonly string[];
  /** Migrations that the next start makes; undefined: Patchbay was never started on it. */
  readonly pendingMigrations: number | undefined;
  /** Migrations that a newer Patchbay made. */
  readonly unknownMigrations: readonly string[];
  readonly maxConnections: number;
  readonly usedConnections: number;
  /** By how much this machine's clock is ahead, as far as the time that asking takes lets it be known; in milliseconds. */
  readonly clockAheadMs: number;
  /** Why a row could not be written, by PostgreSQL's code; undefined: it could, or there is no table for it. */
  readonly writeError: string | undefined;
}

const FACTS = `select current_setting('server_version') as version, pg_is_in_recovery() as "isStandby",
  current_setting('transaction_read_only') = 'on' as "isReadOnly", current_user as role,
  (select rolsuper from pg_roles where rolname = current_user) as "isSuperuser",
  coalesce(has_schema_privilege(current_schema(), 'create'), false) as "mayCreate",
  array(select tablename::text from pg_tables where schemaname = current_schema() and tablename = any($1)
    and not pg_has_role(tableowner, 'member')) as "foreignTables",
  to_regclass($2) is not null as "isKnown",
  coalesce(has_table_privilege(to_regclass($2), 'select'), false) as "mayRead",
  current_setting('max_connections')::int as "maxConnections",
  (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as "usedConnections"`;

/** Looks at a database; fails with the StartError that a server would fail with. `setting` is what names it. */
export async function examine(
  connector: Connector,
  setting: string,
  { folder, table, tables }: { folder: string; table: string; tables: readonly string[] },
): Promise<Examination> {
  const client = await connectForStart(connector, setting, () => {});
  try {
    const isPooled = await isBehindPooler(client);
    const { rows } = await asStart(client.query(FACTS, [tables, table]));
    const { isKnown, mayRead, ...facts } = rows[0];
    const done = mayRead ? (await asStart(client.query(`select name from ${table}`))).rows.map(({ name }) => name) : [];
    const files = readdirSync(folder)
      .filter((name) => /^Migration\d+\w*\.[jt]s$/.test(name))
      .map((name) => name.replace(/\.[jt]s$/, ""));
    return {
      ...facts,
      isPooled,
      isNotified: facts.isStandby || (await isNotified(connector, client)),
      pendingMigrations: isKnown ? files.filter((name) => !done.includes(name)).length : undefined,
      unknownMigrations: done.filter((name: string) => !files.includes(name)),
      clockAheadMs: await clockAhead(client),
      writeError: await writeError(client),
    };
  } finally {
    client.end().catch(() => {});
  }
}

/** Asked thrice, the quickest answer counts: half of its time is the most by which it can be wrong. */
async function clockAhead(client: Client): Promise<number> {
  let best = { tookMs: Number.POSITIVE_INFINITY, aheadMs: 0 };
  for (let round = 0; round < 3; round++) {
    const before = Date.now();
    const { rows } = await asStart(
      client.query("select (extract(epoch from clock_timestamp()) * 1000)::float8 as now"),
    );
    const after = Date.now();
    if (after - before < best.tookMs) {
      best = { tookMs: after - before, aheadMs: Math.round((before + after) / 2 - rows[0].now) };
    }
  }
  return best.aheadMs;
}

async function isNotified(connector: Connector, sender: Client): Promise<boolean> {
  const listener = connector.client({ application_name: "patchbay doctor", query_timeout: NOTIFICATION_MS });
  listener.on("error", () => {}); // Then nothing arrives.
  const arrived = new Promise<boolean>((resolve) => listener.once("notification", () => resolve(true)));
  try {
    await listener.connect();
    await listener.query("listen patchbay_doctor");
    await sender.query("notify patchbay_doctor");
    return await Promise.race([arrived, sleep(NOTIFICATION_MS, false, { ref: false })]);
  } catch {
    return false; // A pooler that refuses LISTEN.
  } finally {
    listener.end().catch(() => {});
  }
}

/** Writes a row that takes room, and takes it back. */
async function writeError(client: Client): Promise<string | undefined> {
  try {
    const { rows } = await client.query("select to_regclass('write_probe') is not null as present");
    if (!rows[0].present) return undefined;
    await client.query("begin");
    await client.query(`insert into write_probe (id, probed_at, filler) values (1, now(), repeat('x', 4000))
      on conflict (id) do update set probed_at = now(), filler = excluded.filler`);
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code ?? (error as StartError).message;
  } finally {
    await client.query("rollback").catch(() => {}); // Whatever broke is told already.
  }
}
