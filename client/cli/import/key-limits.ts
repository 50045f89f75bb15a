import type { JsonValue } from "@bufbuild/protobuf";

/** What a key may spend here, or why that cannot be said. */
export type Budget =
  | { readonly amountUsd: string; readonly period: "DAY" | "MONTH" | "TOTAL"; readonly told: string }
  | { readonly refusal: string };

const SECONDS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3_600,
  d: 86_400,
  w: 604_800,
  mo: 2_592_000,
  M: 2_592_000,
  y: 31_536_000,
  Y: 31_536_000,
};

/** How long a time such as 30s, 24h, 7d, 1mo or 1M is, in seconds; undefined for what is none. */
export function secondsOf(duration: JsonValue): number | undefined {
  const [, count, unit = ""] = /^(\d{1,6})(s|m|h|d|w|mo|M|y|Y)$/.exec(String(duration)) ?? [];
  const seconds = SECONDS[unit];
  return seconds === undefined || Number(count) === 0 ? undefined : Number(count) * seconds;
}

/**
 * A budget with a period that there is: the next longer one, of the same amount, so that it is never more than it was.
 * Undefined without an amount.
 */
export function budgetFor(amount: JsonValue, duration: JsonValue): Budget | undefined {
  if (amount === null || amount === "") return undefined;
  const amountUsd = dollars(amount);
  if (amountUsd === undefined) return { refusal: "its budget is no amount of dollars" };
  if (duration === null || duration === "") return { amountUsd, period: "TOTAL", told: "TOTAL" };
  const seconds = secondsOf(duration);
  if (seconds === undefined) return { refusal: "the period of its budget is none that is known" };
  const period = seconds <= 86_400 ? "DAY" : seconds <= 2_678_400 ? "MONTH" : "TOTAL";
  const isSame = [86_400, 2_592_000, 2_678_400].includes(seconds);
  return {
    amountUsd,
    period,
    told: isSame ? period : `${period}: the next longer period that there is, of the same amount`,
  };
}

/** A limit that is counted; undefined for what lets nothing through, which 0 does not say here. */
export function countFor(value: JsonValue | undefined): number | undefined {
  const count = Number(value);
  return Number.isInteger(count) && count > 0 ? count : undefined;
}

/** A limit of so many in a time, as one in a minute at the same rate; undefined where less than one in a minute would be left. */
export function perMinute(count: number, seconds: number): number | undefined {
  const rate = seconds <= 60 ? count : Math.floor((count * 60) / seconds);
  return rate >= 1 ? rate : undefined;
}

function dollars(amount: JsonValue): string | undefined {
  const number = Number(amount);
  if (!Number.isFinite(number) || number < 0) return undefined;
  return number.toFixed(6).replace(/\.?0+$/, "") || "0";
}
