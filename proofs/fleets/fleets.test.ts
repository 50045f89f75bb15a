import { describe, expect, it } from "vitest";
import { RouteTier_Policy } from "../../gen/patchbay/v1/route_pb.ts";
import { patchbayOver } from "./patchbay.ts";
import { runScenario } from "./scenario.ts";

/** The same for longer, beside LiteLLM: `npm run test:fleets`. */
const SHORT = { seed: 1, troubleMs: 2_500, patienceMs: 30_000, callers: 6, paceMs: 5 };

describe("one of three", () => {
  it.each(["dies", "is limited"] as const)("%s: nobody notices, and it comes back", async (trouble) => {
    const report = await runScenario(patchbayOver(), trouble, SHORT);
    expect(report.calls).toBeGreaterThan(20);
    expect(report).toMatchObject({ failed: 0, cut: 0, backAfterMs: expect.any(Number) });
    expect(report.perCall).toBeLessThan(1.5);
  });

  it("cuts streams: few are cut, and each says so", async () => {
    const report = await runScenario(patchbayOver(), "cuts streams", SHORT);
    expect(report).toMatchObject({ failed: 0, untold: 0, backAfterMs: expect.any(Number) });
    // Those that were under way when the first was cut, and one at a time after that.
    expect(report.cut).toBeGreaterThan(0);
    expect(report.cut).toBeLessThanOrEqual(SHORT.callers + 4);
  });

  it("limps: whoever is least busy takes its chats", async () => {
    const report = await runScenario(patchbayOver(RouteTier_Policy.LEAST_BUSY), "limps", SHORT);
    expect(report).toMatchObject({ failed: 0, cut: 0, perCall: 1 });
    expect(report.share).toBeLessThan(0.25);
  });
});
