import type { EntityManager } from "@mikro-orm/postgresql";
import type { Pool } from "pg";

/** Without a sign of life for so long, whoever holds a call is taken for dead. */
export const CALL_LEASE_MS = 60_000;

const NOW = "(extract(epoch from clock_timestamp()) * 1000)::bigint";
const LIVE = `(select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each_text(held.calls) where value::bigint > ${NOW})`;
const COUNT = `(select count(*) from jsonb_each_text(held.calls) where value::bigint > ${NOW})`;

/** Leases of the first ones of the calls that are asked for, by the SQL of how many. */
function leases(count: string): string {
  return `(select coalesce(jsonb_object_agg(id, (${NOW} + ${CALL_LEASE_MS})::text), '{}')
    from json_array_elements_text($2::json) with ordinality as asked (id, place) where place <= ${count})`;
}

/**
 * Takes calls of a holder who may have so many at the same time, the first ones first; answers with all that are under way then.
 * The row's lock decides between servers.
 */
export async function takeCalls(
  pool: Pool,
  holderId: string,
  callIds: readonly string[],
  most: number,
): Promise<ReadonlySet<string>> {
  const { rows } = await pool.query<{ ids: string[] }>({
    name: "take-holder-calls",
    text: `insert into holder_calls as held (holder_id, calls) values ($1, ${leases("$3")})
      on conflict (holder_id) do update set calls = ${LIVE} || ${leases(`$3 - ${COUNT}`)} where ${COUNT} < $3
      returning array(select jsonb_object_keys(calls)) as ids`,
    values: [holderId, JSON.stringify(callIds), most],
  });
  return new Set(rows[0]?.ids);
}

/** Gives calls back to each of their holders; done again, it changes nothing. */
export async function endCalls(pool: Pool, holderIds: readonly string[], callIds: readonly string[]): Promise<void> {
  await pool.query({
    name: "end-holder-calls",
    text: `with locked as (select holder_id from holder_calls where holder_id = any($1) order by 1 for update)
      update holder_calls set calls = calls - $2::text[] from locked where holder_calls.holder_id = locked.holder_id`,
    values: [holderIds, callIds],
  });
}

/** Says that calls are still under way: pairs of a holder and a call. */
export async function renewCalls(
  pool: Pool,
  calls: readonly (readonly [holderId: string, callId: string])[],
): Promise<void> {
  await pool.query(
    `with renewed as (
       select (pair ->> 0)::uuid as holder_id,
         jsonb_object_agg(pair ->> 1, (${NOW} + ${CALL_LEASE_MS})::text) as calls
       from json_array_elements($1::json) as pair group by 1
     ),
     locked as (
       select held.holder_id from holder_calls held join renewed using (holder_id) order by 1 for update of held
     )
     update holder_calls set calls = holder_calls.calls || renewed.calls
       from renewed, locked where holder_calls.holder_id = renewed.holder_id and locked.holder_id = renewed.holder_id`,
    [JSON.stringify(calls)],
  );
}

/** How many calls of each holder are under way. */
export async function countCalls(pool: Pool, holderIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { rows } = await pool.query<{ id: string; count: string }>(
    `select held.holder_id as id, ${COUNT} as count from holder_calls held where held.holder_id = any($1)`,
    [holderIds],
  );
  return new Map(rows.map(({ id, count }) => [id, Number(count)]));
}

const FORGOTTEN_AT_ONCE = 1_000;

/** Forgets some of those who have no call under way; tells how many. Any number of servers may do so at once. */
export async function forgetHolderCalls(em: EntityManager): Promise<number> {
  const forgotten = await em.execute<object[]>(
    `delete from holder_calls where holder_id in
       (select holder_id from holder_calls where calls = '{}' limit ? for update skip locked) returning holder_id`,
    [FORGOTTEN_AT_ONCE],
  );
  return forgotten.length;
}
