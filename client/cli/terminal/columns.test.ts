import { describe, expect, it } from "vitest";
import { presentMoney } from "./columns.ts";

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
