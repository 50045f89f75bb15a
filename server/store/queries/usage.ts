import type { EntityManager } from "@mikro-orm/postgresql";
import type { AllowedNames } from "../limits/allowed.ts";

/** What rows of usage can be told apart by. */
export type UsageDimension = "day" | "llm" | "owner" | "label" | "apiKey" | "subject" | "model";

/** Which usage, summed up how; undefined and empty filters do not filter. */
export interface UsageQuery {
  readonly ownerId: string | undefined;
  readonly llmId: string | undefined;
  readonly apiKeyId: string | undefined;
  readonly subject: string | undefined;
  readonly model: string | undefined;
  /** Only Llms that all of these names stand for; empty for all. */
  readonly allowed?: readonly AllowedNames[];
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

const DIMENSIONS: Readonly<Record<UsageDimension, string>> = {
  day: "to_char(day, 'YYYY-MM-DD')",
  llm: "llm_id::text",
  owner: "owner_id::text",
  label: "coalesce(labels ->> ?, '')",
  apiKey: "api_key_id",
  subject: "subject",
  model: "model",
};

/** The sums behind one of them, in the order of what tells them apart. They come from the days, never from replies. */
export async function sumUsage(
  em: EntityManager,
  query: UsageQuery,
  after: readonly string[] | undefined,
  limit: number,
): Promise<UsageSum[]> {
  const { groupBy, labelKey } = query;
  const names = groupBy.map((_, index) => `v${index}`);
  const values: unknown[] = groupBy.includes("label") ? [labelKey] : [];
  const columns = groupBy.map((dimension, index) => `${DIMENSIONS[dimension]} collate "C" as v${index}`);
  const sums = Object.values(SUMS).map((column) => `coalesce(sum(${column}), 0)::text as ${column}`);
  const where = conditionsOf(query, values);
  const order = names.length > 0 ? `order by ${names.join(", ")}` : "";
  const group = names.length > 0 ? `group by ${names.join(", ")}` : "";
  const behind =
    after && names.length > 0 ? `where (${names.join(", ")}) > (${names.map(() => "?::text").join(", ")})` : "";
  if (behind) values.push(...(after ?? []));
  const rows = await em.execute<Record<string, string>[]>(
    `select * from (select ${[...columns, ...sums].join(", ")} from daily_usage ${where} ${group}) as sums ${behind} ${order} limit ?`,
    [...values, limit],
  );
  return rows.map((row) => ({
    ...(Object.fromEntries(
      Object.entries(SUMS).map(([name, column]) => [name, BigInt(row[column] ?? 0)]),
    ) as unknown as Omit<UsageSum, "values">),
    values: names.map((name) => row[name] ?? ""),
  }));
}

function conditionsOf(query: UsageQuery, values: unknown[]): string {
  const { ownerId, llmId, labels, startDay, endDay, allowed = [] } = query;
  const conditions: string[] = [];
  const add = (condition: string, value: string | undefined) => {
    if (!value) return;
    conditions.push(condition);
    values.push(value);
  };
  add("owner_id = ?", ownerId);
  add("llm_id = ?", llmId);
  add("api_key_id = ?", query.apiKeyId);
  add("subject = ?", query.subject);
  add("model = ?", query.model);
  for (const { names, accountId } of allowed) {
    conditions.push(`llm_id in (select id from llm where id::text in (select json_array_elements_text(?::json))
      or (owner_id = ? and alias in (select json_array_elements_text(?::json))))`);
    values.push(JSON.stringify(names), accountId, JSON.stringify(names));
  }
  add("labels @> ?::jsonb", Object.keys(labels).length > 0 ? JSON.stringify(labels) : undefined);
  add("day >= ?::date", startDay);
  add("day <= ?::date", endDay);
  return conditions.length > 0 ? `where ${conditions.join(" and ")}` : "";
}
