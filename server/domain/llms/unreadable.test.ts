import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { Llm_Status } from "../../../gen/patchbay/v1/llm_pb.ts";
import { findLlm, markUnreadable } from "../../store/queries/llms.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, type LlmRequest, llmRequest } from "../../test/service/llm-requests.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

const KEY = "sk-canary-0123456789abcdef";

let upstream: ScriptedUpstream;
let server: TestServer;
let patchbay: Patchbay;
let accountId: string;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url });
  const account = await server.addAccount("OWNER");
  accountId = account.accountId;
  patchbay = server.client(account.apiKey);
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

async function create(said: LlmRequest = {}): Promise<string> {
  const { llm } = await patchbay.llms.createLlm(
    llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: randomUUID(), credentials: apiKey(KEY), ...said }),
  );
  return llm?.llmId ?? "";
}

const database = (sql: string, values: unknown[]) => server.store.fork().execute(sql, values);
const set = (value: string) => (id: string) =>
  database(`update llm set sealed_credentials = ${value} where id = ?`, [id]);
const setPart = (part: string, value: string) => set(`jsonb_set(sealed_credentials, '{${part}}', '${value}')`);

/** What can befall a row in the database. */
const damages: { name: string; damage: (id: string) => Promise<unknown> }[] = [
  { name: "another tag", damage: setPart("tag", '"AAAAAAAAAAAAAAAAAAAAAA"') },
  { name: "a short tag", damage: setPart("tag", '"AAAA"') },
  { name: "another ciphertext", damage: setPart("ciphertext", '"AAAA"') },
  { name: "a header that is none", damage: setPart("protected", '"%%%"') },
  { name: "a header without a key", damage: setPart("protected", '"e30"') },
  { name: "a header that names no data key", damage: setPart("protected", '"eyJraWQiOiJraWQifQ"') },
  { name: "no parts", damage: set("'{}'") },
  { name: "a text", damage: set(`'"text"'`) },
  { name: "a null of JSON", damage: set("'null'") },
  { name: "nothing", damage: set("null") },
  {
    name: "the secret of another row",
    damage: async (id) => {
      const other = await create();
      return database(
        "update llm set sealed_credentials = (select sealed_credentials from llm where id = ?) where id = ?",
        [other, id],
      );
    },
  },
  {
    name: "another endpoint",
    damage: (id) => database("update llm set endpoint_url = ? where id = ?", [`${upstream.url}/evil`, id]),
  },
  {
    name: "another version",
    damage: (id) => database("update llm set credentials_version = credentials_version + 1 where id = ?", [id]),
  },
];

describe.each(damages)("an Llm with $name in place of its secret", ({ damage }) => {
  it("says so in a list, sends nothing, and is well again with new credentials", async () => {
    const well = await create();
    const llmId = await create();
    const { llm: before } = await patchbay.llms.getLlm({ llmId });
    await damage(llmId);
    const sent = upstream.requests.length;
    const refusal = { code: "FailedPrecondition", reason: "CREDENTIALS_UNREADABLE", metadata: { llmId } };
    expect(await problemIn(patchbay.chat.chat({ llmId, message: "hello" }))).toMatchObject(refusal);
    expect(await problemIn(Array.fromAsync(patchbay.chat.streamChat({ llmId, message: "hello" })))).toMatchObject(
      refusal,
    );
    expect(await problemIn(patchbay.llms.testLlm({ llmId }))).toMatchObject(refusal);
    expect(await problemIn(patchbay.llms.testConnection({ llmId, modelIdentifier: "x" }))).toMatchObject(refusal);
    expect(upstream.requests).toHaveLength(sent);

    const { llm } = await patchbay.llms.getLlm({ llmId });
    expect(llm).toMatchObject({
      status: Llm_Status.CREDENTIALS_UNREADABLE,
      etag: before?.etag,
      updatedAt: before?.updatedAt,
    });
    const { llms } = await patchbay.llms.listLlms({ pageSize: 1_000 });
    const statuses = new Map(llms.map(({ llmId, status }) => [llmId, status]));
    expect([statuses.get(llmId), statuses.get(well)]).toEqual([Llm_Status.CREDENTIALS_UNREADABLE, Llm_Status.UNTESTED]);
    await patchbay.llms.updateLlm({ llmId, modelIdentifier: `${before?.modelIdentifier}-2` });
    expect((await patchbay.llms.getLlm({ llmId })).llm?.status).toBe(Llm_Status.CREDENTIALS_UNREADABLE);

    // The same key as before: what makes it well is that it was sent again.
    const { llm: healed } = await patchbay.llms.updateLlm({ llmId, credentials: apiKey(KEY) });
    expect(healed?.status).toBe(Llm_Status.UNTESTED);
    await patchbay.chat.chat({ llmId, message: "hello" });
    expect(upstream.requests.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
  });
});

describe("an Llm whose owner's data key was lost", () => {
  it("is well again by itself when the key is back", async () => {
    const other = await server.addAccount("OWNER");
    const theirs = server.client(other.apiKey);
    const { llm } = await theirs.llms.createLlm(
      llmRequest({ endpointUrl: `${upstream.url}/v1`, credentials: apiKey(KEY) }),
    );
    const llmId = llm?.llmId ?? "";
    const rows = await server.store
      .fork()
      .execute("delete from wrapped_key where holder = ? returning to_jsonb(wrapped_key) as key", [other.accountId]);
    expect(await problemIn(theirs.chat.chat({ llmId, message: "hello" }))).toMatchObject({
      reason: "CREDENTIALS_UNREADABLE",
    });
    await database("insert into wrapped_key select (jsonb_populate_record(null::wrapped_key, ?::jsonb)).*", [
      JSON.stringify(rows[0]?.key),
    ]);
    await theirs.chat.chat({ llmId, message: "hello" });
    expect((await theirs.llms.getLlm({ llmId })).llm?.status).toBe(Llm_Status.UNTESTED);
  });
});

describe("a mark that comes late", () => {
  it("does not hit credentials that are newer than those that did not open", async () => {
    const llmId = await create();
    const em = server.store.fork();
    const loaded = await findLlm(em, llmId, accountId);
    await patchbay.llms.updateLlm({ llmId, credentials: apiKey("sk-newer-0123456789abcdef") });
    await markUnreadable(em, loaded as never);
    expect((await patchbay.llms.getLlm({ llmId })).llm?.status).toBe(Llm_Status.UNTESTED);
  });
});
