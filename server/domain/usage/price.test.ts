import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Llm } from "../../store/schema/llm.entity.ts";
import { CATALOG, costOfReply, lookUpPrice } from "./price.ts";

describe("the price catalog", () => {
  it("is the release that it says it is", () => {
    const { dependencies } = JSON.parse(readFileSync(join(import.meta.dirname, "../../../package.json"), "utf8"));
    expect(dependencies[CATALOG.name], "mend version and date in price-catalog.ts").toBe(CATALOG.version);
  });

  it("has a rate for each kind, and says where it is from", async () => {
    const price = await lookUpPrice("ANTHROPIC", "claude-opus-4-6");
    expect(price).toMatchObject({ source: `${CATALOG.name} ${CATALOG.version}`, date: CATALOG.date });
    expect(price?.ratesFor(1)).toEqual({
      input: 5_000_000n,
      cacheRead: 500_000n,
      cacheWrite: 6_250_000n,
      hourCacheWrite: 10_000_000n,
      output: 25_000_000n,
      reasoning: 25_000_000n,
    });
  });

  it("bills a long prompt at the rates of long prompts", async () => {
    const price = await lookUpPrice("OPENAI", "gpt-5.4");
    expect(price?.ratesFor(271_999)).toMatchObject({ input: 2_500_000n, output: 15_000_000n });
    expect(price?.ratesFor(272_000)).toMatchObject({ input: 5_000_000n, output: 22_500_000n });
  });

  it("leaves a rate open that it does not have", async () => {
    expect((await lookUpPrice("OPEN_ROUTER", "openai/gpt-4o"))?.ratesFor(1).cacheRead).toBeUndefined();
  });

  it.each([
    { providerType: "OPENAI" as const, model: "no-such-model" },
    { providerType: "VLLM" as const, model: "gpt-4o" },
    { providerType: "LITELLM_PROXY" as const, model: "openai/gpt-4o" },
  ])("does not know what $model costs on $providerType", async ({ providerType, model }) => {
    expect(await lookUpPrice(providerType, model)).toBeUndefined();
  });
});

describe("the cost of a reply", () => {
  const price = { input: "3", output: "15", setAt: Date.parse("2026-11-30") };
  const llm = Object.assign(Object.create(Llm.prototype) as Llm, {
    providerType: "CUSTOM_OPENAI_COMPATIBLE",
    modelIdentifier: "anthropic/claude-sonnet-4-5",
    price,
    model: {},
  });
  const usage = { inputTokens: 1_000, outputTokens: 100 };

  it.each([
    { model: "", cost: 4_500_000_000n },
    { model: "claude-sonnet-4-5-20250929", cost: 4_500_000_000n },
    { model: "prod-alias", cost: 4_500_000_000n },
    { model: "gpt-4o-mini-2024-07-18", cost: undefined },
    { model: "Qwen/Qwen3-32B", cost: undefined },
  ])("is that of the Llm only if the reply is, as '$model' tells", async ({ model, cost }) => {
    expect((await costOfReply(llm, { model, usage, billing: {} })).cost).toBe(cost);
  });

  it("is what another model's reply says itself", async () => {
    const said = { model: "gpt-4o-mini", usage, billing: { costPicoUsd: 7 } };
    expect(await costOfReply(llm, said)).toMatchObject({ cost: 7n, source: "reply" });
  });
});
