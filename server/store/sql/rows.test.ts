import { randomUUID } from "node:crypto";
import type { EntityClass, EntityProperty } from "@mikro-orm/postgresql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type TestDatabase } from "../../test/store/databases.ts";
import { Account } from "../schema/account.entity.ts";
import { Llm } from "../schema/llm.entity.ts";
import { Provider } from "../schema/provider.entity.ts";
import { Store } from "../store.ts";

let database: TestDatabase;
let store: Store;
let ownerId: string;
beforeAll(async () => {
  database = await createDatabase();
  store = await Store.open(database.address, () => {});
  ownerId = randomUUID();
  const em = store.fork();
  em.create(Account, { id: ownerId, displayName: "owner", defaultLlm: null });
  await em.flush();
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

/** A value for each type of column, as SQL; none is empty. */
const SAMPLES: Readonly<Record<string, string>> = {
  uuid: "gen_random_uuid()",
  varchar: "'…abc'",
  text: "'a \"text\" with ''quotes'' and ünïcode'",
  "text[]": "array['TEXT', 'a,b', 'null']",
  jsonb: `'{"number": 1.5, "list": [1, null, "x"], "deep": {"a": true}}'`,
  int: "7",
  serial: "nextval('provider_number_seq')",
  boolean: "true",
  bytea: "'\\x00ff41'",
  timestamptz: "'2026-11-25 01:02:03.456+02'",
};

/** Inserts a row in which every column is set, or every one that need not be is null; some of them as they are known. */
async function insert(entity: EntityClass<object>, isFull: boolean, known: Readonly<Record<string, string>>) {
  const { tableName, props } = store.orm.getMetadata().get(entity);
  const stored = (props as EntityProperty[]).filter(({ persist, generated }) => persist !== false && !generated);
  const values = stored.map(({ name, nullable, columnTypes: [type = ""] }) => {
    if (name in known) return `'${known[name]}'`;
    return nullable && !isFull ? "null" : SAMPLES[type.replace(/\(\d+\)$/, "")];
  });
  const columns = stored.map(({ fieldNames: [column] }) => column);
  await store.fork().execute(`insert into ${tableName} (${columns.join(", ")}) values (${values.join(", ")})`);
}

/** The plain row of an entity, and the entity as it is found by MikroORM, without its lazy properties. */
async function both(entity: EntityClass<{ id: string }>, id: string) {
  const [plain] = await store.rows.select(entity, { text: "where id = $1", values: [id] });
  const found: object = await store.fork().findOneOrFail(entity, { id });
  const { props } = store.orm.getMetadata().get(entity);
  const eager = props.filter(({ lazy }) => !lazy).map(({ name }) => name);
  const values: [string, unknown][] = eager.map((name) => [name, found[name as never]]);
  return { plain, found: Object.fromEntries(values) };
}

describe.each([
  { kind: "with everything set", isFull: true },
  { kind: "with nothing set that need not be", isFull: false },
])("a plain row $kind has what the entity has:", ({ isFull }) => {
  const providerId = randomUUID();
  const llmId = randomUUID();

  it("Provider", async () => {
    await insert(Provider, isFull, { id: providerId, owner: ownerId, name: providerId });
    const { plain, found } = await both(Provider, providerId);
    expect(plain).toStrictEqual(found);
    expect(Object.values(found).includes(null)).toBe(!isFull);
  });

  it("Llm", async () => {
    await insert(Llm, isFull, { id: llmId, owner: ownerId, ...(isFull ? { provider: providerId } : {}) });
    if (isFull) {
      const em = store.fork();
      await em.execute("insert into llm_total (llm_id, cost, unpriced_replies) values (?, 9007199254740993, 3)", [
        llmId,
      ]);
      await em.execute("update account set default_llm_id = ? where id = ?", [llmId, ownerId]);
    }
    const { plain, found } = await both(Llm, llmId);
    expect(plain).toStrictEqual(found);
    expect(Object.values(found).includes(null)).toBe(!isFull);
  });
});

it.each([
  [[]],
  [["a"]],
  [["TEXT", "IMAGE"]],
  [["a,b", ""]],
  [['"', "\\"]],
  [["NULL", null]],
  [["{", "}"]],
  [[["a"], ["b"]]],
])("an array of texts is read as it was written: %j", async (texts) => {
  const rows = await store.rows.query({ text: "select $1::text[] as texts", values: [texts] });
  expect(rows).toEqual([{ texts }]);
});
