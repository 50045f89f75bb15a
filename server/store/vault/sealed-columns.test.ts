import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type TestDatabase } from "../../test/store/databases.ts";
import { Store } from "../store.ts";
import { SEALED_COLUMNS } from "./sealed-columns.ts";
import { countByDataKey, countByOwner, findLost, scanSecrets } from "./sealed-rows.ts";

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

const listed = SEALED_COLUMNS.map(({ table, sealed }) => `${table}.${sealed}`).sort();

describe("SEALED_COLUMNS", () => {
  it("has every sealed column of the database", async () => {
    const rows = await store.fork().execute<{ name: string }[]>(
      `select table_name || '.' || column_name as name from information_schema.columns
       where table_schema = 'public' and column_name like 'sealed\\_%'`,
    );
    const advice = "add a line to SEALED_COLUMNS: a column that is missing there is lost when keys are rotated";
    expect(rows.map(({ name }) => name).sort(), advice).toEqual(listed);
  });

  it("has every property that an entity calls a SealedSecret, by a name that tells so", () => {
    const root = join(import.meta.dirname, "..");
    const properties = globSync("**/*.entity.ts", { cwd: root }).flatMap((file) =>
      [...readFileSync(join(root, file), "utf8").matchAll(/(\w+):\s*p\s*\.json<SealedSecret>/g)].map(
        ([, name]) => name,
      ),
    );
    expect(properties).toHaveLength(listed.length);
    for (const name of properties) expect(name).toMatch(/^sealed[A-Z]/);
  });

  it.each(SEALED_COLUMNS)("names columns that exist for $name", async (column) => {
    const em = store.fork();
    expect(await scanSecrets(em, column, undefined, 1)).toEqual([]);
    expect((await countByDataKey(em, column)).size + (await countByOwner(em, column)).size).toBe(0);
    expect(await findLost(em, column)).toEqual([]);
  });
});
