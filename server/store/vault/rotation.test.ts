import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Secret } from "../../base/secret.ts";
import { makeTemporaryFolder } from "../../test/base/temporary-folder.ts";
import { createDatabase, type TestDatabase } from "../../test/store/databases.ts";
import { tortureRotation } from "../../test/store/rotation-torture.ts";
import { addSealedLlms, checksumOfOtherColumns, type SealedLlm } from "../../test/store/sealed-llms.ts";
import { Store } from "../store.ts";
import { inspectKeys, verifyAll } from "./inspection.ts";
import { generateKey, KeyRing } from "./key-ring.ts";
import { KeyRingFile } from "./key-ring-file.ts";
import { addKey, deleteUnusedDataKeys, retireKey } from "./retirement.ts";
import { Rotation, rotate } from "./rotation.ts";
import { Vault } from "./vault.ts";

const OWNERS = 5;
const ROWS = 40;

let folder: ReturnType<typeof makeTemporaryFolder>;
let database: TestDatabase;
let store: Store;
let file: string;
let keyRing: KeyRingFile;
let vault: Vault;
let llms: SealedLlm[];

beforeAll(() => {
  folder = makeTemporaryFolder("rotation");
});
afterAll(() => folder.remove());

beforeEach(async () => {
  database = await createDatabase();
  store = await Store.open(database.address, () => {});
  file = join(folder.path, randomUUID());
  keyRing = await KeyRingFile.make(file);
  vault = await Vault.open(store.fork(), (await KeyRingFile.open(file)) as KeyRingFile);
  llms = await addSealedLlms(store, vault, { owners: OWNERS, rows: ROWS });
});
afterEach(async () => {
  vault.close();
  await store.close();
  await database.drop();
});

const rotationBy = (provider: KeyRing | KeyRingFile) =>
  new Rotation({ fork: () => store.fork(), provider, onProgress: () => {} });

const rotateFile = (dataKeys: boolean) =>
  rotate(rotationBy(keyRing), { addKey: () => addKey(store.fork(), keyRing), dataKeys });

const verify = () => verifyAll(store.fork(), keyRing, () => {});
const idsOf = async (sql: string) => (await store.fork().execute<{ id: string }[]>(sql)).map(({ id }) => id);

async function openWith(running: Vault, { id, ownerId }: SealedLlm): Promise<string> {
  const [row] = await store
    .fork()
    .execute<{ sealed: never }[]>("select sealed_credentials as sealed from llm where id = ?", [id]);
  const place = { column: "llm.credentials", ownerId, rowId: id, version: 1 };
  const endpoint = "https://llm.example.com/v1/chat/completions";
  return JSON.parse((await running.open(store.fork(), { ...place, endpoint }, row?.sealed as never)).reveal())[0];
}

describe("a rotation", () => {
  it("wraps every data key with a new key, changes no secret, and a running server goes on", async () => {
    const before = await store.fork().execute("select id, sealed_credentials from llm order by id");
    const old = keyRing.keys[0]?.id;
    const rotated = await rotateFile(false);
    expect(rotated).toMatchObject({ isResumed: false, newDataKeys: 0, rewrapped: { changed: OWNERS + 1 } });
    expect(await store.fork().execute("select id, sealed_credentials from llm order by id")).toEqual(before);
    const status = await inspectKeys(store.fork(), keyRing);
    expect([...status.wrapping]).toEqual([[rotated.newKeyId, OWNERS + 1]]);
    vault.close(); // It forgets its data keys, and must read the file again.
    for (const llm of llms) expect(await openWith(vault, llm)).toBe(llm.secret);
    expect(keyRing.keys.map(({ id }) => id)).toEqual([rotated.newKeyId, old]);
  });

  it("with new data keys seals every secret anew, and touches no other column", async () => {
    const checksum = await checksumOfOtherColumns(store);
    const before = await idsOf("select sealed_credentials->>'protected' as id from llm");
    expect(await rotateFile(true)).toMatchObject({ newDataKeys: OWNERS, resealed: { changed: ROWS, unreadable: [] } });
    const after = await idsOf("select sealed_credentials->>'protected' as id from llm");
    expect(new Set([...before, ...after]).size).toBe(2 * OWNERS);
    expect(await checksumOfOtherColumns(store)).toBe(checksum);
    for (const llm of llms) expect(await openWith(vault, llm)).toBe(llm.secret);
    expect(await verify()).toMatchObject({ secrets: ROWS, defects: [] });
  });

  it("is finished by the next one, which then makes no key of its own", async () => {
    await addKey(store.fork(), keyRing); // Killed here.
    const keys = keyRing.keys.length;
    expect(await rotateFile(false)).toMatchObject({ isResumed: true, newKeyId: undefined });
    await rotationBy(keyRing).supersedeDataKeys(); // Killed here.
    expect(await rotateFile(true)).toMatchObject({ isResumed: true, newDataKeys: 0, resealed: { changed: ROWS } });
    expect(keyRing.keys).toHaveLength(keys);
    expect(await verify()).toMatchObject({ defects: [] });
  });

  it("waits for rows that others hold, and takes them as they are then", async () => {
    const held = llms[0] as SealedLlm;
    const [holder, changed] = [store.fork(), store.fork()];
    await holder.begin();
    await holder.execute("select from llm where id = ? for update", [held.id]);
    let isDone = false;
    const rotating = rotateFile(true).finally(() => {
      isDone = true;
    });
    const superseded = async () =>
      (await inspectKeys(store.fork(), keyRing)).dataKeys.filter(({ isSuperseded }) => isSuperseded);
    const leftOver = async () => (await superseded()).reduce((sum, { secrets }) => sum + secrets, 0);
    await expect.poll(async () => (await superseded()).length).toBe(OWNERS);
    await expect.poll(leftOver).toBe(1);
    expect(isDone).toBe(false);
    // Sealed to another place now, as an update with new credentials seals.
    const place = { column: "llm.credentials", ownerId: held.ownerId, rowId: held.id, version: 2 };
    const endpoint = "https://moved.example.com/chat/completions";
    const sealed = await vault.seal(changed, { ...place, endpoint }, new Secret("sk-new"));
    await holder.execute(
      `update llm set endpoint_url = 'https://moved.example.com', credentials_version = 2, sealed_credentials = ?::jsonb
       where id = ?`,
      [JSON.stringify(sealed), held.id],
    );
    await holder.commit();
    expect((await rotating).resealed).toEqual({ changed: ROWS - 1, unreadable: [] });
    expect(await leftOver()).toBe(0);
    expect(await verify()).toMatchObject({ secrets: ROWS, defects: [] });
  });

  it("leaves what does not open as it is, says so, and is not held up by it", async () => {
    const [moved, cut] = llms as [SealedLlm, SealedLlm];
    await store.fork().execute("update llm set api_path = '/elsewhere' where id = ?", [moved.id]);
    await store
      .fork()
      .execute(`update llm set sealed_credentials = jsonb_set(sealed_credentials, '{tag}', '"AAAA"') where id = ?`, [
        cut.id,
      ]);
    const unreadable = [moved.id, cut.id].sort();
    const first = await rotateFile(true);
    expect([...first.resealed.unreadable].sort()).toEqual(unreadable);
    expect(first.resealed.changed).toBe(ROWS - 2);
    expect(await rotateFile(true)).toMatchObject({ isResumed: false, resealed: { changed: ROWS - 2 } });
    const { defects } = await verify();
    expect(defects.map(({ id }) => id).sort()).toEqual(unreadable);
    expect(defects[0]).toMatchObject({ what: "llm.credentials", why: "does not open" });
    await store.fork().execute("update llm set api_path = '/chat/completions' where id = ?", [moved.id]);
    expect((await verify()).defects.map(({ id }) => id)).toEqual([cut.id]);
  });

  it("goes on to the first key where keys cannot be added, and has nothing to do after that", async () => {
    const ring = new KeyRing([generateKey(), ...keyRing.keys]);
    const add = { addKey: undefined, dataKeys: false };
    expect(await rotate(rotationBy(ring), add)).toMatchObject({ isResumed: true, rewrapped: { changed: OWNERS + 1 } });
    expect(await rotate(rotationBy(ring), add)).toMatchObject({ isResumed: false, rewrapped: { changed: 0 } });
  });

  it("of several at once loses nothing", async () => {
    const rings = await Promise.all([1, 2, 3].map(async () => (await KeyRingFile.open(file)) as KeyRingFile));
    await Promise.all(
      rings.map((ring) =>
        rotate(rotationBy(ring), { addKey: () => addKey(store.fork(), ring), dataKeys: true }).catch((error) => {
          // Locks that are waited for too long are for the user to try again.
          if ((error as { code?: string }).code !== "55P03") throw error;
        }),
      ),
    );
    const fresh = (await KeyRingFile.open(file)) as KeyRingFile;
    expect(await verifyAll(store.fork(), fresh, () => {})).toMatchObject({ secrets: ROWS, defects: [] });
  });
});

describe("what does not open", () => {
  it("is listed by id, with its reason", async () => {
    const [lost, orphan] = llms as [SealedLlm, SealedLlm];
    await store.fork().execute("update llm set sealed_credentials = null where id = ?", [lost.id]);
    const others = llms.filter(({ ownerId }) => ownerId === orphan.ownerId).map(({ id }) => id);
    await store.fork().execute("delete from wrapped_key where holder = ?", [orphan.ownerId]);
    const { defects, counted, secrets } = await verify();
    expect(defects.filter(({ why }) => why === "is lost")).toEqual([
      { what: "llm.credentials", id: lost.id, why: "is lost" },
    ]);
    const closed = defects.filter(({ why }) => why === "does not open").map(({ id }) => id);
    expect(closed.sort()).toEqual(others.sort());
    expect([secrets, counted.secrets]).toEqual([ROWS - 1, ROWS - 1]);
    expect((await inspectKeys(store.fork(), keyRing)).orphans).toBe(others.length);
  });

  it("is told from what only lacks its key in this key ring", async () => {
    const { defects } = await verifyAll(store.fork(), new KeyRing([generateKey()]), () => {});
    expect(defects).toHaveLength(OWNERS + 1 + ROWS);
    expect(new Set(defects.map(({ why }) => why))).toEqual(new Set(["its key is missing"]));
  });
});

describe("retiring a key", () => {
  it("is refused while a data key needs it, or while it is active", async () => {
    const first = keyRing.keys[0]?.id ?? "";
    await expect(retireKey(store.fork(), keyRing, first)).rejects.toThrow("wraps new data keys");
    const second = await addKey(store.fork(), keyRing);
    await expect(retireKey(store.fork(), keyRing, first)).rejects.toThrow(`needed by ${OWNERS + 1} data keys`);
    await expect(retireKey(store.fork(), keyRing, "kek-none")).rejects.toThrow(second);
    expect(keyRing.keys.map(({ id }) => id)).toEqual([second, first]);
    await rotateFile(false);
    await retireKey(store.fork(), keyRing, first);
    expect(keyRing.keys.map(({ id }) => id)).toEqual([second]);
    expect(await verify()).toMatchObject({ defects: [] });
  });

  it("keeps a server that has not heard of it from wrapping with it", async () => {
    const stale = await Vault.open(store.fork(), new KeyRing([...keyRing.keys] as never));
    const first = keyRing.keys[0]?.id ?? "";
    await rotateFile(false);
    await retireKey(store.fork(), keyRing, first);
    await expect(addSealedLlms(store, stale, { owners: 1, rows: 1 })).rejects.toMatchObject({
      reason: "KEYS_UNAVAILABLE",
    });
    await addSealedLlms(store, vault, { owners: 1, rows: 1 });
    expect(await verify()).toMatchObject({ secrets: ROWS + 1, defects: [] });
  });

  it("waits for data keys that are being written", async () => {
    const first = keyRing.keys[0]?.id ?? "";
    await rotateFile(false);
    const writer = store.fork();
    await writer.begin();
    await writer.execute(
      `insert into wrapped_key (id, holder, wrapped_by, wrapped, created_at) values (?, 'late', ?, '{}', now())`,
      [randomUUID(), first],
    );
    const retiring = retireKey(store.fork(), keyRing, first).catch((error) => error);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await writer.commit();
    expect(await retiring).toMatchObject({ message: expect.stringContaining("needed by 1 data key.") });
    expect(keyRing.keys.map(({ id }) => id)).toContain(first);
  });

  it("deletes data keys that have sealed nothing for an hour, and no other", async () => {
    await rotateFile(true);
    expect(await deleteUnusedDataKeys(store.fork())).toBe(0);
    await store.fork().execute("update wrapped_key set superseded_at = superseded_at - interval '2 hours'");
    expect(await deleteUnusedDataKeys(store.fork())).toBe(OWNERS);
    await rotationBy(keyRing).supersedeDataKeys();
    await store.fork().execute("update wrapped_key set superseded_at = superseded_at - interval '2 hours'");
    expect(await deleteUnusedDataKeys(store.fork())).toBe(0);
    expect(await verify()).toMatchObject({ secrets: ROWS, defects: [] });
  });
});

describe("a rotation that is killed", () => {
  it("has lost nothing", async () => {
    const seed = Date.now() % 1_000_000;
    const lines = [`seed ${seed}`];
    const torture = { databaseUrl: database.url, keyringFile: file, owners: OWNERS, seed };
    const say = (line: string) => lines.push(line);
    const damage = await tortureRotation({ ...torture, kills: 3, rows: 200, say });
    expect(damage, lines.join("\n")).toMatchObject({ killed: 3, unreadable: 0, changed: 0 });
  }, 300_000);
});
