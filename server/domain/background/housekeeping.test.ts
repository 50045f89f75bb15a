import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { appendChange, changesAfter } from "../../store/queries/changes.ts";
import { Store } from "../../store/store.ts";
import { createDatabase, type TestDatabase } from "../../test/store/databases.ts";
import { type Chore, forgetOldChanges, Housekeeping } from "./housekeeping.ts";

let database: TestDatabase;
let store: Store;
beforeAll(async () => {
  database = await createDatabase();
  store = await Store.open(database.address, () => {});
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

/** Keeps house until an hour has passed, in no time. */
async function keepHouse(...chores: Chore[]) {
  const warnings: string[] = [];
  vi.useFakeTimers();
  const housekeeping = new Housekeeping(
    () => store.fork(),
    chores,
    (warning) => warnings.push(warning),
  );
  await vi.advanceTimersByTimeAsync(3_600_000);
  await housekeeping.stop();
  vi.useRealTimers();
  return warnings;
}

describe("housekeeping", () => {
  it("does each chore again and again, and a backlog piece by piece", async () => {
    const backlog = [50, 50, 7, 0];
    const done: number[] = [];
    await keepHouse(async () => {
      const piece = backlog.shift() ?? 0;
      done.push(piece);
      return piece;
    });
    expect(done.slice(0, 4)).toEqual([50, 50, 7, 0]);
    expect(done.length).toBeGreaterThan(50);
  });

  it("leaves the rest of an endless backlog for the next time", async () => {
    let pieces = 0;
    await keepHouse(async () => {
      pieces++;
      return 1;
    });
    expect(pieces).toBeGreaterThan(20 * 50);
    expect(pieces).toBeLessThanOrEqual(20 * 61);
  });

  it("goes on after a failure, with the other chores and with that one", async () => {
    let others = 0;
    const failing = async () => {
      throw new Error("the database is gone");
    };
    const warnings = await keepHouse(failing, async () => {
      others++;
      return 0;
    });
    expect(others).toBeGreaterThan(50);
    expect(warnings.length).toBe(others);
    expect(warnings[0]).toContain("the database is gone");
  });

  it("forgets changes after 24 hours, placed or not", async () => {
    const em = store.fork();
    for (const kind of ["old", "new"]) {
      await appendChange(em, { noun: "llm", resourceId: randomUUID(), ownerId: randomUUID(), kind });
    }
    await em.execute("update change set happened_at = now() - interval '25 hours' where kind = 'old'");
    expect(await forgetOldChanges(store.fork())).toBe(1);
    const { changes, forgotten } = await changesAfter(store.fork(), { noun: "llm", ownerId: undefined }, 0, 10);
    expect(changes.map(({ kind }) => kind)).toEqual(["new"]);
    expect(forgotten).toBe(1);
    expect(await forgetOldChanges(store.fork())).toBe(0);
  });
});
