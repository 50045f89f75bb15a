import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createDatabase, type TestDatabase } from "../../test/store/databases.ts";
import { insertLlm } from "../queries/llms.ts";
import { Account } from "../schema/account.entity.ts";
import { Llm } from "../schema/llm.entity.ts";
import { type EntityManager, Store } from "../store.ts";
import { newRow } from "./statements.ts";

const TRICKY = `? $1 'quoted' "double" \\back\\slash ünïcode {a,b} null`;
const RECORD = JSON.stringify({ action: "llm.create", resourceType: "llm", resourceId: TRICKY });

let database: TestDatabase;
let store: Store;
let owner: string;
beforeAll(async () => {
  database = await createDatabase();
  store = await Store.open(database.address, () => {});
  owner = randomUUID();
  const em = store.fork();
  em.create(Account, { id: owner, displayName: "owner", defaultLlm: null });
  await em.flush();
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

/** An Llm with something difficult in each type of column. */
function trickyLlm(em: EntityManager): Llm {
  const now = new Date();
  const digest = () => Buffer.from([0, 1, 39, 92, 255]);
  return newRow(em, Llm, {
    id: randomUUID(),
    owner,
    displayName: TRICKY,
    description: "",
    providerType: "OPENAI",
    provider: null,
    endpointUrl: "https://example.com/v1?a=1&b=?",
    apiPath: "/chat",
    modelIdentifier: TRICKY,
    supportedModalities: [TRICKY, "", "TEXT"],
    labels: { [TRICKY]: TRICKY },
    version: "",
    monitoringEndpoint: "",
    capabilities: { supportsChat: true },
    defaultSampling: { temperature: 0.1, stopSequences: [TRICKY] },
    maxContextLength: 128_000,
    clientConfig: { deep: [{ "?": [null, 1, TRICKY] }] },
    inferred: [],
    price: null,
    supportsWebSearch: true,
    sealedCredentials: null,
    credentialsVersion: 0,
    hasCredentials: false,
    credentialsHint: "…abcd",
    credentialsFingerprint: digest(),
    sealedPendingCredentials: null,
    pendingCredentials: null,
    sealedPreviousCredentials: null,
    previousCredentials: null,
    connectionDigest: Buffer.from(randomUUID()),
    requestDigest: digest(),
    status: "UNTESTED",
    patience: { wholeSeconds: 60 },
    checkIntervalSeconds: 60,
    lastTest: null,
    createdAt: now,
    updatedAt: now,
    createdBy: owner,
    updatedBy: owner,
  });
}

it.each([
  { where: "by itself", insert: (llm: Llm) => insertLlm(store.fork(), llm, RECORD) },
  {
    where: "inside of a transaction",
    insert: (llm: Llm) => store.fork().transactional((em) => insertLlm(em, llm, RECORD)),
  },
])("an Llm that is inserted $where is read as it was, defaults and all", async ({ insert }) => {
  const em = store.fork();
  const llm = trickyLlm(em);
  await insert(llm);

  const [stored] = await store.rows.select(Llm, { text: "where id = $1", values: [llm.id] });
  const { sealedCredentials: _, sealedPendingCredentials: __, sealedPreviousCredentials: ___, ...eager } = llm;
  expect(eager).toEqual(stored);
  const [change] = await em.execute("select kind from change where resource_id = ?", [llm.id]);
  expect(change).toEqual({ kind: "created" });
  expect(await em.execute("select from llm_check where llm_id = ?", [llm.id])).toHaveLength(1);
  const [event] = await em.execute("select record::text from audit_event order by sequence desc limit 1");
  expect(event).toEqual({ record: RECORD });
});
