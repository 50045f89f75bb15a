import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type TestDatabase } from "../../test/store/databases.ts";
import { Store } from "../store.ts";
import type { RowCache } from "./row-cache.ts";

interface Name {
  readonly name: string;
}

const ID = "11111111-1111-4111-8111-111111111111";

let database: TestDatabase;
let store: Store;
let other: Client;
beforeAll(async () => {
  database = await createDatabase();
  store = await Store.open(database.address, () => {});
  other = new Client(database.address);
  await other.connect();
  await other.query("insert into account values ($1, 'one', null, now())", [ID]);
});
afterAll(async () => {
  await other.end();
  await store.close();
  await database.drop();
});

let loads = 0;
async function load(): Promise<Name | undefined> {
  loads++;
  const { rows } = await other.query("select display_name as name from account where id = $1", [ID]);
  return rows[0];
}
const rename = (name: string) => other.query("update account set display_name = $2 where id = $1", [ID, name]);
const nameIn = async (cache: RowCache<Name>) => (await cache.get(ID, load))?.name;

/** Asks until the answer is the wanted one; the number of milliseconds that took. */
async function msUntil(ask: () => Promise<unknown>, wanted: unknown): Promise<number> {
  const startedAt = performance.now();
  while ((await ask()) !== wanted) await sleep(5);
  return performance.now() - startedAt;
}

describe("what is held", () => {
  it("is loaded once, and again after a change by anybody", async () => {
    const cache = store.cache<Name>("account", { max: 10 });
    loads = 0;
    await nameIn(cache);
    await nameIn(cache);
    expect(loads).toBe(1);
    await rename("two");
    expect(await msUntil(() => nameIn(cache), "two")).toBeLessThan(1_000);
    expect(loads).toBe(2);
  });

  it("is forgotten at once by whoever made the change", async () => {
    const cache = store.cache<Name>("account", { max: 10 });
    await nameIn(cache);
    await rename("three");
    cache.forget(ID);
    expect(await nameIn(cache)).toBe("three");
  });

  it("goes when a table changes that it was made from, too", async () => {
    const cache = store.cache<Name>("llm", { max: 10, clearedBy: ["account"] });
    await nameIn(cache);
    await rename("four");
    expect(await msUntil(() => nameIn(cache), "four")).toBeLessThan(1_000);
  });

  it("is not what was being loaded while it changed", async () => {
    const cache = store.cache<Name>("account", { max: 10 });
    await cache.get(ID, async () => {
      const old = await load();
      await rename("five");
      cache.forget(ID);
      return old;
    });
    expect(await nameIn(cache)).toBe("five");
  });

  it("is nothing while the connection that tells of changes is away, and again when it is back", async () => {
    const cache = store.cache<Name>("account", { max: 10 });
    await nameIn(cache);
    const kill = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and datname = $2";
    await other.query(kill, ["patchbay row changes", database.address.database]);
    await rename("six");
    expect(await msUntil(() => nameIn(cache), "six")).toBeLessThan(1_000);
    const isHeld = async () => {
      const before = loads;
      await nameIn(cache);
      return loads === before;
    };
    await msUntil(isHeld, true);
    await rename("seven");
    expect(await msUntil(() => nameIn(cache), "seven")).toBeLessThan(1_000);
  });
});
