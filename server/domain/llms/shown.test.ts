import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createPatchbay, type Patchbay } from "../../../client/llm.ts";
import { StoredCredentials_Slot as Slot } from "../../../gen/patchbay/v1/credentials_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, llmRequest } from "../../test/service/llm-requests.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

const KEY = "sk-canary-0123456789abcdef";

let upstream: ScriptedUpstream;
let server: TestServer;
let other: Awaited<ReturnType<TestServer["startAnother"]>>;
let patchbay: Patchbay;
let elsewhere: Patchbay;
let llmId: string;
let defaultId: string;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url });
  other = await server.startAnother();
  const { apiKey: key } = await server.addAccount("OWNER");
  patchbay = server.client(key);
  elsewhere = createPatchbay({ url: other.url, apiKey: key });
  // Until then nothing is held of what is not told each time.
  await sleep(6_000);
});
afterAll(async () => {
  await other.stop();
  await server.stop();
  await upstream.close();
});

async function create(said = {}): Promise<string> {
  const request = {
    endpointUrl: `${upstream.url}/v1`,
    modelIdentifier: randomUUID(),
    credentials: apiKey(KEY),
    ...said,
  };
  return (await patchbay.llms.createLlm(llmRequest(request))).llm?.llmId ?? "";
}

/** What may be held in memory. */
const shown = async (by: Patchbay, id: string) => (await by.llms.getLlm({ llmId: id })).llm;
/** What is always read anew. */
const listed = async (id: string) =>
  (await patchbay.llms.listLlms({ pageSize: 1_000 })).llms.find((llm) => llm.llmId === id);
const sql = (text: string) => server.store.fork().execute(text, [llmId]);

/** Reads them, so that they are held as far as they may be. */
async function hold(): Promise<void> {
  for (const by of [patchbay, elsewhere]) for (const id of [llmId, defaultId]) await shown(by, id);
}

const changes: { name: string; change: () => Promise<unknown> }[] = [
  { name: "a new name", change: () => patchbay.llms.updateLlm({ llmId, displayName: randomUUID() }) },
  { name: "an alias", change: () => patchbay.llms.updateLlm({ llmId, alias: `shown-${randomUUID()}` }) },
  { name: "a test", change: () => patchbay.llms.testLlm({ llmId }) },
  { name: "a chat, which costs", change: () => patchbay.chat.chat({ llmId, message: "Hi" }) },
  { name: "the next chat", change: () => patchbay.chat.chat({ llmId, message: "Hi" }) },
  {
    name: "a chat whose cost nobody knows",
    change: async () => {
      await patchbay.llms.updateLlm({ llmId, modelIdentifier: randomUUID() });
      await hold();
      await patchbay.chat.chat({ llmId, message: "Hi" });
    },
  },
  { name: "another default", change: () => patchbay.llms.setDefaultLlm({ llmId }) },
  {
    name: "pending credentials",
    change: () => patchbay.llms.addPendingCredentials({ llmId, credentials: apiKey(`${KEY}${randomUUID()}`) }),
  },
  { name: "a test of those", change: () => patchbay.llms.testLlm({ llmId, slot: Slot.PENDING }) },
  { name: "their promotion", change: () => patchbay.llms.promoteCredentials({ llmId }) },
  { name: "the way back", change: () => patchbay.llms.revertCredentials({ llmId }) },
  {
    name: "a provider's other endpoint",
    change: async () => {
      const name = `shared-${randomUUID()}`;
      const { provider } = await patchbay.providers.upsertProvider({ name, endpointUrl: `${upstream.url}/v1` });
      const { providerId = "" } = provider ?? {};
      llmId = await create({ providerId, endpointUrl: "", credentials: undefined });
      await hold();
      await patchbay.providers.upsertProvider({ name, endpointUrl: `${upstream.url}/v2` });
    },
  },
  {
    name: "credentials that do not open, found by a chat",
    change: async () => {
      llmId = await create();
      await sql("update llm set sealed_credentials = null where id = ?");
      await hold();
      expect(await problemIn(patchbay.chat.chat({ llmId, message: "Hi" }))).toMatchObject({
        reason: "CREDENTIALS_UNREADABLE",
      });
    },
  },
];

const TELLING = ["llm:llm_row_change", "llm:llm_shown_row_change", "account:account_row_change"].concat([
  "llm_total:llm_total_row_change",
  "llm_total:llm_total_row_change_new",
]);
/** Whether the database tells of changes. */
async function tell(does: "enable" | "disable"): Promise<void> {
  for (const [table, trigger] of TELLING.map((name) => name.split(":"))) {
    await server.store.fork().execute(`alter table ${table} ${does} trigger ${trigger}`);
  }
}

/** Before each round of changes: nobody knows these. */
async function begin(): Promise<void> {
  llmId = await create();
  defaultId = await create();
  await patchbay.llms.setDefaultLlm({ llmId: defaultId });
}

describe("what is shown of an Llm by the server that made", () => {
  beforeAll(async () => {
    await begin();
    await tell("disable");
  });
  afterAll(() => tell("enable"));

  it.each(changes)("$name is new at once, without a word of the database", async ({ change }) => {
    await hold();
    const before = await shown(patchbay, llmId);
    await change();
    const now = await shown(patchbay, llmId);
    expect(now).not.toEqual(before);
    expect(now).toEqual(await listed(llmId));
    expect(await shown(patchbay, defaultId)).toEqual(await listed(defaultId));
  });
});

describe("what is shown of an Llm by another server than the one that made", () => {
  beforeAll(begin);

  it.each(changes)("$name is soon new", async ({ change }) => {
    await hold();
    await change();
    const now = await listed(llmId);
    await expect.poll(() => shown(elsewhere, llmId), { timeout: 10_000 }).toEqual(now);
    await expect.poll(() => shown(elsewhere, defaultId), { timeout: 10_000 }).toEqual(await listed(defaultId));
  });

  const quietly = [
    {
      name: "the result of a test",
      set: `last_test = '{"outcome": "OK", "message": "", "stages": [], "testedAt": 1}'`,
    },
    { name: "the time of a look at its models", set: `model = model || '{"checkedAt": 17}'` },
  ];
  it.each(quietly)("$name, written by whomever, is soon new", async ({ set }) => {
    await hold();
    await sql(`update llm set ${set} where id = ?`);
    const now = await listed(llmId);
    await expect.poll(() => shown(patchbay, llmId), { timeout: 10_000 }).toEqual(now);
  });
});

it("a chat leaves what is held of other Llms", async () => {
  await begin();
  await hold();
  const read = vi.spyOn(server.store.hot, "llm");
  await patchbay.chat.chat({ llmId, message: "Hi" });
  await shown(patchbay, defaultId);
  expect(read).not.toHaveBeenCalled();
  await shown(patchbay, llmId);
  expect(read).toHaveBeenCalledOnce();
  read.mockRestore();
});

it("one that is deleted is shown no more, and nobody is shown another's", async () => {
  const id = await create();
  await shown(patchbay, id);
  const { apiKey: stranger } = await server.addAccount("OWNER");
  expect(await problemIn(server.client(stranger).llms.getLlm({ llmId: id }))).toMatchObject({
    reason: "LLM_NOT_FOUND",
  });
  await patchbay.llms.deleteLlm({ llmId: id });
  expect(await problemIn(patchbay.llms.getLlm({ llmId: id }))).toMatchObject({ reason: "LLM_NOT_FOUND" });
});

it("is held while nothing is told of it, and not while an Llm is at work, of which not everything is told", async () => {
  llmId = await create();
  await hold();
  await sql(
    "begin; alter table llm disable trigger all; update llm set display_name = 'Unheard' where id = ?; alter table llm enable trigger all; commit",
  );
  expect((await shown(patchbay, llmId))?.displayName).not.toBe("Unheard");
  await patchbay.chat.chat({ llmId, message: "Hi" });
  expect((await shown(patchbay, llmId))?.displayName).toBe("Unheard");
  await sql("update llm_total set cost = 17, told_at = now() + interval '1 hour' where llm_id = ?");
  expect((await shown(patchbay, llmId))?.totalCost).toBe(17n);
});
