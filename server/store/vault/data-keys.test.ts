import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type TestDatabase } from "../../test/store/databases.ts";
import { Store } from "../store.ts";
import { DataKeys, MAX_ENCRYPTIONS } from "./data-keys.ts";
import { generateKey, KeyRing } from "./key-ring.ts";
import { Unreadable } from "./sealing.ts";

const COUNTED_AT_ONCE = 1_024;

let database: TestDatabase;
let store: Store;
let dataKeys: DataKeys;
beforeAll(async () => {
  database = await createDatabase();
  store = await Store.open(database.address, () => {});
  dataKeys = new DataKeys(new KeyRing([generateKey()]));
});
afterAll(async () => {
  dataKeys.close();
  await store.close();
  await database.drop();
});

async function countOf(id: string): Promise<number> {
  const [row] = await store
    .fork()
    .execute<{ encryptions: string }[]>("select encryptions from wrapped_key where id = ?", [id]);
  return Number(row?.encryptions);
}

describe("encryptions by a data key", () => {
  it("are counted ahead, by one write for many", async () => {
    const holder = randomUUID();
    const { id } = await dataKeys.forSealing(store.fork(), holder);
    expect(await countOf(id)).toBe(1);
    for (let made = 0; made < COUNTED_AT_ONCE; made++) await dataKeys.forSealing(store.fork(), holder);
    expect(await countOf(id)).toBe(1 + COUNTED_AT_ONCE);
    await dataKeys.forSealing(store.fork(), holder);
    expect(await countOf(id)).toBe(1 + 2 * COUNTED_AT_ONCE);
  });

  it("are counted also by a server that starts again and again", async () => {
    const holder = randomUUID();
    const provider = new KeyRing([generateKey()]);
    for (let starts = 0; starts < 3; starts++) await new DataKeys(provider).forSealing(store.fork(), holder);
    const [{ id } = { id: "" }] = [await dataKeys.newest(store.fork(), holder)].filter((key) => key !== undefined);
    expect(await countOf(id)).toBe(1 + 2 * COUNTED_AT_ONCE);
  });

  it("are not counted when a transaction is undone with what they sealed, and nothing is saved up by it", async () => {
    const holder = randomUUID();
    const { id } = await dataKeys.forSealing(store.fork(), holder);
    const undo = store.fork().transactional(async (em) => {
      await dataKeys.forSealing(em, holder);
      throw new Error("undone");
    });
    await expect(undo).rejects.toThrow("undone");
    expect(await countOf(id)).toBe(1);
    await dataKeys.forSealing(store.fork(), holder);
    expect(await countOf(id)).toBe(1 + COUNTED_AT_ONCE);
  });

  it("end with the limit: the next one is by a new key, and the old one still opens", async () => {
    const holder = randomUUID();
    const { id } = await dataKeys.forSealing(store.fork(), holder);
    const setCount = (count: number) =>
      store.fork().execute("update wrapped_key set encryptions = ? where id = ?", [count, id]);
    await setCount(MAX_ENCRYPTIONS - 1);
    expect((await dataKeys.forSealing(store.fork(), holder)).id).toBe(id);
    await setCount(MAX_ENCRYPTIONS);
    const next = await dataKeys.forSealing(store.fork(), holder);
    expect(next.id).not.toBe(id);
    expect((await dataKeys.forSealing(store.fork(), holder)).id).toBe(next.id);
    expect((await dataKeys.find(store.fork(), id)).id).toBe(id);
    expect(MAX_ENCRYPTIONS).toBeLessThanOrEqual(2 ** 31);
  });
});

describe("a data key", () => {
  it.each(["", "none", "' or 1=1", randomUUID()])("that is not there, %j, is Unreadable", async (id) => {
    await expect(dataKeys.find(store.fork(), id)).rejects.toThrow(Unreadable);
  });

  it("is asked for once by many calls at the same time", async () => {
    const holder = randomUUID();
    const ring = new KeyRing([generateKey()]);
    const { id } = await new DataKeys(ring).forSealing(store.fork(), holder);
    let asked = 0;
    const counting = new DataKeys({
      name: "counting",
      activeKeyId: () => ring.activeKeyId(),
      wrap: (bytes, context) => ring.wrap(bytes, context),
      unwrap: (wrapped, context) => {
        asked++;
        return ring.unwrap(wrapped, context);
      },
    });
    await Promise.all(Array.from({ length: 20 }, () => counting.find(store.fork(), id)));
    expect(asked).toBe(1);
    counting.close();
  });
});
