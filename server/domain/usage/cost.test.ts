import { describe, expect, it } from "vitest";
import { costOf, type Rates, rateOf, tokensOf } from "./cost.ts";

const none = { input: 0, cacheRead: 0, cacheWrite: 0, hourCacheWrite: 0, output: 0, reasoning: 0 };
const rates: Rates = { input: 3_000_000n, cacheRead: 300_000n, output: 15_000_000n };

describe("costOf", () => {
  it.each([
    {
      name: "bills each kind of token at its own rate",
      tokens: { ...none, input: 1000, cacheRead: 500, output: 200 },
      cost: 6_150_000_000n,
    },
    { name: "does not know the cost of tokens that have no rate", tokens: { ...none, cacheWrite: 1 }, cost: undefined },
    { name: "nor of reasoning, where nobody says what it costs", tokens: { ...none, reasoning: 1 }, cost: undefined },
    { name: "needs no rate for what was not used", tokens: { ...none, output: 1 }, cost: 15_000_000n },
    { name: "is zero for nothing", tokens: none, cost: 0n },
    {
      name: "is exact where a float is not",
      tokens: { ...none, input: 9_007_199_254_740_991 },
      cost: 27_021_597_764_222_973_000_000n,
    },
  ])("$name", ({ tokens, cost }) => expect(costOf(tokens, rates)).toBe(cost));

  it("is zero where zero is the price", () => {
    expect(costOf({ ...none, input: 1000, output: 1000 }, { input: 0n, output: 0n })).toBe(0n);
  });
});

describe("tokensOf", () => {
  it.each([
    {
      name: "takes what was cached out of the prompt, and the reasoning out of the reply",
      usage: { inputTokens: 100, outputTokens: 50, cacheReadTokens: 60, cacheWriteTokens: 30, reasoningTokens: 20 },
      tokens: { input: 10, cacheRead: 60, cacheWrite: 30, hourCacheWrite: 0, output: 30, reasoning: 20 },
    },
    {
      name: "keeps an explicit zero",
      usage: { inputTokens: 0, outputTokens: 0 },
      tokens: none,
    },
    { name: "does not know them without the prompt's", usage: { outputTokens: 5 }, tokens: undefined },
    { name: "nor without the reply's", usage: { inputTokens: 5 }, tokens: undefined },
    {
      name: "nor when the counts contradict each other",
      usage: { inputTokens: 5, outputTokens: 5, cacheReadTokens: 6 },
      tokens: undefined,
    },
  ])("$name", ({ usage, tokens }) => expect(tokensOf(usage)).toEqual(tokens));
});

it.each([
  { dollars: "2.5", rate: 2_500_000n },
  { dollars: "0.000001", rate: 1n },
  { dollars: "0", rate: 0n },
  { dollars: "999999.999999", rate: 999_999_999_999n },
  { dollars: 0.0983, rate: 98_300n },
])("$dollars dollars a million tokens are $rate pico-dollars a token", ({ dollars, rate }) => {
  expect(rateOf(dollars)).toBe(rate);
});
