import { describe, expect, it } from "vitest";
import { picoUsdOf, usdOf } from "./usd.ts";

describe("pico-dollars in dollars", () => {
  it.each([
    [25_000_000_000_000n, "25"],
    [4_500_000n, "0.0000045"],
    [1n, "0.000000000001"],
    [0n, "0"],
    [1_500_000_000_000n, "1.5"],
    [9_223_372_036_854_775_807n, "9223372.036854775807"],
  ])("%s is %s, and back", (pico, usd) => {
    expect(usdOf(pico)).toBe(usd);
    expect(picoUsdOf(usd)).toBe(pico);
  });

  it("may be negative, where more was given back than spent", () => expect(usdOf(-500_000_000_000n)).toBe("-0.5"));

  it.each(["", "1e3", ".5", "5.", "-1", "$25", "25,00", "0.0000000000001"])("is not %j", (text) => {
    expect(picoUsdOf(text)).toBeUndefined();
  });
});
