import { afterAll, beforeAll, expect, it } from "vitest";
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
