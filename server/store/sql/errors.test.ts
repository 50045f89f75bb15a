import { afterAll, beforeAll, expect, it } from "vitest";
import { createDatabase, type TestDatabase } from "../../test/store/databases.ts";
import { type EntityManager, Store } from "../store.ts";
import { outageOf } from "./errors.ts";

let database: TestDatabase;
let store: Store;
beforeAll(async () => {
  database = await createDatabase();
  store = await Store.open(database.address, () => {});
  await store.fork().execute("create table thing (id int primary key, value int not null)");
  await store.fork().execute("insert into thing values (1, 0), (2, 0)");
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

const change = (em: EntityManager, id: number) => em.execute("update thing set value = value + 1 where id = ?", [id]);
const outageOfFailed = (work: Promise<unknown>) =>
  work.then(
    () => "it worked",
    (error) => outageOf(error)?.reason,
  );

it("a lock that does not come in time is an outage, which passes", async () => {
  const [holder, waiting] = [store.fork(), store.fork()];
  await holder.begin();
  await change(holder, 1);
  await waiting.begin();
  await waiting.execute("set local lock_timeout = '100ms'");
  expect(await outageOfFailed(change(waiting, 1))).toBe("STORE_UNAVAILABLE");
  await waiting.rollback();
  await holder.rollback();
});

it("so is a deadlock that was broken", async () => {
  const [one, two] = [store.fork(), store.fork()];
  await Promise.all([one.begin(), two.begin()]);
  await Promise.all([one, two].map((em) => em.execute("set local deadlock_timeout = '50ms'").catch(() => {})));
  await change(one, 1);
  await change(two, 2);
  const outcomes = await Promise.all([outageOfFailed(change(one, 2)), outageOfFailed(change(two, 1))]);
  expect(outcomes).toContain("STORE_UNAVAILABLE");
  await Promise.all([one.rollback(), two.rollback()]);
});

it("what is wrong with a statement or its values is none", async () => {
  const em = store.fork();
  expect(await outageOfFailed(em.execute("insert into thing values (1, 0)"))).toBeUndefined();
  expect(await outageOfFailed(em.execute("select nonsense"))).toBeUndefined();
});
