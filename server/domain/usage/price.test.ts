import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CATALOG, lookUpPrice } from "./price.ts";

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
