import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createDatabase, type TestDatabase } from "../../test/store/databases.ts";
import { type EntityManager, Store } from "../store.ts";
import { appendChange, changesAfter, forgetChanges, ownersAfter, placeChanges } from "./changes.ts";

const OWNER = randomUUID();
const ALL = { noun: "llm", ownerId: undefined };

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

let start: number;
beforeEach(async () => {
  await placeChanges(store.fork());
  start = (await changesAfter(store.fork(), ALL, 0, 1)).head;
});

const append = (em: EntityManager, kind: string, ownerId = OWNER) =>
  appendChange(em, { noun: "llm", resourceId: randomUUID(), ownerId, kind });
const kindsAfter = async (position: number, filter: { noun: string; ownerId: string | undefined } = ALL) =>
  (await changesAfter(store.fork(), filter, position, 1_000)).changes.map(({ kind }) => kind);

describe("changes", () => {
  it("are placed behind what was read, even if they were made before it and committed later", async () => {
    const slow = store.fork();
    await slow.begin();
    await append(slow, "made first");
    await append(store.fork(), "made second");
    await placeChanges(store.fork());
    const { changes, head } = await changesAfter(store.fork(), ALL, start, 10);
    expect(changes.map(({ kind }) => kind)).toEqual(["made second"]);
    await slow.commit();
    expect(await kindsAfter(start)).toEqual(["made second"]);
    await placeChanges(store.fork());
    expect(await kindsAfter(head)).toEqual(["made first"]);
    expect(await kindsAfter(start)).toEqual(["made second", "made first"]);
  });

  it("do not wait for a transaction that takes long, whatever it does", async () => {
    const long = store.fork();
    await long.begin();
    await append(long, "never");
    await append(store.fork(), "at once");
    await placeChanges(store.fork());
    expect(await kindsAfter(start)).toEqual(["at once"]);
    await long.rollback();
  });

  it("reach each of several readers once and in one order, while 16 write and 4 place", async () => {
    const each = 40;
    const made: string[] = [];
    let isWriting = true;
    const write = async (writer: number) => {
      for (let n = 0; n < each; n++) {
        await store.fork().transactional(async (em) => {
          await append(em, `${writer}-${n}`);
          await sleep(Math.random() * 4); // Others commit meanwhile.
        });
        made.push(`${writer}-${n}`);
      }
    };
    const place = async () => {
      while (isWriting) await placeChanges(store.fork());
    };
    const read = async () => {
      const seen: string[] = [];
      for (let position = start; seen.length < 16 * each; ) {
        const { changes } = await changesAfter(store.fork(), ALL, position, 7);
        seen.push(...changes.map(({ kind }) => kind));
        position = changes.at(-1)?.position ?? position;
      }
      return seen;
    };
    const placing = Promise.all([place(), place(), place(), place()]);
    const reading = Promise.all([read(), read(), read()]);
    await Promise.all(Array.from({ length: 16 }, (_, writer) => write(writer)));
    const [one = [], two, three] = await reading;
    isWriting = false;
    await placing;
    expect(one.toSorted()).toEqual(made.toSorted());
    expect(two).toEqual(one);
    expect(three).toEqual(one);
    for (let writer = 0; writer < 16; writer++) {
      const own = one.filter((kind) => kind.startsWith(`${writer}-`));
      expect(own).toEqual(Array.from({ length: each }, (_, n) => `${writer}-${n}`));
    }
    expect(await kindsAfter(start)).toEqual(one);
  });

  it("are those of one owner, or of all", async () => {
    const other = randomUUID();
    await append(store.fork(), "mine");
    await append(store.fork(), "other", other);
    await placeChanges(store.fork());
    expect(await kindsAfter(start, { noun: "llm", ownerId: other })).toEqual(["other"]);
    expect(await kindsAfter(start, { noun: "provider", ownerId: undefined })).toEqual([]);
    expect(await ownersAfter(store.fork(), start)).toEqual({ head: start + 2, owners: new Set([OWNER, other]) });
    expect(await ownersAfter(store.fork(), start + 2)).toEqual({ head: start + 2, owners: new Set() });
  });

  it("are forgotten from the oldest on, and it is known which", async () => {
    for (const kind of ["1", "2", "3"]) await append(store.fork(), kind);
    await placeChanges(store.fork());
    await store
      .fork()
      .execute("update change set happened_at = now() - interval '2 days' where position <= ?", [start + 2]);
    const before = new Date(Date.now() - 86_400_000);
    for (let gone = 1; gone > 0; ) gone = await forgetChanges(store.fork(), before, 2);
    const { changes, forgotten } = await changesAfter(store.fork(), ALL, 0, 10);
    expect(changes.map(({ kind }) => kind)).toEqual(["3"]);
    expect(forgotten).toBe(start + 2);
  });
});
