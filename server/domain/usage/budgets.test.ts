import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { Budget_Mode, Budget_Period } from "../../../gen/patchbay/v1/budget_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { type LlmRequest, llmRequest } from "../../test/service/llm-requests.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

/** What one reply of the scripted upstream costs: three tokens, and the prompt is free. */
const COST = 30_000_000n;
const PRICE = { input: "0", output: "10" };
const MODEST = { samplingParams: { maxTokens: 3 }, message: "Hi" };

let upstream: ScriptedUpstream;
let server: TestServer;
let patchbay: Patchbay;
let accountId: string;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url });
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});
beforeEach(async () => {
  const account = await server.addAccount("OWNER");
  accountId = account.accountId;
  patchbay = server.client(account.apiKey);
});

async function create(said: LlmRequest = {}): Promise<string> {
  const request = llmRequest({
    endpointUrl: `${upstream.url}/v1`,
    modelIdentifier: randomUUID(),
    price: PRICE,
    ...said,
  });
  return (await patchbay.llms.createLlm(request)).llm?.llmId ?? "";
}

const setBudget = async (said: object) =>
  (await patchbay.budgets.setBudget({ amount: 10n * COST, period: Budget_Period.DAY, ...said })).budget;

const stateOf = async (budgetId: string) => (await patchbay.budgets.getBudget({ budgetId })).budget;

describe("D12 a budget", () => {
  it("of 10 chats admits 10 of 100 that come at once, and has spent what they cost", async () => {
    const llmId = await create();
    const { budgetId = "" } = (await setBudget({})) ?? {};
    const index = upstream.requests.length;
    const results = await Promise.allSettled(
      Array.from({ length: 100 }, () => patchbay.chat.chat({ llmId, ...MODEST })),
    );
    const refused = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    expect(refused).toHaveLength(90);
    expect(upstream.requests.length - index).toBe(10);
    expect(await problemIn(Promise.reject(refused[0]))).toMatchObject({
      code: "ResourceExhausted",
      reason: "BUDGET_EXHAUSTED",
      metadata: {
        llmId,
        budgetId,
        amount: "300000000",
        amountUsd: "0.0003",
        needed: "30000000",
        neededUsd: "0.00003",
        leftUsd: "0",
        resetsAt: expect.stringMatching(/^\d{13}$/),
      },
    });
    expect(await stateOf(budgetId)).toMatchObject({ spent: 10n * COST, reserved: 0n });
  });

  it("is given back what a reply did not cost", async () => {
    const llmId = await create();
    const { budgetId = "" } = (await setBudget({})) ?? {};
    await patchbay.chat.chat({ llmId, message: "Hi", samplingParams: { maxTokens: 30 } });
    expect(await stateOf(budgetId)).toMatchObject({ spent: COST, reserved: 0n });
    expect(await problemIn(patchbay.chat.chat({ llmId, message: "Hi" }))).toMatchObject({ reason: "BUDGET_EXHAUSTED" });
  });

  it.each([
    { model: "broken", spent: 0n, why: "nothing for what the provider refused" },
    { model: "silent", spent: COST, why: "what was reserved where nobody knows" },
  ])("counts $why", async ({ model, spent }) => {
    const llmId = await create({ modelIdentifier: model });
    const { budgetId = "" } = (await setBudget({})) ?? {};
    await problemIn(patchbay.chat.chat({ llmId, ...MODEST }, { timeoutMs: 300 }));
    await expect.poll(() => stateOf(budgetId)).toMatchObject({ spent, reserved: 0n });
  });

  it("that only warns lets all through, and says when it is used up", async () => {
    const llmId = await create();
    await setBudget({ amount: COST, mode: Budget_Mode.WARN });
    const first = await patchbay.chat.chat({ llmId, ...MODEST });
    const second = await patchbay.chat.chat({ llmId, ...MODEST });
    expect([first.overBudget, second.overBudget]).toEqual([false, true]);
  });

  it("that only warns and is used up keeps none that refuses from counting what is under way", async () => {
    const llmId = await create();
    await setBudget({ amount: COST, mode: Budget_Mode.WARN });
    await patchbay.chat.chat({ llmId, ...MODEST });
    await setBudget({ amount: 3n * COST, period: Budget_Period.MONTH });
    const chats = Array.from({ length: 8 }, () => patchbay.chat.chat({ llmId, ...MODEST }));
    const outcomes = await Promise.allSettled(chats);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
  });

  it("of one Llm is not asked for another, and all that concern a chat must have enough", async () => {
    const [one, two] = [await create(), await create()];
    const ofOne = await setBudget({ llmId: one, amount: COST });
    const ofAll = await setBudget({ amount: 3n * COST });
    await patchbay.chat.chat({ llmId: one, ...MODEST });
    expect(await problemIn(patchbay.chat.chat({ llmId: one, ...MODEST }))).toMatchObject({
      metadata: { budgetId: ofOne?.budgetId },
    });
    expect(await stateOf(ofAll?.budgetId ?? ""), "nothing is held by what was refused").toMatchObject({
      spent: COST,
      reserved: 0n,
    });
    await patchbay.chat.chat({ llmId: two, ...MODEST });
    await patchbay.chat.chat({ llmId: two, ...MODEST });
    expect(await problemIn(patchbay.chat.chat({ llmId: two, ...MODEST }))).toMatchObject({
      metadata: { budgetId: ofAll?.budgetId },
    });
  });

  it("begins anew with its period", async () => {
    const llmId = await create();
    const { budgetId = "" } = (await setBudget({ amount: COST })) ?? {};
    await patchbay.chat.chat({ llmId, ...MODEST });
    expect(await problemIn(patchbay.chat.chat({ llmId, ...MODEST }))).toMatchObject({ reason: "BUDGET_EXHAUSTED" });
    const em = server.store.fork();
    await em.execute("update budget set window_start = window_start - interval '1 day' where id = ?", [budgetId]);
    expect(await stateOf(budgetId)).toMatchObject({ spent: 0n });
    await patchbay.chat.chat({ llmId, ...MODEST });
    expect(await stateOf(budgetId)).toMatchObject({ spent: COST });
  });

  it("gets back what a server that died had reserved", async () => {
    const llmId = await create();
    const { budgetId = "" } = (await setBudget({ amount: COST })) ?? {};
    const em = server.store.fork();
    const hold = (expires: string) =>
      em.execute(
        `with held as (insert into budget_reservation values (gen_random_uuid(), ?, ?, now() + interval '${expires}'))
         update budget set reserved = reserved + ? where id = ?`,
        [budgetId, COST, COST, budgetId],
      );
    await hold("1 minute");
    expect(await problemIn(patchbay.chat.chat({ llmId, ...MODEST }))).toMatchObject({
      metadata: { reserved: "30000000" },
    });
    await em.execute("update budget_reservation set expires_at = now() - interval '1 second'");
    await patchbay.chat.chat({ llmId, ...MODEST });
    expect(await stateOf(budgetId)).toMatchObject({ spent: COST, reserved: 0n });
  });

  it("that refuses, refuses an Llm whose price nobody knows, and takes zero for an answer", async () => {
    const llmId = await create({ price: undefined as never });
    const index = upstream.requests.length;
    await setBudget({});
    expect(await problemIn(patchbay.chat.chat({ llmId, ...MODEST }))).toMatchObject({
      code: "FailedPrecondition",
      reason: "PRICE_UNKNOWN",
    });
    expect(upstream.requests.length).toBe(index);
    await patchbay.llms.updateLlm({ llmId, price: { input: "0", output: "0" } });
    await setBudget({ amount: 0n, amountUsd: "0" });
    await patchbay.chat.chat({ llmId, ...MODEST });
  });

  it("fails a turn that it refuses, and the session goes on when there is enough again", async () => {
    const llmId = await create();
    await setBudget({ amount: 0n, amountUsd: "0" });
    const ask = { llmId, sessionId: randomUUID(), requestId: "1", ...MODEST };
    expect(await problemIn(patchbay.chat.chat(ask))).toMatchObject({ reason: "BUDGET_EXHAUSTED" });
    await setBudget({});
    expect((await patchbay.chat.chat(ask)).message?.content).toBe("Hello, world");
  });
});

describe("budgets", () => {
  it("are set, changed, listed and deleted, with what was spent", async () => {
    const llmId = await create();
    const day = await setBudget({});
    await patchbay.chat.chat({ llmId, ...MODEST });
    const changed = await setBudget({ amount: 5_000_000n, mode: Budget_Mode.WARN });
    expect(changed).toMatchObject({ budgetId: day?.budgetId, amount: 5_000_000n, mode: Budget_Mode.WARN, spent: COST });
    const month = await setBudget({ period: Budget_Period.MONTH });
    const ofLlm = await setBudget({ llmId });
    const page = await patchbay.budgets.listBudgets({ pageSize: 2 });
    const rest = await patchbay.budgets.listBudgets({ pageSize: 2, pageToken: page.nextPageToken });
    const ids = [...page.budgets, ...rest.budgets].map(({ budgetId }) => budgetId);
    expect(ids).toEqual([day, month, ofLlm].map((budget) => budget?.budgetId));
    await patchbay.budgets.deleteBudget({ budgetId: day?.budgetId ?? "" });
    expect(await problemIn(patchbay.budgets.getBudget({ budgetId: day?.budgetId ?? "" }))).toMatchObject({
      code: "NotFound",
      reason: "BUDGET_NOT_FOUND",
    });
    const { auditEvents } = await patchbay.audit.listAuditEvents({ resourceType: "budget" });
    expect(auditEvents.map(({ action }) => action)).toEqual(["budget.delete", ...Array(4).fill("budget.set")]);
  });

  it("that were imposed can be seen, and neither changed nor deleted by the owner", async () => {
    const admin = server.client(server.adminKey);
    const { budget } = await admin.budgets.setBudget({
      ownerId: accountId,
      amount: 1_000_000n,
      period: Budget_Period.TOTAL,
    });
    const { budgetId = "" } = budget ?? {};
    expect(await stateOf(budgetId)).toMatchObject({ isImposed: true, amount: 1_000_000n });
    const change = () => setBudget({ amount: 99_000_000n, period: Budget_Period.TOTAL });
    for (const call of [change, () => patchbay.budgets.deleteBudget({ budgetId })]) {
      expect(await problemIn(call())).toMatchObject({ code: "FailedPrecondition", reason: "BUDGET_IMPOSED" });
    }
    await admin.budgets.deleteBudget({ budgetId });
  });

  it("are their owner's, and a MEMBER's to read only", async () => {
    const { budgetId = "" } = (await setBudget({})) ?? {};
    const stranger = server.client((await server.addAccount("OWNER")).apiKey);
    expect(await problemIn(stranger.budgets.getBudget({ budgetId }))).toMatchObject({ reason: "BUDGET_NOT_FOUND" });
    expect(await problemIn(stranger.budgets.deleteBudget({ budgetId }))).toMatchObject({ reason: "BUDGET_NOT_FOUND" });
    const llmId = await create();
    const asked = { llmId, amount: 1_000_000n, period: Budget_Period.DAY };
    expect(await problemIn(stranger.budgets.setBudget(asked))).toMatchObject({ reason: "LLM_NOT_FOUND" });
    expect(await problemIn(stranger.budgets.setBudget({ ...asked, llmId: "", ownerId: accountId }))).toMatchObject({
      reason: "PERMISSION_MISSING",
    });
    const member = server.client(await server.addKey(accountId, "MEMBER"));
    expect((await member.budgets.listBudgets({})).budgets).toHaveLength(1);
    expect(await problemIn(member.budgets.deleteBudget({ budgetId }))).toMatchObject({
      metadata: { permission: "MANAGE_BUDGET_OWN" },
    });
  });
});
