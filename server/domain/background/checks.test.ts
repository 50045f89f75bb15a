import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import {
  ConnectionTest_Outcome,
  ConnectionTest_Stage_Name as Stage,
  ConnectionTest_Stage_State as State,
} from "../../../gen/patchbay/v1/connection_test_pb.ts";
import { Llm_Status } from "../../../gen/patchbay/v1/llm_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, type LlmRequest, llmRequest } from "../../test/service/llm-requests.ts";
import { refuses, says, saysSlowly } from "../../test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

const KEY = "sk-canary-0123456789abcdef";
const PATIENCE = { timeout: 20_000, interval: 100 };

let upstream: ScriptedUpstream;
/** Two servers on one database. */
let servers: TestServer[];
let patchbay: Patchbay;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  const first = await startServer({ EGRESS_ALLOW: upstream.url });
  servers = [first, await startServer({ ...first.settings, EGRESS_ALLOW: upstream.url })];
  patchbay = first.client((await first.addAccount("OWNER")).apiKey);
});
afterAll(async () => {
  for (const server of servers.toReversed()) await server.stop();
  await upstream.close();
});

const execute = (sql: string, values: unknown[] = []) => servers[0]?.store.fork().execute(sql, values) ?? [];
const callsOf = (model: string) => upstream.requests.filter((call) => call.model === model);
const get = async (llmId: string) => (await patchbay.llms.getLlm({ llmId })).llm;
const statusOf = async (llmId: string) => (await get(llmId))?.status;
/** Moves the clock to when an Llm is due. */
const makeDue = (llmId: string) => execute("update llm_check set next_check_at = now() where llm_id = ?", [llmId]);

interface Plan {
  readonly inSeconds: number;
  readonly failures: number;
  readonly leased: boolean;
}

/** When an Llm is checked next; undefined if it is not. */
async function planOf(llmId: string): Promise<Plan | undefined> {
  const rows = await execute(
    `select extract(epoch from next_check_at - now())::float as "inSeconds", failures, checking_until is not null as leased
      from llm_check where llm_id = ?`,
    [llmId],
  );
  return (rows as Plan[])[0];
}

async function create(said: LlmRequest = {}) {
  const model = randomUUID();
  const request = { endpointUrl: `${upstream.url}/v1`, modelIdentifier: model, credentials: apiKey(KEY), ...said };
  const { llm } = await patchbay.llms.createLlm(llmRequest(request));
  return { llmId: llm?.llmId ?? "", model };
}

describe("scheduled checks", () => {
  it("are made by one server, audited, and again after the interval", async () => {
    const { llmId, model } = await create({ checkIntervalSeconds: 60 });
    expect((await get(llmId))?.checkIntervalSeconds).toBe(60);
    await expect.poll(() => statusOf(llmId), PATIENCE).toBe(Llm_Status.ACTIVE);
    expect((await get(llmId))?.lastTest?.outcome).toBe(ConnectionTest_Outcome.OK);
    for (let round = 2; round <= 4; round++) {
      await expect.poll(() => planOf(llmId), PATIENCE).toMatchObject({ leased: false, failures: 0 });
      expect((await planOf(llmId))?.inSeconds).toSatisfy((seconds: number) => seconds > 50 && seconds <= 66);
      await makeDue(llmId);
      await expect.poll(() => callsOf(model).length, PATIENCE).toBe(round);
    }
    await pause(3_000); // Both servers have looked again by now.
    expect(callsOf(model).length).toBe(4);
    const { auditEvents } = await patchbay.audit.listAuditEvents({ resourceId: llmId });
    const checks = auditEvents.filter(({ action }) => action === "llm.test");
    expect(checks.length).toBe(4);
    expect(checks[0]).toMatchObject({ actorAccountId: "", facts: { purpose: "check", usesSecret: "true" } });
  });

  it("are not made twice while one lasts, nor of what is not to be checked", async () => {
    const { llmId, model } = await create();
    expect(await planOf(llmId)).toBeUndefined();
    upstream.setModel(model, saysSlowly(1_500, "Hello", "."));
    await patchbay.llms.updateLlm({ llmId, checkIntervalSeconds: 3_600 });
    await expect.poll(() => callsOf(model).length, PATIENCE).toBe(1);
    expect(await planOf(llmId)).toMatchObject({ leased: true });
    await makeDue(llmId);
    await expect.poll(() => planOf(llmId), PATIENCE).toMatchObject({ leased: false });
    expect(callsOf(model).length).toBe(1);
    await patchbay.llms.updateLlm({ llmId, checkIntervalSeconds: 0 });
    expect(await planOf(llmId)).toBeUndefined();
  });

  it("keep their time when something changes that does not decide on them", async () => {
    const { llmId, model } = await create({ checkIntervalSeconds: 3_600 });
    const dueAt = () => execute("select next_check_at from llm_check where llm_id = ?", [llmId]);
    await expect
      .poll(() => planOf(llmId), PATIENCE)
      .toMatchObject({
        leased: false,
        inSeconds: expect.toSatisfy((seconds: number) => seconds > 3_000),
      });
    const before = await dueAt();
    await patchbay.llms.updateLlm({ llmId, displayName: "another name", description: "x" });
    await patchbay.llms.updateLlm({ llmId, replaceLabels: { labels: { a: "b" } } });
    expect(await dueAt()).toEqual(before);
    await patchbay.llms.updateLlm({ llmId, modelIdentifier: `${model}-2` });
    await expect.poll(() => callsOf(`${model}-2`).length, PATIENCE).toBe(1);
  });

  it("become rarer while they fail, up to an hour, and bring an Llm back by themselves", async () => {
    const { llmId, model } = await create({ checkIntervalSeconds: 600 });
    upstream.setModel(model, refuses(401));
    const delays: number[] = [];
    for (let failures = 1; failures <= 4; failures++) {
      await makeDue(llmId);
      await expect.poll(() => planOf(llmId), PATIENCE).toMatchObject({ failures, leased: false });
      delays.push((await planOf(llmId))?.inSeconds ?? 0);
    }
    expect(await statusOf(llmId)).toBe(Llm_Status.FAILING);
    const within = (least: number) =>
      expect.toSatisfy((seconds: number) => seconds > least - 30 && seconds <= least * 1.1);
    expect(delays).toEqual([within(1_200), within(2_400), within(3_600), within(3_600)]);
    upstream.setModel(model, says("Hello"));
    await makeDue(llmId);
    await expect.poll(() => statusOf(llmId), PATIENCE).toBe(Llm_Status.ACTIVE);
    await expect.poll(() => planOf(llmId), PATIENCE).toMatchObject({ failures: 0, leased: false });
    expect((await planOf(llmId))?.inSeconds).toBeLessThanOrEqual(660);
  });

  it("ask the monitoring endpoint, and call no tools", async () => {
    const monitoringEndpoint = `${upstream.url}/nothing-here`;
    const { llmId, model } = await create({
      checkIntervalSeconds: 60,
      monitoringEndpoint,
      capabilities: { supportsFunctionCalling: true },
    });
    await expect.poll(() => statusOf(llmId), PATIENCE).toBe(Llm_Status.ACTIVE);
    const { stages = [] } = (await get(llmId))?.lastTest ?? {};
    expect(stages.slice(-2)).toMatchObject([
      { name: Stage.MONITORING, state: State.FAILED },
      { name: Stage.TOOLS, state: State.SKIPPED },
    ]);
    expect(callsOf(model).length).toBe(1);
  });

  it("go on after a server was lost in the middle of one", async () => {
    const { llmId, model } = await create({ checkIntervalSeconds: 3_600 });
    await expect.poll(() => callsOf(model).length, PATIENCE).toBe(1);
    await expect.poll(() => planOf(llmId), PATIENCE).toMatchObject({ leased: false });
    await execute(
      "update llm_check set next_check_at = now(), checking_until = now() + interval '1 s' where llm_id = ?",
      [llmId],
    );
    await expect.poll(() => callsOf(model).length, PATIENCE).toBe(2);
  });

  it("whose credentials do not open are put off, and send nothing", async () => {
    const { llmId, model } = await create();
    await execute("update llm set sealed_credentials = '{}' where id = ?", [llmId]);
    await patchbay.llms.updateLlm({ llmId, checkIntervalSeconds: 60 });
    await expect.poll(() => planOf(llmId), PATIENCE).toMatchObject({ failures: 1, leased: false });
    expect([await statusOf(llmId), callsOf(model).length]).toEqual([Llm_Status.CREDENTIALS_UNREADABLE, 0]);
  });

  it("do not throw away what a server holds of the Llm", async () => {
    const { llmId } = await create();
    const heard: string[] = [];
    const cache = servers[1]?.store.cache<object>("llm", { max: 10 });
    const held = () => cache?.get(llmId, async () => heard.push("loaded") && {});
    await patchbay.llms.testLlm({ llmId });
    await pause(200);
    await held();
    await patchbay.llms.testLlm({ llmId });
    await pause(200);
    await held();
    expect(heard.length).toBe(1);
    for (const change of ["status = 'FAILING'", "disabled = true", "description = 'x'", "credentials_hint = 'x'"]) {
      heard.length = 0;
      await execute(`update llm set ${change} where id = ?`, [llmId]);
      await expect
        .poll(async () => {
          await held();
          return heard.length;
        }, PATIENCE)
        .toBe(1);
    }
  });

  it.each([{ checkIntervalSeconds: 59 }, { checkIntervalSeconds: 86_401 }, { checkIntervalSeconds: -1 }])(
    "are refused every $checkIntervalSeconds s",
    async (said) => {
      const { llmId } = await create();
      const fields = [{ field: "checkIntervalSeconds" }];
      expect(await problemIn(create(said))).toMatchObject({ reason: "INVALID_REQUEST", fields });
      expect(await problemIn(patchbay.llms.updateLlm({ llmId, ...said }))).toMatchObject({ fields });
    },
  );
});

describe("a chat", () => {
  it("counts as a check, and makes an Llm active that was failing", async () => {
    const { llmId, model } = await create();
    upstream.setModel(model, refuses(401));
    await patchbay.llms.testLlm({ llmId });
    expect(await statusOf(llmId)).toBe(Llm_Status.FAILING);
    upstream.setModel(model, says("Hello"));
    await execute("insert into llm_check (llm_id, next_check_at) values (?, now() + interval '30 s')", [llmId]);
    await execute("update llm set check_interval_seconds = 600 where id = ?", [llmId]);
    await patchbay.chat.chat({ llmId, message: "Hi" });
    await expect.poll(() => statusOf(llmId), PATIENCE).toBe(Llm_Status.ACTIVE);
    expect((await planOf(llmId))?.inSeconds).toBeGreaterThan(600);
  });

  it("that fails by the connection brings the check forward; one that is refused does not", async () => {
    const { llmId, model } = await create({ checkIntervalSeconds: 86_400 });
    await expect.poll(() => statusOf(llmId), PATIENCE).toBe(Llm_Status.ACTIVE);
    upstream.setModel(model, refuses(400));
    await problemIn(patchbay.chat.chat({ llmId, message: "Hi" }));
    await pause(6_000); // What is heard is written every five seconds.
    expect(callsOf(model).length).toBe(2);
    upstream.setModel(model, refuses(401));
    await problemIn(patchbay.chat.chat({ llmId, message: "Hi" }));
    await expect.poll(() => statusOf(llmId), PATIENCE).toBe(Llm_Status.FAILING);
  });
});

describe("a disabled Llm", () => {
  it("refuses chats over every server, is not checked, can be tested, and comes back", async () => {
    const { llmId, model } = await create({ checkIntervalSeconds: 60 });
    await expect.poll(() => statusOf(llmId), PATIENCE).toBe(Llm_Status.ACTIVE);
    await patchbay.chat.chat({ llmId, message: "Hi" });
    const { llm } = await patchbay.llms.updateLlm({ llmId, disabled: true });
    expect(llm?.status).toBe(Llm_Status.DISABLED);
    expect(await planOf(llmId)).toBeUndefined();
    const calls = callsOf(model).length;
    const refused = { code: "FailedPrecondition", reason: "LLM_DISABLED", metadata: { llmId } };
    expect(await problemIn(patchbay.chat.chat({ llmId, message: "Hi" }))).toMatchObject(refused);
    expect(await problemIn(Array.fromAsync(patchbay.chat.streamChat({ llmId, message: "Hi" })))).toMatchObject(refused);
    expect(callsOf(model).length).toBe(calls);
    expect((await patchbay.llms.testLlm({ llmId })).test?.outcome).toBe(ConnectionTest_Outcome.OK);
    const disabled = await patchbay.llms.listLlms({ status: Llm_Status.DISABLED });
    expect(disabled.llms.map((one) => one.llmId)).toContain(llmId);
    const active = await patchbay.llms.listLlms({ status: Llm_Status.ACTIVE });
    expect(active.llms.map((one) => one.llmId)).not.toContain(llmId);
    const enabled = await patchbay.llms.updateLlm({ llmId, updateMask: { paths: ["disabled"] } });
    expect(enabled.llm?.status).toBe(Llm_Status.ACTIVE);
    expect(await planOf(llmId)).toBeDefined();
    await patchbay.chat.chat({ llmId, message: "Hi" });
  });
});

it("a server that stops gives back the check it is at", async () => {
  const [first] = servers;
  const third = await startServer({ ...first?.settings, EGRESS_ALLOW: upstream.url });
  // The others are kept busy with what does not end, so that the third one has some too.
  const made = await Promise.all(
    Array.from({ length: 20 }, () =>
      create({
        modelIdentifier: "silent",
        checkIntervalSeconds: 60,
        endpointUrl: `${upstream.url}/${randomUUID()}/v1`,
      }),
    ),
  );
  await expect.poll(() => callsOf("silent").length, PATIENCE).toBe(20);
  const started = performance.now();
  await third.stop();
  expect(performance.now() - started).toBeLessThan(5_000);
  const given = await execute(
    "select llm_id from llm_check where checking_until is null and failures = 0 and llm_id = any(?::uuid[])",
    [`{${made.map(({ llmId }) => llmId).join(",")}}`],
  );
  expect((given as unknown[]).length + callsOf("silent").length).toBeGreaterThan(20);
});
