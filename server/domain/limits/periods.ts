const HOUR_MS = 3_600_000;

/** When a period began, by the words of budget.proto or HOUR; for one that never begins anew, as the database has it. */
export function startOf(period: string): Date {
  const now = new Date();
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  if (period === "HOUR") return new Date(Math.floor(now.getTime() / HOUR_MS) * HOUR_MS);
  if (period === "DAY") return new Date(Date.UTC(year, month, day));
  return period === "MONTH" ? new Date(Date.UTC(year, month, 1)) : new Date(0);
}

/** When a period begins anew, in milliseconds since 1970; undefined for one that never does. */
export function resetOf(period: string): number | undefined {
  const now = new Date();
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  if (period === "DAY") return Date.UTC(year, month, day + 1);
  return period === "MONTH" ? Date.UTC(year, month + 1, 1) : undefined;
}
