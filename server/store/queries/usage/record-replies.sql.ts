import { BUDGET, HOLDER } from "../../limits/periods.sql.ts";

/**
 * A condition, true of every row, that has a part of a statement lock its rows only once another part has: budgets before
 * what holders have spent, so that those who lock both wait for each other and do not deadlock.
 */
export function behind(part: string): string {
  return `(select count(*) from ${part}) >= 0`;
}

/** The columns of a reply, in the order of their values where there is one reply only. */
export const REPLY_COLUMNS = [
  ...["id", "owner_id", "llm_id", "account_id", "api_key_id", "subject", "request_id", "session_id", "turn_id"],
  ...["model", "provider_type", "labels", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens"],
  ...["reasoning_tokens", "source", "outcome", "latency_ms", "first_token_ms", "cost", "price_source", "price_date"],
  ...["created_at", "route_id"],
] as const;

const FROM_JSON = "insert into reply_usage select * from json_populate_recordset(null::reply_usage, $1::json)";
const FROM_VALUES = `insert into reply_usage (${REPLY_COLUMNS.join(", ")})
  values (${REPLY_COLUMNS.map((_, index) => `$${index + 1}`).join(", ")})`;

/** The sums of a day, and what of them is counted. */
const DAY_KEY = ["llm_id", "day", "labels_key"];
const TOLD = ["owner_id", "labels", "api_key_id", "subject", "model", "route_id"];
const COUNTS = {
  replies: "count(*) filter (where outcome <> 'REFUSED')",
  unpriced_replies: "count(*) filter (where outcome <> 'REFUSED' and cost is null)",
  estimated_replies: "count(*) filter (where source = 'ESTIMATED')",
  refused_calls: "count(*) filter (where outcome = 'REFUSED')",
  ...Object.fromEntries(
    [...["input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens"], "cost"].map(
      (column) => [column, `coalesce(sum(${column}), 0)`],
    ),
  ),
};
const PRICED = ["unpriced_replies", "cost"];

/** Sets columns of the row `sum` to what they were and what another row says, too. */
const plus = (columns: readonly string[], other: string) =>
  columns.map((column) => `${column} = sum.${column} + ${other}.${column}`).join(", ");

/** What was added, by the sums that it goes into; rows that many write to are in one order, so that servers wait and do not deadlock. */
const NEWS = `
news as (
  select
    llm_id, (created_at at time zone 'UTC')::date as day,
    md5(concat_ws(chr(31), labels, api_key_id, coalesce(subject, ''), model, route_id))::uuid as labels_key,
    owner_id, labels, api_key_id, coalesce(subject, '') as subject, model, coalesce(route_id::text, '') as route_id,
    ${Object.entries(COUNTS).map(([column, value]) => `${value} as ${column}`)}
  from added group by 1, 2, 3, 4, 5, 6, 7, 8, 9 order by 1, 2, 3
),
priced as (
  select llm_id, sum(unpriced_replies) as unpriced_replies, sum(cost) as cost
  from news where replies > 0 group by 1 order by 1
)`;

/** What a reply is charged of what was held for it: of one whose cost nobody knows, all of it. */
const costIn = (added: string, held: string) =>
  `coalesce(${added}.cost, case when ${added}.outcome = 'REFUSED' then 0 else ${held}.amount end)`;

/** When servers are told what an Llm costs: once a second, see the migration of what is shown. */
const TOLD_AT = `, told_at =
  case when sum.told_at < clock_timestamp() - interval '1 second' then clock_timestamp() else sum.told_at end`;

/** A table of sums, what is new of them, and how that is added to a row. */
interface Sums {
  readonly table: string;
  readonly news: string;
  readonly key: readonly string[];
  readonly columns: readonly string[];
  readonly counts: readonly string[];
  readonly more: string;
}

const DAILY: Sums = {
  table: "daily_usage",
  news: "news",
  key: DAY_KEY,
  columns: [...DAY_KEY, ...TOLD, ...Object.keys(COUNTS)],
  counts: Object.keys(COUNTS),
  more: "",
};
const TOTAL: Sums = {
  table: "llm_total",
  news: "priced",
  key: ["llm_id"],
  columns: ["llm_id", ...PRICED],
  counts: PRICED,
  more: TOLD_AT,
};

/** Adds news to sums, whether or not there are any yet. */
const addTo = ({ table, news, key, columns, counts, more }: Sums, where = "") => `
${table}_new as (
  insert into ${table} as sum (${columns}) select ${columns} from ${news} ${where}
  on conflict (${key}) do update set ${plus(counts, "excluded")}${more}
)`;

/**
 * The same of one row, which is mostly there: it is changed at once. What may be an insert locks the row first, and writes
 * that down.
 */
const addToKnown = (sums: Sums) => {
  const { table, news, key, counts, more } = sums;
  const isSame = key.map((column) => `sum.${column} = ${news}.${column}`).join(" and ");
  return `
${table}_known as (
  update ${table} as sum set ${plus(counts, news)}${more} from ${news} where ${isSame} returning sum.llm_id
), ${addTo(sums, `where not exists (select from ${table}_known)`)}`;
};

const SUMS = [NEWS, addTo(DAILY), addTo(TOTAL)].join();
const SUMS_OF_ONE = [NEWS, addToKnown(DAILY), addToKnown(TOTAL)].join();

/**
 * Writes replies ($1) of which nothing was reserved and that end no turn, and adds to the sums: what most chats come to. It
 * is all that `RECORD_REPLIES` does for them, without the parts that would find nothing to do: two thirds of its price. One
 * that is there already fails by its key: to have none of it written instead, PostgreSQL writes a second record for each.
 */
export const ADD_REPLIES = `with added as (${FROM_JSON} returning *), ${SUMS} select null::uuid as id where false`;

/** The same, of one reply, by its values: of a small team, most chats come alone. */
export const ADD_REPLY = `with added as (${FROM_VALUES} returning *), ${SUMS_OF_ONE} select null::uuid as id where false`;

/**
 * Writes replies ($1) and ends turns ($2), adds to the sums, and puts the cost of replies in the place of what was
 * reserved for them; answers with the turns that it ended. All or nothing, and harmless to repeat: a reply that is there
 * already counts no second time. The session of a turn is left alone: whoever begins a turn holds that row while it waits
 * for the end of the turn before.
 */
export const RECORD_REPLIES = `
with turn_end as (
  select * from json_to_recordset($2::json)
    as turn_end(turn_id uuid, attempt int, state text, tokens int, sealed_reply jsonb, ended_at timestamptz)
),
added as (${FROM_JSON} on conflict (id) do nothing returning *),
${SUMS},
settled as (
  delete from budget_reservation as held using added where held.usage_id = added.id
  returning held.budget_id, held.amount, ${costIn("added", "held")} as cost
),
charge as (select budget_id, sum(amount) as amount, sum(cost) as cost from settled group by 1),
locked as (select id from budget where id in (select budget_id from charge) order by id for update),
charged as (
  update budget set
    reserved = reserved - charge.amount,
    spent = ${BUDGET.spent} + charge.cost,
    window_start = ${BUDGET.window}
  from charge, locked where budget.id = charge.budget_id and locked.id = budget.id
),
settled_holder as (
  delete from holder_reservation as held using added where held.usage_id = added.id
  returning held.holder_id, held.amount, ${costIn("added", "held")} as cost
),
holder_charge as (select holder_id, sum(amount) as amount, sum(cost) as cost from settled_holder group by 1),
locked_holder as (
  select holder_id from holder_spending
  where holder_id in (select holder_id from holder_charge) and ${behind("locked")}
  order by holder_id for update
),
charged_holder as (
  update holder_spending as spending set
    reserved = reserved - charge.amount,
    spent = ${HOLDER.spent} + charge.cost,
    window_start = ${HOLDER.window}
  from holder_charge charge, locked_holder locked, holder_limits held
  where spending.holder_id = charge.holder_id and locked.holder_id = charge.holder_id and held.id = charge.holder_id
  returning held.id, held.kind, held.subject, held.account_id, held.budget_amount, spending.spent, spending.window_start
),
noticed as (
  insert into limit_notice (
    id, holder_id, limit_name, threshold, period_start, kind, holder_name, account_id, allowed, used, noticed_at, next_try_at
  )
  select gen_random_uuid(), held.id, 'BUDGET', threshold, held.window_start, held.kind,
    case held.kind
      when 'API_KEY' then
        coalesce((select key.id from api_key key where key.limits_id = held.id order by created_at desc limit 1), '')
      when 'SUBJECT' then held.subject else held.account_id::text end,
    held.account_id, held.budget_amount, held.spent, now(), now()
  from charged_holder held, unnest(array[80, 100]) as threshold
  where held.spent * 100 >= held.budget_amount * threshold
  order by held.id, threshold
  on conflict (holder_id, limit_name, threshold, period_start) do nothing
),
ended as (
  update turn set
    state = turn_end.state, tokens = turn_end.tokens, sealed_reply = turn_end.sealed_reply, ended_at = turn_end.ended_at
  from turn_end
  where turn.id = turn_end.turn_id and turn.attempt = turn_end.attempt and turn.state = 'PENDING'
  returning turn.id
)
select id from ended`;
