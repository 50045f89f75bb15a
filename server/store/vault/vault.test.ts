import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../base/secret.ts";
import { createDatabase, type TestDatabase } from "../../test/store/databases.ts";
import { Store } from "../store.ts";
import { KeyRing, KeyRingError } from "./key-ring.ts";
import { Unreadable } from "./sealing.ts";
import { type Place, Vault } from "./vault.ts";

const newKey = (id: string) => ({ id, bytes: new Uint8Array(randomBytes(32)) });

let database: TestDatabase;
let store: Store;
let keyRing: KeyRing;
let vault: Vault;

beforeAll(async () => {
  database = await createDatabase();
  store = await Store.open(database.address, () => {});
  keyRing = new KeyRing([newKey("kek-1")]);
  vault = await Vault.open(store.fork(), keyRing);
});
afterAll(async () => {
  vault.close();
  await store.close();
  await database.drop();
});

function place(changes: Partial<Place> = {}): Place {
  return {
    column: "llm.credentials",
    ownerId: randomUUID(),
    rowId: randomUUID(),
    version: 1,
    endpoint: "https://a.example.com/v1",
    ...changes,
  };
}

describe("the vault", () => {
  it("opens what it sealed, also after a restart with the same key ring", async () => {
    const here = place();
    const sealed = await vault.seal(store.fork(), here, new Secret("sk-1"));
    expect((await vault.open(store.fork(), here, sealed)).reveal()).toBe("sk-1");
    const restarted = await Vault.open(store.fork(), keyRing);
    expect((await restarted.open(store.fork(), here, sealed)).reveal()).toBe("sk-1");
    restarted.close();
  });

  it.each([
    { name: "row", change: { rowId: randomUUID() } },
    { name: "owner", change: { ownerId: randomUUID() } },
    { name: "version", change: { version: 2 } },
    { name: "endpoint", change: { endpoint: "https://evil.example.com/v1" } },
    { name: "column", change: { column: "provider.credentials" } },
  ])("does not open a secret that was moved to another $name", async ({ change }) => {
    const here = place();
    const sealed = await vault.seal(store.fork(), here, new Secret("sk-1"));
    await expect(vault.open(store.fork(), { ...here, ...change }, sealed)).rejects.toThrow(Unreadable);
  });

  it("seals for no column that would be forgotten when keys are rotated", async () => {
    const elsewhere = place({ column: "account.password" });
    await expect(vault.seal(store.fork(), elsewhere, new Secret("sk-1"))).rejects.toThrow("SEALED_COLUMNS");
  });

  it("does not open a secret whose owner's data key is gone", async () => {
    const here = place();
    const sealed = await vault.seal(store.fork(), here, new Secret("sk-1"));
    await store.fork().execute("delete from wrapped_key where holder = ?", [here.ownerId]);
    await expect(vault.open(store.fork(), here, sealed)).rejects.toThrow(Unreadable);
  });

  it("does not open with another key ring, nor with another key of the same name", async () => {
    for (const id of ["kek-2", "kek-1"]) {
      const failure = await Vault.open(store.fork(), new KeyRing([newKey(id)])).catch((error) => error);
      expect(failure).toBeInstanceOf(KeyRingError);
      expect(failure.message).toContain("KEYRING_FILE");
    }
  });

  it("has a digest of its own for each purpose, and for each way to cut the parts", () => {
    const digests = [
      vault.digest("a", "xy"),
      vault.digest("b", "xy"),
      vault.digest("a", "x", "y"),
      vault.digest("a", "", "xy"),
    ].map((digest) => digest.toString("hex"));
    expect(new Set(digests).size).toBe(4);
    expect(vault.digest("a", "xy").toString("hex")).toBe(digests[0]);
  });

  it("keeps nothing readable in the database", async () => {
    const sealed = await vault.seal(store.fork(), place(), new Secret("sk-canary"));
    const rows = await store.fork().execute("select * from wrapped_key");
    const text = JSON.stringify([rows, sealed]);
    for (const secret of ["sk-canary", Buffer.from(keyRing.active.bytes).toString("base64url")]) {
      expect(text).not.toContain(secret);
    }
  });
});
