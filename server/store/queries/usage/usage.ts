import { type AllowedNames, allowedReferences } from "../../limits/allowed.ts";
import { Conditions } from "../../sql/conditions.ts";
import type { RowReader } from "../../sql/rows.ts";

/** What rows of usage can be told apart by. */
export type UsageDimension = "day" | "llm" | "owner" | "label" | "apiKey" | "subject" | "model" | "route";

/** Which usage is seen by who may use some names only: that of what the names stand for, and their own. */
export interface SeenUsage {
  readonly allowed: readonly AllowedNames[];
  readonly apiKeyId: string;
  /** Of who has no API key. */
  readonly subject: string;
}

/** Which usage, summed up how; undefined and empty filters do not filter. */
export interface UsageQuery {
  readonly ownerId: string | undefined;
  readonly llmId: string | undefined;
  readonly apiKeyId: string | undefined;
  readonly subject: string | undefined;
  readonly model: string | undefined;
  readonly routeId: string | undefined;
  /** Only what these allow; undefined for all. */
  readonly seen?: SeenUsage | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Days are included, such as 2026-11-25; empty: open. */
  readonly startDay: string;
  readonly endDay: string;
  readonly groupBy: readonly UsageDimension[];
  readonly labelKey: string;
}

/** One sum: the values that it is told apart by, in the order of the query, and what was used. */
export interface UsageSum {
  readonly values: readonly string[];
  readonly replies: bigint;
  readonly unpricedReplies: bigint;
  readonly estimatedReplies: bigint;
  readonly refusedCalls: bigint;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly cacheReadTokens: bigint;
  readonly cacheWriteTokens: bigint;
  readonly reasoningTokens: bigint;
  readonly cost: bigint;
}

const SUMS: Readonly<Record<keyof Omit<UsageSum, "values">, string>> = {
  replies: "replies",
  unpricedReplies: "unpriced_replies",
  estimatedReplies: "estimated_replies",
  refusedCalls: "refused_calls",
  inputTokens: "input_tokens",
  outputTokens: "output_tokens",
  cacheReadTokens: "cache_read_tokens",
  cacheWriteTokens: "cache_write_tokens",
  reasoningTokens: "reasoning_tokens",
  cost: "cost",
};

/** What each is grouped and ordered by, how it is read, and what a position's text is made; each is ordered as its text is. */
const DIMENSIONS: Readonly<Record<UsageDimension, Dimension>> = {
  day: { column: "day", text: "to_char(day, 'YYYY-MM-DD')", type: "date" },
  llm: { column: "llm_id", text: "llm_id::text", type: "uuid" },
  owner: { column: "owner_id", text: "owner_id::text", type: "uuid" },
  label: textual("label"),
  apiKey: textual('api_key_id collate "C"'),
  subject: textual('subject collate "C"'),
  model: textual('model collate "C"'),
  route: textual('route_id collate "C"'),
};

interface Dimension {
  readonly column: string;
  readonly text: string;
  readonly type: string;
}

function textual(column: string): Dimension {
  return { column, text: column, type: "text" };
}

/**
 * The sums behind one of them, in the order of what tells them apart. They come from the days, never from replies. Rows are
 * compared with a position column by column, so that a page is read from an index where it begins, whichever it is; only a
 * label, an API key, a subject, a model or a route that comes first has to be looked for everywhere.
 */
export async function sumUsage(
  rows: RowReader,
  query: UsageQuery,
  after: readonly string[] | undefined,
  limit: number,
): Promise<UsageSum[]> {
  const { groupBy } = query;
  const where = conditionsOf(query);
  const columns = groupBy.map((dimension) => DIMENSIONS[dimension].column).join(", ");
  if (after && columns !== "") {
    const places = groupBy.map((dimension) => `?::${DIMENSIONS[dimension].type}`).join(", ");
    where.add(`(${columns}) > (${places})`, ...after);
  }
  const values = groupBy.map((dimension, index) => `${DIMENSIONS[dimension].text} as v${index}`);
  const sums = Object.values(SUMS).map((column) => `coalesce(sum(${column}), 0)::text as ${column}`);
  const order = columns === "" ? "" : `group by ${columns} order by ${columns}`;
  const found = await rows.query<Record<string, string>>({
    text: `select ${[...values, ...sums].join(", ")} from ${source(query, where)} where ${where.text} ${order} limit ${limit}`,
    values: where.values,
  });
  return found.map((row) => ({
    ...(Object.fromEntries(
      Object.entries(SUMS).map(([name, column]) => [name, BigInt(row[column] ?? 0)]),
    ) as unknown as Omit<UsageSum, "values">),
    values: groupBy.map((_, index) => row[`v${index}`] ?? ""),
  }));
}

/** The rows of days, with the value of the label that they are told apart by. */
function source({ groupBy, labelKey }: UsageQuery, where: Conditions): string {
  if (!groupBy.includes("label")) return "daily_usage";
  where.values.push(labelKey);
  return `(select *, coalesce(labels ->> $${where.values.length}, '') collate "C" as label from daily_usage) as usage`;
}

function conditionsOf(query: UsageQuery): Conditions {
  const { ownerId, llmId, apiKeyId, subject, model, routeId, labels, startDay, endDay, seen } = query;
  const where = new Conditions();
  if (ownerId) where.add("owner_id = ?::uuid", ownerId);
  if (llmId) where.add("llm_id = ?::uuid", llmId);
  if (apiKeyId) where.add("api_key_id = ?", apiKeyId);
  if (subject) where.add("subject = ?", subject);
  if (model) where.add("model = ?", model);
  if (routeId) where.add("route_id = ?", routeId);
  if (seen) {
    const may = allowedReferences(["llm_id", "nullif(route_id, '')::uuid"], seen.allowed);
    where.add(`((api_key_id = ? and subject = ?) or (${may.text}))`, seen.apiKeyId, seen.subject, ...may.values);
  }
  if (Object.keys(labels).length > 0) where.add("labels @> ?::jsonb", JSON.stringify(labels));
  if (startDay) where.add("day >= ?::date", startDay);
  if (endDay) where.add("day <= ?::date", endDay);
  return where;
}
