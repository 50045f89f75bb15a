import { describe, expect, it } from "vitest";
import { Random } from "../../test/hostile/random.ts";
import { chooseSoonest, chooseWell } from "./choice.ts";
import { FAILOVER, LONGEST_TOLD_MS } from "./failover.ts";
import { RetryBudget } from "./retry-budget.ts";
import { Wellness } from "./wellness.ts";

const outage = FAILOVER.unavailable.cools ?? { firstMs: 0, mostMs: 0 };
const failedWith = "UPSTREAM_UNAVAILABLE";

/** Wellness by a clock that the test moves, with the longest of the pauses that chance may give. */
function wellnessAt(start = 1_000_000) {
  const clock = { now: start };
  const wellness = new Wellness({ now: () => clock.now, random: () => 1 });
  const fail = (llmId: string, retryAfterMs?: number) =>
    wellness.begin(llmId).failed({ cooling: outage, failedWith, retryAfterMs });
  return { clock, wellness, fail };
}

describe("an Llm that failed", () => {
  it("is left alone for longer each time, and no longer than eight seconds", () => {
    const { clock, wellness, fail } = wellnessAt();
    const pauses: number[] = [];
    for (let n = 0; n < 6; n++) {
      fail("a");
      const until = wellness.cooldownOf("a")?.until ?? 0;
      pauses.push(until - clock.now);
      clock.now = until - 1;
      expect(wellness.isOpen("a")).toBe(false);
      clock.now = until;
      expect(wellness.isOpen("a")).toBe(true);
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
  });

  it("is left alone for at least half of that, whatever chance says", () => {
    const wellness = new Wellness({ now: () => 0, random: () => 0 });
    wellness.begin("a").failed({ cooling: outage, failedWith, retryAfterMs: undefined });
    expect(wellness.cooldownOf("a")?.until).toBe(500);
  });

  it("is left alone for as long as its endpoint asks, within reason", () => {
    const { clock, wellness, fail } = wellnessAt();
    fail("a", 30_000);
    expect(wellness.cooldownOf("a")).toMatchObject({ isTold: true, until: clock.now + 30_000 });
    fail("b", 86_400_000);
    expect(wellness.cooldownOf("b")?.until).toBe(clock.now + LONGEST_TOLD_MS);
  });

  it.each([0, -5_000])("is left alone for no less time if its endpoint asks for %i ms", (asked) => {
    const { clock, wellness, fail } = wellnessAt();
    for (const pauseMs of [1_000, 2_000, 4_000]) {
      fail("a", asked);
      expect(wellness.cooldownOf("a")).toMatchObject({ isTold: false, until: clock.now + pauseMs });
      clock.now += pauseMs;
    }
  });

  it("is tried by one call at a time, until one succeeds", () => {
    const { clock, wellness, fail } = wellnessAt();
    fail("a");
    clock.now += 1_000;
    const trial = wellness.begin("a");
    expect(wellness.isOpen("a")).toBe(false);
    trial.left();
    expect(wellness.isOpen("a")).toBe(true);
    wellness.begin("a").succeeded();
    expect(wellness.cooldownOf("a")).toBeUndefined();
  });

  it("has failed once when calls that were under way together fail, and is not well by one from before", () => {
    const { clock, wellness } = wellnessAt();
    const together = [wellness.begin("a"), wellness.begin("a"), wellness.begin("a")];
    const earlier = wellness.begin("a");
    clock.now += 10;
    for (const call of together) call.failed({ cooling: outage, failedWith, retryAfterMs: undefined });
    expect(wellness.cooldownOf("a")?.failures).toBe(1);
    earlier.succeeded();
    expect(wellness.cooldownOf("a")?.failures).toBe(1);
    expect(wellness.runningOf("a")).toBe(0);
  });

  it("at one operation is well for the others", () => {
    const { wellness } = wellnessAt();
    const failure = { cooling: outage, failedWith: "UPSTREAM_MODEL_NOT_FOUND", retryAfterMs: undefined };
    wellness.begin("a", "embeddings").failed(failure);
    expect(wellness.isOpen("a", "embeddings")).toBe(false);
    expect(wellness.isOpen("a")).toBe(true);
    wellness.begin("a").succeeded();
    expect(wellness.isOpen("a", "embeddings"), "a chat proves nothing of it").toBe(false);
    expect(wellness.unwell).toEqual([{ llmId: "a", operation: "embeddings" }]);
  });

  describe("to say anything until the deadlines of its callers", () => {
    /** Calls of it that end after so long without a piece, and whether the last shows that it hangs. */
    function outrun(afterMs: readonly number[], { clock, wellness }: ReturnType<typeof wellnessAt>, form = "whole") {
      let hangs = false;
      for (const ms of afterMs) {
        const call = wellness.begin("a");
        call.sent(form as "whole");
        clock.now += ms;
        hangs = call.hangs();
        call.left();
      }
      return hangs;
    }
    function replies(afterMs: number, { clock, wellness }: ReturnType<typeof wellnessAt>, form = "whole") {
      const call = wellness.begin("a");
      call.sent(form as "whole");
      clock.now += afterMs;
      if (form === "streamed") call.heard();
      call.succeeded();
    }

    it.each([
      { name: "never before, by the third in a row", known: [], outrun: [1_000, 1_000, 1_000], hangs: true },
      { name: "and by each that follows", known: [], outrun: [1_000, 1_000, 1_000, 1_000], hangs: true },
      { name: "but not by two", known: [], outrun: [1_000, 1_000], hangs: false },
      { name: "nor by callers who give it no second", known: [], outrun: [999, 999, 999, 999], hangs: false },
      { name: "sooner if it has been faster", known: [200], outrun: [200, 200, 200], hangs: true },
      { name: "nor if it is a slow one", known: [200, 5_000, 200], outrun: [4_000, 4_000, 4_000], hangs: false },
      {
        name: "though it was slow long ago",
        known: [5_000, ...Array(60).fill(200)],
        outrun: [1e3, 1e3, 1e3],
        hangs: true,
      },
    ])("hangs: $name", ({ known, outrun: waits, hangs }) => {
      const at = wellnessAt();
      for (const ms of known) replies(ms, at);
      expect(outrun(waits, at)).toBe(hangs);
    });

    it("does not hang while others have replies between", () => {
      const at = wellnessAt();
      expect(outrun([1_000, 1_000], at)).toBe(false);
      replies(500, at);
      expect(outrun([1_000, 1_000], at)).toBe(false);
    });

    it("is waited for by the first piece of a stream, whatever whole replies take", () => {
      const at = wellnessAt();
      replies(30_000, at);
      replies(300, at, "streamed");
      expect(outrun([1_000, 1_000, 1_000], at, "streamed")).toBe(true);
      const { wellness } = wellnessAt();
      const unsent = wellness.begin("a");
      expect(unsent.hangs(), "nothing was sent").toBe(false);
    });
  });

  it("in a test only is tried once at a time, and not doubted again once a call has shown better", () => {
    const { clock, wellness } = wellnessAt();
    const testedAt = clock.now - 60_000;
    wellness.doubt("a", testedAt, { isTrial: false });
    expect(wellness.isOpen("a")).toBe(true);
    const trial = wellness.begin("a");
    expect(wellness.isOpen("a")).toBe(false);
    trial.succeeded();
    wellness.doubt("a", testedAt);
    expect(wellness.cooldownOf("a")).toBeUndefined();
  });
});

describe("the choice", () => {
  const random = new Random(17);
  const choosing = (wellness: Wellness) => ({
    wellness,
    random: () => random.below(1_000_000) / 1_000_000,
    isOut: () => false,
    operation: "chat" as const,
  });
  const target = (llmId: string, weight = 1) => ({ llmId, weight });

  it("is as the weights are: 10,000 calls over 70, 20 and 10 come out within two points", () => {
    const { wellness } = wellnessAt();
    const tiers = [{ policy: "WEIGHTED" as const, targets: [target("a", 70), target("b", 20), target("c", 10)] }];
    const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
    for (let n = 0; n < 10_000; n++) {
      const chosen = chooseWell(tiers, choosing(wellness)) ?? "";
      counts[chosen] = (counts[chosen] ?? 0) + 1;
    }
    for (const { llmId, weight } of tiers[0]?.targets ?? []) {
      expect(Math.abs((counts[llmId] ?? 0) / 100 - weight)).toBeLessThanOrEqual(2);
    }
  });

  it("is the least busy by weight", () => {
    const { wellness } = wellnessAt();
    const tiers = [{ policy: "LEAST_BUSY" as const, targets: [target("a", 2), target("b", 1)] }];
    const chosen = Array.from({ length: 9 }, () => {
      const llmId = chooseWell(tiers, choosing(wellness)) ?? "";
      wellness.begin(llmId);
      return llmId;
    });
    expect(chosen.filter((llmId) => llmId === "a")).toHaveLength(6);
  });

  it("is of the first tier that has one that is well, and never one without weight", () => {
    const { wellness, fail } = wellnessAt();
    const tiers = [
      { policy: "WEIGHTED" as const, targets: [target("a"), target("drained", 0)] },
      { policy: "WEIGHTED" as const, targets: [target("b")] },
    ];
    expect(chooseWell(tiers, choosing(wellness))).toBe("a");
    fail("a");
    expect(chooseWell(tiers, choosing(wellness))).toBe("b");
    fail("b", 60_000);
    expect(chooseWell(tiers, choosing(wellness))).toBeUndefined();
    // One that asked for a minute is left alone even then.
    expect(chooseSoonest(tiers, choosing(wellness))).toBe("a");
    fail("a", 60_000);
    expect(chooseSoonest(tiers, choosing(wellness))).toBeUndefined();
  });
});

describe("what may be tried again", () => {
  it("is a tenth of the calls, beyond a reserve", () => {
    const clock = { now: 0 };
    const budget = new RetryBudget(() => clock.now);
    let reserve = 0;
    while (budget.take()) reserve++;
    expect(reserve).toBe(50);
    let taken = 0;
    for (let n = 0; n < 1_000; n++) {
      budget.earn();
      if (budget.take()) taken++;
    }
    expect(taken).toBeGreaterThanOrEqual(99);
    expect(taken).toBeLessThanOrEqual(100);
  });

  it("comes back by itself, so that a route with few calls can go on to another Llm", () => {
    const clock = { now: 0 };
    const budget = new RetryBudget(() => clock.now);
    while (budget.take());
    clock.now = 2_000;
    expect(budget.left).toBe(2);
    clock.now = 3_600_000;
    expect(budget.left).toBe(50);
  });
});
