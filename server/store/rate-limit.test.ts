import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { createDatabase, type TestDatabase } from "../test/store/databases.ts";
import { forgetRateLimits } from "./rate-limit.ts";
import { Store } from "./store.ts";

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

it("forgets the counts of minutes that are over, and keeps those of this one", async () => {
  const past = Date.now() - 1;
  const ahead = Date.now() + 60_000;
  await store
    .fork()
    .execute("insert into rate_limit (key, points, expire) values ('a', 1, ?), ('b', 1, ?), ('c', 9, ?)", [
      past,
      past,
      ahead,
    ]);
  expect(await forgetRateLimits(store.fork())).toBe(2);
  expect(await store.fork().execute("select key, points from rate_limit")).toEqual([{ key: "c", points: 9 }]);
  expect(await forgetRateLimits(store.fork())).toBe(0);
});

it("remembers who is over a limit until the minute is over, and nobody else", async () => {
  const limit = store.rateLimit("test", 2);
  expect([await limit.take("a"), await limit.take("a")]).toMatchObject([{ isOver: false }, { isOver: false }]);
  expect(limit.blockedMs("a")).toBe(0);
  const { isOver, retryAfterMs } = await limit.take("a");
  expect(isOver).toBe(true);
  expect(limit.blockedMs("a")).toSatisfy((ms: number) => ms > 0 && ms <= 60_000 && ms <= retryAfterMs);
  expect(limit.blockedMs("b")).toBe(0);
});

it("lets those that come at once share a statement, and as many of them through as there is room for", async () => {
  const limit = store.rateLimit("shared", 10);
  await limit.take("a", 4);
  const query = vi.spyOn(store.pool, "query");
  const verdicts = await Promise.all([3, 3, 1, 2].map((points) => limit.take("a", points)));
  expect(query).toHaveBeenCalledTimes(1);
  query.mockRestore();
  expect(verdicts).toMatchObject([
    { isOver: false, used: 7 },
    { isOver: false, used: 10 },
    { isOver: true, used: 11 },
    { isOver: true, used: 13 },
  ]);
  expect((await limit.state("a"))?.used).toBe(13);
  expect(await limit.take("a"), "who is over is refused from memory").toMatchObject({ isOver: true });
});

it("takes less than nothing back, with what is added at once", async () => {
  const limit = store.rateLimit("given back", 10, { givesBack: true });
  await limit.take("a", 8);
  expect(await Promise.all([limit.add("a", -5), limit.add("a", 1)])).toEqual([4, 4]);
  expect(await limit.take("a", 6)).toMatchObject({ isOver: false, used: 10 });
});
