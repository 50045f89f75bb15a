/** When a period begins anew, in milliseconds since 1970; undefined for one that never does. */
export function resetOf(period: string): number | undefined {
  const now = new Date();
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  if (period === "DAY") return Date.UTC(year, month, day + 1);
  return period === "MONTH" ? Date.UTC(year, month + 1, 1) : undefined;
}
