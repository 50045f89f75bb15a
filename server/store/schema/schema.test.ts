import { SchemaGenerator } from "@mikro-orm/postgresql";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createDatabase, type TestDatabase } from "../../test/store/databases.ts";
import { Store } from "../store.ts";

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

it("the migrations make what the entities describe", async () => {
  SchemaGenerator.register(store.orm);
  const difference = await store.orm.schema.getUpdateSchemaSQL({ dropTables: false });
  // Of triggers, which entities cannot describe, it says that they are too many; of an identity that is part of a key,
  // that it is none.
  const rest = difference
    .replace(
      /^(set names .*|alter table "change" alter column "id" drop default;|drop (trigger|function) if exists "\w*(_row_change|_model_check|(llm|route)_alias|holder_limits_change)\w*".*)$/gm,
      "",
    )
    .trim();
  expect(rest, "write a migration, or mend the entity").toBe("");
});
