import { describe, expect, it } from "vitest";
import { presentMoney, readDollars } from "./columns.ts";

describe("presentMoney", () => {
  it.each([
    ["0", "$0.00"],
    ["39000000", "$0.000039"],
    ["39100000", "$0.0000391"],
    ["25000000000000", "$25.00"],
    ["1234567890000000", "$1234.56"],
    ["500000000000", "$0.50"],
    [undefined, ""],
  ])("shows %s pico-dollars as %s", (pico, shown) => expect(presentMoney(pico)).toBe(shown));
});

describe("readDollars", () => {
  it.each([
    ["25", 25_000_000_000_000n],
    ["$0.50", 500_000_000_000n],
    ["0.000001", 1_000_000n],
    ["25,00", undefined],
    ["-1", undefined],
    ["", undefined],
  ])("reads %s as %s pico-dollars", (text, pico) => expect(readDollars(text)).toBe(pico));
});
