import { describe, expect, it } from "vitest";
import { budgetFor, perMinute } from "./key-limits.ts";

describe("a budget of another gateway", () => {
  it.each([
    ["1d", "DAY"],
    ["24h", "DAY"],
    ["30s", "DAY"],
    ["7d", "MONTH"],
    ["30d", "MONTH"],
    ["1mo", "MONTH"],
    ["1M", "MONTH"],
    ["90d", "TOTAL"],
    ["1Y", "TOTAL"],
    [null, "TOTAL"],
  ])("of %s is never more than it was: %s", (duration, period) => {
    expect(budgetFor(12.5, duration)).toMatchObject({ amountUsd: "12.5", period });
  });

  it.each([
    [null, "1d", undefined],
    [0, "1d", { amountUsd: "0" }],
    [-1, "1d", { refusal: "its budget is no amount of dollars" }],
    [1, "0d", { refusal: "the period of its budget is none that is known" }],
  ])("%s a %s", (amount, duration, budget) => {
    if (budget === undefined) expect(budgetFor(amount, duration)).toBeUndefined();
    else expect(budgetFor(amount, duration)).toMatchObject(budget);
  });
});

describe("a rate of another gateway", () => {
  it.each([
    [5_000, 3_600, 83],
    [60, 60, 60],
    [10, 30, 10],
    [10, 3_600, undefined],
  ])("of %i in %i s is at most %s in a minute", (count, seconds, rate) => expect(perMinute(count, seconds)).toBe(rate));
});
