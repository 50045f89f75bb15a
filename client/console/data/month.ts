/** What each Llm has cost this month, day by day. */
import { dayOf, daysBetween, toUsd } from "../browser/format.ts";
import { GroupBy, type UsageRow, useUsage } from "./usage.ts";

export interface Month {
  readonly costs: readonly number[];
  readonly cost: bigint;
  readonly unpriced: bigint;
}

const MOST_PAGES = 3;

/**
 * One question for all Llms, where its answer is short enough; else `ofAll` is undefined, and each row asks for its own.
 */
export function useMonths(isEnabled: boolean): {
  readonly ofAll: ReadonlyMap<string, Month> | undefined;
  isReady: boolean;
} {
  const question = { startDay: startOfMonth(), groupBy: [GroupBy.LLM, GroupBy.DAY] };
  const { data } = useUsage(question, { mostPages: MOST_PAGES, isEnabled });
  if (!data) return { ofAll: undefined, isReady: false };
  return { ofAll: data.isPartial ? undefined : monthsOf(data.rows), isReady: true };
}

export function useMonth(llmId: string, isEnabled: boolean): Month | undefined {
  const question = { llmId, startDay: startOfMonth(), groupBy: [GroupBy.LLM, GroupBy.DAY] };
  const { data } = useUsage(question, { mostPages: 1, isEnabled });
  return data && (monthsOf(data.rows).get(llmId) ?? NOTHING);
}

export const NOTHING: Month = { costs: [], cost: 0n, unpriced: 0n };

export const startOfMonth = () => `${dayOf().slice(0, 8)}01`;

function monthsOf(rows: readonly UsageRow[]): ReadonlyMap<string, Month> {
  const days = new Map(daysBetween(startOfMonth(), dayOf()).map((day, index) => [day, index]));
  const months = new Map<string, { costs: number[]; cost: bigint; unpriced: bigint }>();
  for (const { llmId, day, cost, unpricedReplies } of rows) {
    let month = months.get(llmId);
    if (!month) {
      month = { costs: Array.from(days, () => 0), cost: 0n, unpriced: 0n };
      months.set(llmId, month);
    }
    month.costs[days.get(day) ?? 0] = toUsd(cost);
    month.cost += cost;
    month.unpriced += unpricedReplies;
  }
  return months;
}
