/** When the current period of a budget began, in SQL, by the SQL of its period. */
export function windowStart(period: string): string {
  return `(case ${period}
  when 'DAY' then date_trunc('day', now(), 'UTC')
  when 'MONTH' then date_trunc('month', now(), 'UTC')
  else 'epoch'::timestamptz end)`;
}

/** What was spent in it, by the name of the row that has `spent` and `window_start`. */
export function spentNow(row: string, period: string): string {
  return `(case when ${row}.window_start = ${windowStart(period)} then ${row}.spent else 0 end)`;
}

/** The same two of an owner's budget, and of what a holder of limits has spent. */
export const BUDGET = { window: windowStart("budget.period"), spent: spentNow("budget", "budget.period") };
export const HOLDER = { window: windowStart("held.budget_period"), spent: spentNow("spending", "held.budget_period") };
