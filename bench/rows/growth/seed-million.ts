import type { Client } from "pg";

/** How many accounts they belong to, in equal parts. */
export const OWNERS = 10;
/** In the search text of one Llm, as no UUID and no name holds it otherwise. */
export const RARE_WORD = "qzx";
/** In the search text of one Llm in a thousand. */
export const COMMON_WORD = "wjk";

/** What differs from the Llm that is copied; `n` counts from 1. */
const columnsOf = (count: number): Readonly<Record<string, string>> => ({
  id: "gen_random_uuid()",
  owner_id: `owners[1 + n % ${OWNERS}]`,
  display_name: `'Llm ' || n || case when n = ${count * 0.7 + 1} then ' ${RARE_WORD}' when n % 1000 = 0 then ' ${COMMON_WORD}' else '' end`,
  endpoint_url: "'https://llm-' || n % 5000 || '.example.com/v1'",
  model_identifier: "'model-' || n % 300",
  connection_digest: "sha256(n::text::bytea)",
  created_at: "t.created_at - (1000000 - n) * interval '1 second'",
  updated_at: "t.updated_at - (n::bigint * 7919 % 1000000) * interval '1 second'",
});

/** Fills the table with copies of one Llm, a million in minutes; answers with the id of an account that owns its part of them. */
export async function seedMillion(database: Client, llmId: string, count: number): Promise<string> {
  const owners = await addOwners(database);
  const { fields } = await database.query("select * from llm limit 0");
  const names = fields.map(({ name }) => name).filter((name) => name !== "search"); // A generated column.
  const columns = columnsOf(count);
  const values = names.map((name) => columns[name] ?? `t.${name}`);
  const { rows: indexes } = await database.query<{ name: string; definition: string }>(`
    select indexname as name, indexdef as definition from pg_indexes
    where tablename = 'llm' and not exists (select from pg_constraint where conname = indexname)`);
  await database.query("set synchronous_commit = off; set maintenance_work_mem = '1GB'");
  for (const { name } of indexes) await database.query(`drop index ${name}`);
  await step(`inserting ${count.toLocaleString("en")} rows`, () =>
    database.query(
      `insert into llm (${names.join(", ")}) select ${values.join(", ")}
       from generate_series(1, ${count}) n, (select * from llm where id = $1) t, (select $2::uuid[] as owners) o`,
      [llmId, owners],
    ),
  );
  // They are not to be looked at while something is measured.
  await database.query("truncate llm_model_check");
  // An index that is made at once is made in a tenth of the time.
  for (const { name, definition } of indexes) await step(`making ${name}`, () => database.query(definition));
  await step("vacuum analyze", () => database.query("vacuum analyze llm"));
  return owners[0] ?? "";
}

async function addOwners(database: Client): Promise<string[]> {
  const { rows } = await database.query<{ id: string }>(
    `insert into account (id, display_name, created_at)
     select gen_random_uuid(), 'owner ' || n, now() from generate_series(1, $1) n returning id`,
    [OWNERS],
  );
  return rows.map(({ id }) => id);
}

async function step(name: string, work: () => Promise<unknown>): Promise<void> {
  const startedAt = performance.now();
  await work();
  console.log(`  ${name}: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
}
