import { describe, expect, it } from "vitest";
import { GroupCommit } from "./group-commit.ts";

/** Commits that end when they are told to. */
function steered() {
  const groups: { entries: readonly number[]; end(): void; fail(error: unknown): void }[] = [];
  const commits = new GroupCommit<number, number>(
    (entries) =>
      new Promise((resolve, reject) => {
        groups.push({ entries, end: () => resolve(entries.map((entry) => entry * 10)), fail: reject });
      }),
    3,
  );
  const group = async (index: number) => {
    await expect.poll(() => groups[index], { interval: 1 }).toBeDefined();
    return groups[index] as (typeof groups)[number];
  };
  return { commits, group };
}

describe("GroupCommit", () => {
  it("commits together what comes together, and what comes meanwhile next", async () => {
    const { commits, group } = steered();
    const first = [commits.add(1), commits.add(2)];
    const one = await group(0);
    const second = [3, 4, 5, 6].map((entry) => commits.add(entry));
    expect(one.entries).toEqual([1, 2]);
    one.end();
    expect(await Promise.all(first)).toEqual([10, 20]);
    const two = await group(1);
    expect(two.entries, "never more than the largest group").toEqual([3, 4, 5]);
    two.end();
    (await group(2)).end();
    expect(await Promise.all(second)).toEqual([30, 40, 50, 60]);
  });

  it("fails all of a group that fails, and goes on", async () => {
    const { commits, group } = steered();
    const failing = [commits.add(1), commits.add(2)].map((entry) => expect(entry).rejects.toThrow("no"));
    (await group(0)).fail(new Error("no"));
    await Promise.all(failing);
    const next = commits.add(2);
    (await group(1)).end();
    expect(await next).toBe(20);
  });

  it("is settled when nothing waits", async () => {
    const { commits, group } = steered();
    let isSettled = false;
    const added = commits.add(1);
    const settled = commits.settled().then(() => {
      isSettled = true;
    });
    const one = await group(0);
    expect(isSettled).toBe(false);
    one.end();
    await Promise.all([added, settled]);
  });

  it("lets one entry of a group fail alone", async () => {
    const commits = new GroupCommit<number, number>(async (entries) =>
      entries.map(async (entry) => {
        if (entry === 2) throw new Error("two");
        return entry;
      }),
    );
    const results = await Promise.allSettled([1, 2, 3].map((entry) => commits.add(entry)));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });
});
