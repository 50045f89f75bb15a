import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { CapabilitySource_Source as Source } from "../../../gen/patchbay/v1/capability_sources_pb.ts";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { WatchLlmsResponse_Kind } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { ModelState_Source, ModelState_State as State } from "../../../gen/patchbay/v1/model_state_pb.ts";
import { Notice_Code } from "../../../gen/patchbay/v1/notice_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, type LlmRequest, llmRequest, secretRef } from "../../test/service/llm-requests.ts";
import { refuses } from "../../test/upstream/behaviours.ts";
import { servesModels } from "../../test/upstream/models.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

const KEY = "sk-canary-0123456789abcdef";
const PATIENCE = { timeout: 20_000, interval: 100 };

let upstream: ScriptedUpstream;
/** Two servers on one database. */
let servers: TestServer[];
/** One for each. */
let patchbays: Patchbay[];
let patchbay: Patchbay;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  const settings = { EGRESS_ALLOW: upstream.url, MODEL_CHECK_HOURS: "24" };
  const first = await startServer(settings);
  servers = [first, await startServer({ ...first.settings, ...settings })];
  const { apiKey: key } = await first.addAccount("OWNER");
  patchbays = servers.map((server) => server.client(key));
  patchbay = patchbays[0] as Patchbay;
});
afterEach(() => {
  vi.useRealTimers();
  upstream.setModels(servesModels("some-model", "other-model"));
});
afterAll(async () => {
  for (const server of servers.toReversed()) await server.stop();
  await upstream.close();
});

const execute = (sql: string, values: unknown[] = []) => servers[0]?.store.fork().execute(sql, values) ?? [];
/** Moves the clock to when an Llm is looked at next. */
const lookNow = (llmId: string) =>
  execute("update llm_model_check set next_check_at = now() where llm_id = ?", [llmId]);
/** Makes the list of an Llm a day old. */
async function makeDue(llmId: string) {
  await execute("update llm set model = model #- '{checkedAt}' where id = ?", [llmId]);
  await lookNow(llmId);
}
const get = async (llmId: string) => (await patchbay.llms.getLlm({ llmId })).llm;
const stateOf = async (llmId: string) => (await get(llmId))?.modelState?.state;
const listsAt = (path: string) => upstream.requests.filter((call) => call.path.startsWith(`${path}/models`)).length;

interface Plan {
  readonly inHours: number;
  readonly failures: number;
  readonly leased: boolean;
}

async function planOf(llmId: string): Promise<Plan | undefined> {
  const rows = await execute(
    `select extract(epoch from next_check_at - now())::float / 3600 as "inHours", failures,
      checking_until is not null as leased from llm_model_check where llm_id = ?`,
    [llmId],
  );
  return (rows as Plan[])[0];
}

/** Of an endpoint that is no other test's. */
async function create(said: LlmRequest = {}) {
  const path = `/${randomUUID()}/v1`;
  const request = {
    endpointUrl: upstream.url + path,
    modelIdentifier: "some-model",
    credentials: apiKey(KEY),
    ...said,
  };
  const { llm } = await patchbay.llms.createLlm(llmRequest(request));
  return { llmId: llm?.llmId ?? "", path };
}

/** One that was looked at. */
async function createSettled(said: LlmRequest = {}) {
  const made = await create(said);
  await makeDue(made.llmId);
  await expect
    .poll(() => planOf(made.llmId), PATIENCE)
    .toMatchObject({ leased: false, inHours: expect.toSatisfy((h) => h > 0.5) });
  return made;
}

/** Has the endpoint list other models, tells both servers, and has the Llm looked at. */
async function listing(llmId: string, ...models: string[]) {
  upstream.setModels(servesModels(...models));
  for (const { llms } of patchbays) await llms.listLlmModels({ llmId, maxAgeMs: 0 });
  await makeDue(llmId);
}

describe("the model of an Llm", () => {
  it("is looked at some seconds after it was registered, and then each day, by one server", async () => {
    const { llmId, path } = await create();
    expect(await get(llmId)).toMatchObject({ modelState: { state: State.UNKNOWN } });
    expect((await get(llmId))?.modelState?.checkedAt).toBeUndefined();
    expect([listsAt(path), ((await planOf(llmId))?.inHours ?? 0) * 3_600]).toEqual([
      0,
      expect.toSatisfy((s) => s < 11),
    ]);
    await expect.poll(() => stateOf(llmId), PATIENCE).toBe(State.ACTIVE);
    const { modelState } = (await get(llmId)) ?? {};
    expect(modelState?.source).toBe(ModelState_Source.PROVIDER);
    expect(Number(modelState?.checkedAt)).toBeGreaterThan(Date.now() - 60_000);
    await expect.poll(() => planOf(llmId), PATIENCE).toMatchObject({ leased: false, failures: 0 });
    expect((await planOf(llmId))?.inHours).toSatisfy((hours: number) => hours > 23.9 && hours < 26.5);
    await pause(3_000); // Both servers have looked again by now.
    expect(listsAt(path)).toBe(1);
    const { auditEvents } = await patchbay.audit.listAuditEvents({ resourceId: llmId });
    expect(auditEvents.filter(({ action }) => action === "llm.listModels")).toMatchObject([
      { actorAccountId: "", facts: { purpose: "modelList", usesSecret: "true" } },
    ]);
  });

  it("goes missing with the list, is told of, and comes back", async () => {
    const { llmId } = await createSettled();
    const leave = new AbortController();
    const kinds: WatchLlmsResponse_Kind[] = [];
    const watching = (async () => {
      for await (const event of patchbay.llms.watchLlms({}, { signal: leave.signal })) {
        if (event.llmId === llmId) kinds.push(event.kind);
      }
    })();
    watching.catch(() => {});
    await listing(llmId, "other-model");
    await expect.poll(() => stateOf(llmId), PATIENCE).toBe(State.MISSING);
    await expect.poll(() => kinds, PATIENCE).toEqual([WatchLlmsResponse_Kind.MODEL_CHANGED]);
    expect(await get(llmId)).toMatchObject({ modelDeprecated: false, etag: "r1" });
    const { statuses } = await patchbay.llms.updateLlm({ llmId, description: "seen" });
    expect(statuses.map(({ code }) => code)).toContain(Notice_Code.MODEL_MISSING);
    const { llms } = await patchbay.llms.listLlms({ modelState: State.MISSING });
    expect(llms.map((llm) => llm.llmId)).toEqual([llmId]);

    await listing(llmId, "some-model");
    await expect.poll(() => stateOf(llmId), PATIENCE).toBe(State.ACTIVE);
    leave.abort();
  });

  it("is as it was when there is no list, which is asked for sooner, and then less and less often", async () => {
    const { llmId } = await createSettled();
    // Nobody holds a list of the other place.
    const endpointUrl = `${upstream.url}/${randomUUID()}/v1`;
    upstream.setModels(refuses(500));
    await patchbay.llms.updateLlm({ llmId, endpointUrl, credentials: apiKey(KEY) });
    const hours: number[] = [];
    for (let failures = 1; failures <= 6; failures++) {
      await makeDue(llmId);
      await expect.poll(() => planOf(llmId), PATIENCE).toMatchObject({ failures, leased: false });
      hours.push((await planOf(llmId))?.inHours ?? 0);
    }
    const about = (least: number) => expect.toSatisfy((value: number) => value > least - 0.1 && value <= least * 1.1);
    expect(hours).toEqual([about(1), about(2), about(4), about(8), about(16), about(24)]);
    expect(await stateOf(llmId)).toBe(State.UNKNOWN);
  });

  it("is missing as long as there is no other list", async () => {
    const { llmId } = await createSettled();
    await listing(llmId, "other-model");
    await expect.poll(() => stateOf(llmId), PATIENCE).toBe(State.MISSING);
    for (const behaviour of [refuses(500), servesModels()]) {
      upstream.setModels(behaviour);
      await execute("update llm set endpoint_url = endpoint_url || '/x' where id = ?", [llmId]);
      await makeDue(llmId);
      await expect
        .poll(() => planOf(llmId), PATIENCE)
        .toMatchObject({ leased: false, inHours: expect.toSatisfy((hours) => hours > 0.5) });
      expect(await stateOf(llmId)).toBe(State.MISSING);
    }
  });

  it("retires on the day after its last one, without anybody's doing", async () => {
    const { llmId } = await create({
      providerType: Llm_ProviderType.OPENAI,
      modelIdentifier: "gpt-4-turbo-preview",
      credentials: apiKey(KEY),
    });
    expect(await get(llmId)).toMatchObject({
      modelDeprecated: true,
      modelState: {
        state: State.RETIRED,
        source: ModelState_Source.CATALOG,
        retiresAt: "2026-03-26",
        successor: "gpt-5",
      },
    });
    // As it was before that day.
    await execute("update llm set model_state = 'DEPRECATED' where id = ?", [llmId]);
    await makeDue(llmId);
    await expect.poll(() => stateOf(llmId), PATIENCE).toBe(State.RETIRED);
    // And it is not retired while it is listed.
    await listing(llmId, "gpt-4-turbo-preview");
    await expect.poll(() => stateOf(llmId), PATIENCE).toBe(State.DEPRECATED);
  });

  it("is not missing when it replies to a test, and not again by the same list", async () => {
    const { llmId } = await createSettled();
    await listing(llmId, "other-model");
    await expect.poll(() => stateOf(llmId), PATIENCE).toBe(State.MISSING);
    await patchbay.llms.testLlm({ llmId });
    expect(await stateOf(llmId)).toBe(State.UNKNOWN);
    await makeDue(llmId);
    await expect.poll(async () => (await get(llmId))?.modelState?.checkedAt, PATIENCE).toBeDefined();
    expect(await stateOf(llmId)).toBe(State.UNKNOWN);
  });

  it("is not missing when it replies to a chat", async () => {
    const { llmId } = await createSettled();
    await listing(llmId, "other-model");
    await expect.poll(() => stateOf(llmId), PATIENCE).toBe(State.MISSING);
    await patchbay.chat.chat({ llmId, message: "Hi" });
    await expect.poll(() => stateOf(llmId), PATIENCE).toBe(State.UNKNOWN);
  });

  it("is not looked at while its Llm is disabled, nor with credentials that do not open", async () => {
    const [disabled, unreadable] = [await create(), await create()];
    await patchbay.llms.updateLlm({ llmId: disabled.llmId, disabled: true });
    await execute("update llm set sealed_credentials = '{}' where id = ?", [unreadable.llmId]);
    for (const { llmId, path } of [disabled, unreadable]) {
      await makeDue(llmId);
      await expect
        .poll(() => planOf(llmId), PATIENCE)
        .toMatchObject({ failures: 0, inHours: expect.toSatisfy((h) => h > 23) });
      expect(listsAt(path)).toBe(0);
    }
    expect(servers.flatMap(({ log }) => log).filter(({ level }) => level === "warn")).toEqual([]);
    await patchbay.llms.updateLlm({ llmId: disabled.llmId, disabled: false });
    expect((await planOf(disabled.llmId))?.inHours).toBeLessThan(0.01);
  });

  it("is looked for anew with other credentials", async () => {
    const { llmId, path } = await createSettled();
    const other = "sk-canary-other-0123456789";
    await patchbay.llms.addPendingCredentials({ llmId, credentials: apiKey(other) });
    await patchbay.llms.promoteCredentials({ llmId, force: true });
    expect((await planOf(llmId))?.inHours).toBeLessThan(0.01);
    await lookNow(llmId);
    await expect.poll(() => listsAt(path), PATIENCE).toBe(2);
    const [, last] = upstream.requests.filter((call) => call.path.startsWith(path));
    expect(last?.headers.authorization).toBe(`Bearer ${other}`);
  });

  it("shares the answer with Llms of the same endpoint and credentials, and with nobody else", async () => {
    const path = `/${randomUUID()}/v1`;
    const said = { endpointUrl: upstream.url + path };
    const same = [await create(said), await create({ ...said, modelIdentifier: "other-model" })];
    const other = await create({ ...said, credentials: apiKey("sk-canary-other-0123456789") });
    for (const { llmId } of [...same, other]) await makeDue(llmId);
    for (const { llmId } of [...same, other]) await expect.poll(() => stateOf(llmId), PATIENCE).toBe(State.ACTIVE);
    // Each server has its own memory.
    expect(listsAt(path)).toSatisfy((lists: number) => lists >= 2 && lists <= 2 * servers.length);
    const before = listsAt(path);
    const [one] = same;
    await patchbay.llms.listLlmModels({ llmId: one?.llmId ?? "", maxAgeMs: 0 });
    await patchbay.llms.listLlmModels({ llmId: same[1]?.llmId ?? "" });
    expect(listsAt(path)).toBe(before + 1);
  });

  it("may be newer than a list without it, which is asked for again unless it is new", async () => {
    const path = `/${randomUUID()}/v1`;
    const said = { endpointUrl: upstream.url + path };
    const { llmId: other } = await create({ ...said, modelIdentifier: "other-model" });
    await listing(other, "other-model");
    await expect.poll(() => stateOf(other), PATIENCE).toBe(State.ACTIVE);
    upstream.setModels(servesModels("some-model", "other-model"));
    const before = listsAt(path);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 });
    const { llmId } = await create(said);
    await lookNow(llmId);
    await expect.poll(() => stateOf(llmId), PATIENCE).toBe(State.ACTIVE);
    expect(listsAt(path)).toBe(before + 1);
  });

  it("is told to nobody, and thrown out of no memory, when nothing is new but the time", async () => {
    const { llmId } = await createSettled();
    const changes = () => execute("select id from change where resource_id = ?", [llmId]);
    const before = await changes();
    const heard: string[] = [];
    const cache = servers[1]?.store.cache<object>("llm", { max: 10 });
    const held = () => cache?.get(llmId, async () => heard.push("loaded") && {});
    await held();
    const { checkedAt } = (await get(llmId))?.modelState ?? {};
    await listing(llmId, "some-model");
    await expect.poll(async () => (await get(llmId))?.modelState?.checkedAt, PATIENCE).toBeGreaterThan(checkedAt ?? 0n);
    await pause(200);
    await held();
    expect(heard.length).toBe(1);
    expect(await changes()).toEqual(before);
  });
});

describe("the sources of capabilities", () => {
  it("are the catalog, the list and the test, as they come, and never override the owner", async () => {
    const models = [{ id: "m", object: "model", max_model_len: 8_192, supported_parameters: ["tools"] }];
    upstream.setModels(({ response }) => void response.end(JSON.stringify({ object: "list", data: models })));
    const { llmId } = await create({ modelIdentifier: "m", capabilities: { supportsSamplingParameters: true } });
    expect({ maxContextLength: undefined, ...(await get(llmId))?.capabilitySources }).toMatchObject({
      supportsStreaming: { source: Source.ASSUMED },
      supportsSamplingParameters: { source: Source.OWNER },
      maxContextLength: undefined,
    });
    await makeDue(llmId);
    await expect.poll(async () => (await get(llmId))?.maxContextLength, PATIENCE).toBe(8_192);
    await patchbay.llms.testLlm({ llmId });
    expect(await get(llmId)).toMatchObject({
      capabilities: { supportsFunctionCalling: true, supportsSamplingParameters: true },
      capabilitySources: {
        supportsChat: { source: Source.PROBE },
        supportsStreaming: { source: Source.PROBE },
        supportsFunctionCalling: { source: Source.PROVIDER },
        supportsSamplingParameters: {
          source: Source.OWNER,
          disagreements: [{ source: Source.PROVIDER, value: { kind: { case: "boolValue", value: false } } }],
        },
        maxContextLength: { source: Source.PROVIDER },
      },
    });
    await patchbay.llms.updateLlm({ llmId, modelIdentifier: "another" });
    expect((await get(llmId))?.capabilitySources?.supportsChat?.source).toBe(Source.ASSUMED);
  });
});

describe("a server with MODEL_CHECK_HOURS=0", () => {
  it("asks nobody, and compares with the catalog all the same", async () => {
    const quiet = await startServer({ EGRESS_ALLOW: upstream.url, MODEL_CHECK_HOURS: "0" });
    const { llms } = quiet.client((await quiet.addAccount("OWNER")).apiKey);
    const path = `/${randomUUID()}/v1`;
    const request = { endpointUrl: upstream.url + path, modelIdentifier: "gpt-4o", credentials: apiKey(KEY) };
    const { llm } = await llms.createLlm(llmRequest({ ...request, providerType: Llm_ProviderType.OPENAI }));
    const llmId = llm?.llmId ?? "";
    const em = quiet.store.fork();
    await em.execute("update llm set model_state = 'UNKNOWN', model = ? where id = ?", ['{"claims": {}}', llmId]);
    await em.execute("update llm_model_check set next_check_at = now()");
    const read = async () => (await llms.getLlm({ llmId })).llm?.modelState;
    await expect.poll(read, PATIENCE).toMatchObject({ state: State.ACTIVE, source: ModelState_Source.CATALOG });
    expect([listsAt(path), (await read())?.checkedAt]).toEqual([0, undefined]);
    await quiet.stop();
  });
});

describe("the models that the endpoint of an Llm serves", () => {
  it("are its Provider's if it has one, and the use of the key is written down", async () => {
    const name = `shared-${randomUUID()}`;
    const endpointUrl = `${upstream.url}/${randomUUID()}/v1`;
    await patchbay.providers.upsertProvider({ name, endpointUrl, credentials: apiKey(KEY) });
    const { llm } = await patchbay.llms.createLlm({
      displayName: "a",
      modelIdentifier: "some-model",
      providerId: name,
    });
    const llmId = llm?.llmId ?? "";
    const { models, fetchedAt } = await patchbay.llms.listLlmModels({ llmId });
    expect(models.map(({ modelIdentifier }) => modelIdentifier)).toEqual(["some-model", "other-model"]);
    expect((await patchbay.providers.listProviderModels({ name })).fetchedAt).toBe(fetchedAt);
    const { auditEvents } = await patchbay.audit.listAuditEvents({ resourceId: llmId });
    expect(auditEvents.find(({ action }) => action === "llm.listModels")?.facts).toMatchObject({
      usesSecret: "true",
      providerId: llm?.providerId,
    });
    await lookNow(llmId);
    // Elsewhere, nothing that was found out there holds.
    await expect.poll(() => stateOf(llmId), PATIENCE).toBe(State.ACTIVE);
    upstream.setModels(servesModels("other-model"));
    await patchbay.providers.upsertProvider({
      name,
      endpointUrl: `${upstream.url}/${randomUUID()}/v1`,
      credentials: apiKey(KEY),
    });
    await lookNow(llmId);
    await expect.poll(() => stateOf(llmId), PATIENCE).toBe(State.MISSING);
  });

  it("are refused when there is no list, with the Llm in question", async () => {
    const { llmId } = await create();
    upstream.setModels(refuses(404));
    expect(await problemIn(patchbay.llms.listLlmModels({ llmId, maxAgeMs: 0 }))).toMatchObject({
      reason: "UPSTREAM_BAD_REPLY",
      metadata: { llmId },
    });
  });

  it("are not asked for with a secret that may only go to the path of chats", async () => {
    const path = `/${randomUUID()}/v1`;
    const refs = `env://LIST_KEY@${upstream.url}${path}/chat`;
    const server = await startServer({ EGRESS_ALLOW: upstream.url, LIST_KEY: KEY, SECRET_REFS: refs });
    const { llms } = server.client((await server.addAccount("OWNER")).apiKey);
    const credentials = secretRef("env://LIST_KEY");
    const { llm } = await llms.createLlm(llmRequest({ endpointUrl: upstream.url + path, credentials }));
    const problem = await problemIn(llms.listLlmModels({ llmId: llm?.llmId ?? "" }));
    await server.stop();
    expect([problem.reason, listsAt(path)]).toEqual(["SECRET_REF_NOT_ALLOWED", 0]);
  });

  it("are asked for once by those who ask at once", async () => {
    const { llmId, path } = await create();
    const fetched = await Promise.all([1, 2, 3, 4].map(() => patchbay.llms.listLlmModels({ llmId })));
    expect([new Set(fetched.map((list) => list.fetchedAt)).size, listsAt(path)]).toEqual([1, 1]);
  });
});
