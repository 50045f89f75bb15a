/** Numbers and times as people read them, in the reader's own zone. */

const PICO = 1_000_000_000_000;
const number = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const dateTime = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "narrow" });

export const formatNumber = (value: bigint | number) => number.format(value);
export const formatCompact = (value: bigint | number) => compact.format(value);
export const formatTime = (ms: bigint | number) => (Number(ms) === 0 ? "" : dateTime.format(Number(ms)));

/** As many digits as it takes to see the first two of a small amount. */
export function formatCost(pico: bigint): string {
  const usd = Number(pico) / PICO;
  if (usd === 0) return "$0";
  const digits = Math.abs(usd) >= 1 ? 2 : Math.min(12, 1 - Math.floor(Math.log10(Math.abs(usd))));
  return `$${usd.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: Math.max(2, digits) })}`;
}

export const toUsd = (pico: bigint) => Number(pico) / PICO;

/** Whether somebody typed a whole number, or nothing. */
export const isWhole = (text: string) => /^\s*\d*\s*$/.test(text);

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
];

export function formatAgo(ms: bigint | number, now = Date.now()): string {
  const difference = Number(ms) - now;
  const [unit, size] = STEPS.find(([, size]) => Math.abs(difference) >= size) ?? ["second", 1_000];
  return relative.format(Math.trunc(difference / size), unit);
}

export const formatMs = (ms: number) => (ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`);

const monthDay = new Intl.DateTimeFormat("en", { month: "short", day: "numeric", timeZone: "UTC" });

/** A day such as `2026-11-01`, in a few letters. */
export const formatDay = (day: string) => monthDay.format(Date.parse(day));

/** A day in UTC, so many days from today. */
export function dayOf(offset = 0, now = Date.now()): string {
  return new Date(now + offset * 86_400_000).toISOString().slice(0, 10);
}

export function daysBetween(start: string, end: string): string[] {
  const days: string[] = [];
  for (let at = Date.parse(start); at <= Date.parse(end) && days.length < 800; at += 86_400_000) {
    days.push(new Date(at).toISOString().slice(0, 10));
  }
  return days;
}
