import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeTemporaryFolder } from "../../test/base/temporary-folder.ts";
import { createDatabase, type TestDatabase } from "../../test/store/databases.ts";
import { addSealedLlms } from "../../test/store/sealed-llms.ts";
import { Store } from "../store.ts";
import { KeyRingFile } from "../vault/key-ring-file.ts";
import { Vault } from "../vault/vault.ts";
import { claimDue, returnDue } from "./schedules.ts";

const folder = makeTemporaryFolder("schedules");
let database: TestDatabase;
let store: Store;
let llmIds: string[];
beforeAll(async () => {
  database = await createDatabase();
  store = await Store.open(database.address, () => {});
  const vault = await Vault.open(store.fork(), await KeyRingFile.make(join(folder.path, "keyring")));
  llmIds = (await addSealedLlms(store, vault, { owners: 1, rows: 4 })).map(({ id }) => id);
  vault.close();
});
afterAll(async () => {
  await store.close();
  await database.drop();
  folder.remove();
});

const claim = async (most: number, em = store.fork()) =>
  (await claimDue(em, "llm_check", most, 60)).map(({ llmId }) => llmId);

it("what is due is taken once, past what another transaction is just taking", async () => {
  for (const llmId of llmIds) {
    await store
      .fork()
      .execute("insert into llm_check (llm_id, next_check_at) values (?, now() - interval '1 s')", [llmId]);
  }
  const first = store.fork();
  await first.begin();
  const taken = await claim(2, first);
  const others = await claim(10);
  await first.commit();
  expect(taken).toHaveLength(2);
  expect([...taken, ...others].toSorted()).toEqual(llmIds.toSorted());
  expect(await claim(10)).toEqual([]);
  await returnDue(store.fork(), "llm_check", llmIds[0] as string, -1_000, 3);
  expect(await claimDue(store.fork(), "llm_check", 10, 60)).toMatchObject([{ llmId: llmIds[0], failures: 3 }]);
});
