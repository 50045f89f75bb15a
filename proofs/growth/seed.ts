import type { Client } from "pg";

/** Llms whose replies the rows are of, and the accounts that own them, in equal parts. */
export const LLMS = 200;
const OWNERS = 20;
/** Rows of one statement: what fits into memory on the way. */
const AT_ONCE = 500_000;

/** Of what the rows of usage say most is the same; what tells them apart is counted from `n`. */
const REPLY: Readonly<Record<string, string>> = {
  // As an id of version 7 has the time in front.
  id: "(lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 14))::uuid",
  owner_id: `md5('owner' || n % ${OWNERS})::uuid`,
  llm_id: `md5('llm' || n % ${LLMS})::uuid`,
  account_id: `md5('owner' || n % ${OWNERS})::uuid`,
  api_key_id: `'key' || n % ${LLMS}`,
  request_id: "md5('request' || n)",
  model: "'gpt-5-mini'",
  provider_type: "'OPENAI'",
  labels: `jsonb_build_object('team', 'team-' || n % ${OWNERS})`,
  input_tokens: "n % 4000",
  output_tokens: "n % 900",
  source: "'REPORTED'",
  outcome: "'COMPLETED'",
  latency_ms: "n % 5000",
  first_token_ms: "n % 900",
  cost: "n % 1000000",
  price_source: "'catalog'",
  price_date: "at::date",
  created_at: "at",
};

/** A part of a year's usage: so many rows, made one after the other from one time to another. */
export interface Stretch {
  readonly from: Date;
  readonly to: Date;
  readonly rows: number;
}

/** Rows of replies, as the ledger writes them; their partitions have to be there. */
export async function seedReplies(database: Client, { from, to, rows }: Stretch): Promise<void> {
  await database.query("set synchronous_commit = off");
  for (let start = 0; start < rows; start += AT_ONCE) {
    await database.query(
      `insert into reply_usage (${Object.keys(REPLY).join(", ")})
       select ${Object.values(REPLY).join(", ")} from (
         select n, $1::timestamptz + n * (($2::timestamptz - $1::timestamptz) / $3::bigint) as at
         from generate_series($4::bigint, $5::bigint) n
       ) as made`,
      [from, to, rows, start, Math.min(start + AT_ONCE, rows) - 1],
    );
  }
}

/** The sums that those rows would have come to: one of each Llm and day. */
export async function seedSums(database: Client, from: Date, to: Date): Promise<void> {
  await database.query(
    `insert into daily_usage (
       llm_id, day, labels_key, owner_id, labels, api_key_id, model, replies, unpriced_replies, estimated_replies,
       refused_calls, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost
     )
     select md5('llm' || n)::uuid, day::date, md5(n::text)::uuid, md5('owner' || n % ${OWNERS})::uuid,
       jsonb_build_object('team', 'team-' || n % ${OWNERS}), 'key' || n, 'gpt-5-mini',
       100, 0, 0, 0, 200000, 0, 0, 45000, 0, 50000000
     from generate_series(0, ${LLMS - 1}) n, generate_series($1::date, $2::date, '1 day') day`,
    [from, to],
  );
}
