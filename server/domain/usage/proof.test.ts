import { expect, it } from "vitest";
import { readUsage as readMessageUsage } from "../../upstream/anthropic/reply.ts";
import { readBilling } from "../../upstream/openai/billing.ts";
import { readUsage } from "../../upstream/openai/reply.ts";
import { isCounted, tokensOf } from "./cost.ts";

/** A seeded sequence of numbers from 0 to 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

const COUNTS = [undefined, null, 0, 0, 1, 7, 4_096, -1, 1.5, "12", "", true, {}, [], Number.NaN, 2 ** 60];

it("a usage proves nothing unless prompt and reply were counted, by counts that fit together", () => {
  const next = random(20_261_129);
  const any = () => COUNTS[Math.floor(next() * COUNTS.length)];
  let proven = 0;
  for (let n = 0; n < 20_000; n++) {
    const usage = {
      prompt_tokens: any(),
      completion_tokens: any(),
      total_tokens: any(),
      prompt_tokens_details: { cached_tokens: any(), cache_write_tokens: any() },
      completion_tokens_details: { reasoning_tokens: any() },
      input_tokens: any(),
      output_tokens: any(),
      promptTokenCount: any(),
      candidatesTokenCount: any(),
      cache_read_input_tokens: any(),
      cache_creation_input_tokens: any(),
    };
    for (const read of [readUsage(usage), readMessageUsage(usage)]) {
      for (const said of [0, 100]) {
        if (!isCounted(read, () => said)) continue;
        proven += 1;
        const {
          inputTokens = 0,
          outputTokens = -1,
          cacheReadTokens = 0,
          cacheWriteTokens = 0,
          reasoningTokens = 0,
        } = read;
        expect(inputTokens, JSON.stringify(usage)).toBeGreaterThan(0);
        expect(outputTokens).toBeGreaterThanOrEqual(said > 0 ? 1 : 0);
        expect(cacheReadTokens + cacheWriteTokens).toBeLessThanOrEqual(inputTokens);
        expect(reasoningTokens).toBeLessThanOrEqual(outputTokens);
        expect(tokensOf(read)).toBeDefined();
      }
    }
  }
  expect(proven).toBeGreaterThan(100);
});

it("a reply says what it cost only by an amount of dollars", () => {
  const next = random(20_261_130);
  const costs = [undefined, null, 0, -1, 0.5, "0.5", "free", "", Number.NaN, 1e9, {}, [], true, { total_cost: 0.5 }];
  const currencies = [undefined, "", "USD", "usd", "CNY", "credits", 7, null];
  const any = <Item>(items: readonly Item[]) => items[Math.floor(next() * items.length)];
  let said = 0;
  for (let n = 0; n < 5_000; n++) {
    const usage = { cost: any(costs), currency: any(currencies) };
    for (const providerType of ["CUSTOM_OPENAI_COMPATIBLE", "OPENAI", "VLLM"] as const) {
      const { costPicoUsd } = readBilling({ usage }, providerType);
      if (costPicoUsd === undefined) continue;
      said += 1;
      expect([costPicoUsd, providerType], JSON.stringify(usage)).toEqual([5e11, "CUSTOM_OPENAI_COMPATIBLE"]);
      expect(["CNY", "credits"]).not.toContain(usage.currency);
    }
  }
  expect(said).toBeGreaterThan(100);
});
