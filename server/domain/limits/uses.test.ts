import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { problemOf } from "../../../client/llm.ts";
import { ApiKey_Role as Role } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { Budget_Period as Period } from "../../../gen/patchbay/v1/budget_pb.ts";
import { Llm_ProviderType as ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import type { Server } from "../../compose/server.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { llmRequest } from "../../test/service/llm-requests.ts";
import { type IssuerKey, LocalIssuer } from "../../test/upstream/local-issuer.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

/** What one reply of the scripted upstream costs: three tokens, and the prompt is free. */
const COST = 30_000_000n;
const PRICE = { input: "0", output: "10" };
const MODEST = { samplingParams: { maxTokens: 3 }, message: "Hi" };
const TEN = { amount: 10n * COST, period: Period.TOTAL };

let upstream: ScriptedUpstream;
let issuer: LocalIssuer;
let issuerKey: IssuerKey;
let server: TestServer;
let other: Server;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  issuer = await LocalIssuer.start();
  issuerKey = await issuer.addKey("first");
  server = await startServer({
    EGRESS_ALLOW: upstream.url,
    OIDC_ISSUER: issuer.url,
    OIDC_AUDIENCE: "team",
    OIDC_DEFAULT_LIMITS: '{"requestsPerMinute": 3}',
  });
  other = await server.startAnother();
});
afterAll(async () => {
  await other.stop();
  await server.stop();
  await upstream.close();
  await issuer.close();
});

/** An account with an Llm and a key with limits. */
async function limited(limits: object, model: string = randomUUID()) {
  const { apiKey, accountId } = await server.addAccount("OWNER");
  const owner = server.client(apiKey);
  const request = { endpointUrl: `${upstream.url}/v1`, modelIdentifier: model, price: PRICE };
  const llmId = (await owner.llms.createLlm(llmRequest(request))).llm?.llmId ?? "";
  const made = await owner.access.createApiKey({ displayName: "limited", role: Role.MEMBER, limits });
  const apiKeyId = made.apiKey?.apiKeyId ?? "";
  return { owner, accountId, llmId, apiKeyId, key: made.key, chat: chatting(made.key, llmId) };
}

/** Chats with a key, by this server and the other in turn. */
function chatting(key: string, llmId: string) {
  const clients = [server.client(key), server.client(key, { url: other.url })];
  let count = 0;
  return (said: object = MODEST) =>
    (clients[count++ % 2] ?? clients[0])?.chat.chat({ llmId, ...said }) as Promise<unknown>;
}

/** How many of so many calls at once were let through, and what the first of the others was refused with. */
async function outcomeOf(count: number, call: () => Promise<unknown>) {
  const results = await Promise.allSettled(Array.from({ length: count }, call));
  const refused = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  const problem = refused.length > 0 ? await problemIn(Promise.reject(refused[0])) : undefined;
  return { passed: count - refused.length, problem };
}

describe("the budget of an API key", () => {
  it("for 10 chats admits 10 of 100 that come at once by two servers", async () => {
    const { owner, chat, apiKeyId, accountId } = await limited({ budget: TEN });
    const index = upstream.requests.length;
    const { passed, problem } = await outcomeOf(100, chat);
    expect(passed).toBe(10);
    expect(upstream.requests.length - index).toBe(10);
    expect(problem).toMatchObject({
      reason: "BUDGET_EXHAUSTED",
      metadata: { holder: "API_KEY", holderId: apiKeyId, limit: "BUDGET", contact: "the owners of the account OWNER" },
    });
    expect(problem?.message).toContain(`the budget of API key ${apiKeyId}`);
    const { apiKey } = await owner.access.getApiKey({ apiKeyId });
    expect(apiKey?.limitStates).toMatchObject([{ limit: 4, used: 10n * COST, left: 0n, isNear: true }]);
    expect(await owner.budgets.listBudgets({ ownerId: accountId }), "it is no budget of the owner's").toMatchObject({
      budgets: [],
    });
  });

  it("that is overspent refuses nothing that costs nothing", async () => {
    const { owner, llmId, key } = await limited({ budget: { amount: COST / 3n, period: Period.TOTAL } });
    const free = {
      endpointUrl: `${upstream.url}/v1`,
      modelIdentifier: randomUUID(),
      price: { input: "0", output: "0" },
    };
    const freeId = (await owner.llms.createLlm(llmRequest(free))).llm?.llmId ?? "";
    await chatting(key, llmId)({ message: "Hi", samplingParams: { maxTokens: 1 } });
    expect(await problemIn(chatting(key, llmId)())).toMatchObject({ reason: "BUDGET_EXHAUSTED" });
    await chatting(key, freeId)();
  });

  it("is shared by keys that were made with it and that it was rolled into", async () => {
    const { owner, llmId, apiKeyId, key } = await limited({ budget: TEN });
    const inner = await server.client(key).access.createApiKey({ displayName: "inner", role: Role.MEMBER });
    const rolled = await owner.access.rollApiKey({ apiKeyId });
    const chats = [key, inner.key, rolled.key].map((each) => chatting(each, llmId));
    let count = 0;
    const { passed } = await outcomeOf(30, () => (chats[count++ % 3] as () => Promise<unknown>)());
    expect(passed).toBe(10);
  });

  it("says when it begins anew, and of a chat that is dearer than all of it that this would not help", async () => {
    const { chat } = await limited({ budget: { amount: COST, period: Period.MONTH } });
    const dear = await problemIn(chat({ ...MODEST, samplingParams: { maxTokens: 4 } }));
    expect(dear).toMatchObject({ reason: "BUDGET_EXHAUSTED", retryAfterMs: undefined });
    expect(dear.metadata.resetsAt).toBeUndefined();
    expect(dear.message).toMatch(/more than the whole of the budget of API key .* which is \$0.00003: send less/);
    await chat();
    const problem = await problemIn(chat());
    expect(problem).toMatchObject({
      reason: "BUDGET_EXHAUSTED",
      metadata: { resetsAt: expect.stringMatching(/^\d{13}$/) },
    });
    expect(problem.message).toMatch(/it begins anew at \d{4}-\d\d-01T00:00:00.000Z. Ask the owners of the account/);
    expect(problem.retryAfterMs).toBeGreaterThan(0);
  });

  it("of nothing refuses everything", async () => {
    const { chat } = await limited({ budget: { amountUsd: "0", period: Period.MONTH } });
    const problem = await problemIn(chat());
    expect(problem.message).toMatch(
      /the budget of API key .* is \$0: take an Llm that costs nothing. Ask the owners of the account OWNER for more/,
    );
  });

  it("is not kept for an Llm whose price is not known", async () => {
    const { owner, llmId, chat } = await limited({ budget: TEN });
    await owner.llms.updateLlm({ llmId, price: {} } as never);
    expect(await problemIn(chat())).toMatchObject({ reason: "PRICE_UNKNOWN" });
  });

  it("goes on with what is spent when it is raised", async () => {
    const { owner, apiKeyId, chat } = await limited({ budget: { ...TEN, amount: 2n * COST } });
    expect((await outcomeOf(4, chat)).passed).toBe(2);
    await owner.access.updateApiKey({ apiKeyId, limits: { budget: { ...TEN, amount: 3n * COST } } });
    expect((await outcomeOf(4, chat)).passed).toBe(1);
  });
});

describe("whoever is held by a budget", () => {
  const FREE = { input: "0", output: "0" };
  const ofAll = (llmId: string) => ({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: randomUUID(), llmId });

  it.each(["their key's", "their account's"])("cannot say what calls cost: %s", async (whose) => {
    const isOfKey = whose === "their key's";
    const { owner, llmId, key, accountId, apiKeyId } = await limited(isOfKey ? { budget: TEN } : {});
    if (!isOfKey) await server.client(server.adminKey).access.updateAccount({ accountId, limits: { budget: TEN } });
    const { llms } = server.client(key);
    const told = {
      code: "PermissionDenied",
      reason: "API_KEY_EXCEEDS_CALLER",
      metadata: { limit: "BUDGET", holderId: isOfKey ? apiKeyId : accountId },
    };
    const made = () => llms.createLlm(llmRequest({ ...ofAll(randomUUID()), price: FREE }));
    const problem = await problemIn(made());
    expect(problem).toMatchObject({ ...told, fields: [{ field: "price" }] });
    expect(problem.message).toMatch(/^price: .*the budget of (API key|account) .*Ask the owners of the account/);
    for (const price of [FREE, {}])
      expect(await problemIn(llms.updateLlm({ llmId, price } as never))).toMatchObject({
        ...told,
        fields: [{ field: "price" }],
      });
    expect(await problemIn(llms.updateLlm({ llmId, modelIdentifier: "dear" }))).toMatchObject({
      ...told,
      fields: [{ field: "modelIdentifier" }],
    });
    const connection = { endpointUrl: `${upstream.url}/v1`, providerType: ProviderType.CUSTOM_OPENAI_COMPATIBLE };
    const provider = await owner.providers.upsertProvider({ name: "p", ...connection });
    const providerId = provider.provider?.providerId ?? "";
    expect(await problemIn(llms.updateLlm({ llmId, providerId }))).toMatchObject({
      fields: [{ field: "providerId" }],
    });
    const { llm } = await llms.updateLlm({ llmId, price: PRICE, modelIdentifier: undefined, description: "same" });
    expect(llm?.description).toBe("same");
    await llms.createLlm(llmRequest(ofAll(randomUUID())));
    if (isOfKey) await owner.llms.updateLlm({ llmId, price: FREE });
  });

  it("but by limits of an account that they could change says it as before", async () => {
    const { apiKey, accountId } = await server.addAccount("ADMIN");
    const admin = server.client(apiKey);
    await admin.access.updateAccount({ accountId, limits: { budget: TEN } });
    const { llm } = await admin.llms.createLlm(llmRequest({ ...ofAll(randomUUID()), price: PRICE }));
    await admin.llms.updateLlm({ llmId: llm?.llmId ?? "", price: FREE });
  });
});

describe("the budget of an API key that gets another period", () => {
  const DAY = { amount: 10n * COST, period: Period.DAY };
  const makeOld = `update holder_spending set window_start = now() - interval '400 days'
    where holder_id = (select limits_id from api_key where id = ?)`;

  it.each([
    { name: "longer", to: Period.MONTH, spent: 2n },
    { name: "longest", to: Period.TOTAL, spent: 2n },
    { name: "longest, of a day long gone", to: Period.TOTAL, spent: 2n, isOld: true },
    { name: "longer, of a day before it began", to: Period.MONTH, spent: 0n, isOld: true },
  ])("$name begins with $spent", async ({ to, spent, isOld }) => {
    const { owner, apiKeyId, chat } = await limited({ budget: DAY });
    await chat();
    await chat();
    if (isOld) await server.store.fork().execute(makeOld, [apiKeyId]);
    await owner.access.updateApiKey({ apiKeyId, limits: { budget: { ...DAY, period: to } } });
    const used = async () => (await owner.access.getApiKey({ apiKeyId })).apiKey?.limitStates[0]?.used;
    expect(await used()).toBe(spent * COST);
    await chat();
    expect(await used()).toBe((spent + 1n) * COST);
  });

  it("shorter begins with nothing, as nobody knows what of it was today's", async () => {
    const { owner, apiKeyId, chat } = await limited({ budget: TEN });
    await chat();
    await owner.access.updateApiKey({ apiKeyId, limits: { budget: DAY } });
    const { apiKey } = await owner.access.getApiKey({ apiKeyId });
    expect(apiKey?.limitStates).toMatchObject([{ used: 0n }]);
  });
});

describe("requests in a minute", () => {
  it("are counted over two servers, tests with them", async () => {
    const { chat, llmId, key, apiKeyId, owner } = await limited({ requestsPerMinute: 10 });
    const { passed, problem } = await outcomeOf(40, chat);
    expect(passed).toBe(10);
    expect(problem).toMatchObject({
      reason: "RATE_LIMITED",
      metadata: { limit: "REQUESTS_PER_MINUTE", allowed: "10", holder: "API_KEY", holderId: apiKeyId },
    });
    expect(problem?.retryAfterMs).toBeGreaterThan(0);
    expect(problem?.retryAfterMs).toBeLessThanOrEqual(60_000);
    expect(await problemIn(server.client(key).llms.testLlm({ llmId }))).toMatchObject({ reason: "RATE_LIMITED" });
    await server.client(key).llms.listLlms({});
    const { apiKey } = await owner.access.getApiKey({ apiKeyId });
    expect(apiKey?.limitStates[0]).toMatchObject({ limit: 1, allowed: 10n, used: 10n, left: 0n, isNear: true });
    expect(Number(apiKey?.limitStates[0]?.resetsAt)).toBeGreaterThan(Date.now());
  });

  it("of an account are those of all of its keys", async () => {
    const { owner, accountId, llmId } = await limited({});
    const admin = server.client(server.adminKey).access;
    await admin.updateAccount({ accountId, contact: "#ai", limits: { requestsPerMinute: 4 } });
    const keys = await Promise.all(
      [1, 2].map((name) => owner.access.createApiKey({ displayName: `${name}`, role: Role.MEMBER })),
    );
    const chats = keys.map(({ key }) => chatting(key, llmId));
    let count = 0;
    const { passed, problem } = await outcomeOf(12, () => (chats[count++ % 2] as () => Promise<unknown>)());
    expect(passed).toBe(4);
    expect(problem).toMatchObject({ metadata: { holder: "ACCOUNT", holderId: accountId, contact: "#ai" } });
    expect(problem?.message).toContain("Ask #ai for more");
  });
});

describe("calls at the same time", () => {
  it("are counted over two servers, and again once they have ended", async () => {
    const { chat, apiKeyId, owner } = await limited({ parallelCalls: 3 }, "slow");
    const { passed, problem } = await outcomeOf(12, chat);
    expect(passed).toBe(3);
    expect(problem).toMatchObject({
      reason: "RATE_LIMITED",
      metadata: { limit: "PARALLEL_CALLS" },
      retryAfterMs: 1_000,
    });
    for (let count = 0; count < 4; count++) await chat();
    const { apiKey } = await owner.access.getApiKey({ apiKeyId });
    expect(apiKey?.limitStates).toMatchObject([{ limit: 3, used: 0n, left: 3n }]);
  });

  it("end with a caller that leaves, and with an endpoint that fails", async () => {
    const { llmId, key } = await limited({ parallelCalls: 1 }, "endless");
    const listen = async () => {
      const leaving = new AbortController();
      const { signal } = leaving;
      for await (const _ of server.client(key).chat.streamChat({ llmId, ...MODEST }, { signal })) {
        leaving.abort();
        return "heard";
      }
    };
    await listen();
    await expect.poll(() => listen().catch((error) => problemOf(error).message), { timeout: 5_000 }).toBe("heard");
    const broken = await limited({ parallelCalls: 1 }, "broken");
    for (let count = 0; count < 3; count++) {
      expect((await problemIn(broken.chat())).reason).toMatch(/^UPSTREAM_/);
    }
  });

  it("of a server that died end with their lease", async () => {
    const { chat, accountId } = await limited({ parallelCalls: 1 });
    await chat();
    const expired = { [randomUUID()]: String(Date.now() - 1) };
    const live = { [randomUUID()]: String(Date.now() + 60_000) };
    const set = (calls: object) =>
      server.store
        .fork()
        .execute(
          "update holder_calls set calls = ?::jsonb where holder_id in (select id from holder_limits where account_id = ?)",
          [JSON.stringify(calls), accountId],
        );
    await set(live);
    expect(await problemIn(chat())).toMatchObject({ metadata: { limit: "PARALLEL_CALLS" } });
    await set(expired);
    await chat();
  });
});

describe("tokens in a minute", () => {
  it("are those of prompts and replies, as they were counted", async () => {
    const { chat, owner, apiKeyId } = await limited({ tokensPerMinute: 100n });
    await chat();
    const { apiKey } = await owner.access.getApiKey({ apiKeyId });
    const used = apiKey?.limitStates[0]?.used ?? 0n;
    const { usage } = (await chat()) as { usage: { inputTokens: bigint; outputTokens: bigint } };
    expect(used, "what the provider counted").toBe(BigInt(usage.inputTokens) + BigInt(usage.outputTokens));
  });

  it("refuse what comes when they are used up, over two servers", async () => {
    const { chat } = await limited({ tokensPerMinute: 20n });
    let passed = 0;
    for (let count = 0; count < 20; count++)
      passed += await chat().then(
        () => 1,
        () => 0,
      );
    expect(passed).toBeGreaterThan(0);
    expect(passed).toBeLessThan(20);
    expect(await problemIn(chat())).toMatchObject({
      reason: "RATE_LIMITED",
      metadata: { limit: "TOKENS_PER_MINUTE", allowed: "20" },
    });
  });

  it("are held for what calls at once may take, stated or usual, over two servers", async () => {
    const stated = { message: "Hi", samplingParams: { maxTokens: 90 } };
    const { chat, owner, apiKeyId } = await limited({ tokensPerMinute: 100n }, "slow");
    const { passed, problem } = await outcomeOf(10, () => chat(stated));
    expect(passed).toBe(1);
    expect(problem).toMatchObject({ reason: "RATE_LIMITED", metadata: { limit: "TOKENS_PER_MINUTE" } });
    expect(problem?.message).toMatch(/100 tokens a minute, and has too few left for this call, which may take 9\d/);
    const { apiKey } = await owner.access.getApiKey({ apiKeyId });
    expect(apiKey?.limitStates[0]?.used, "what was taken, and no more").toBeLessThan(40n);
    expect((await outcomeOf(1, () => chat({ message: "Hi" }))).passed).toBe(1);
    const unstated = await limited({ tokensPerMinute: 100n }, "slow");
    expect((await outcomeOf(10, () => unstated.chat({ message: "Hi" }))).passed).toBeLessThanOrEqual(4);
  });

  it("let the first call of a minute pass that may take more, and hold nothing for what failed", async () => {
    const many = { message: "Hi", samplingParams: { maxTokens: 900 } };
    const { chat } = await limited({ tokensPerMinute: 100n });
    await chat(many);
    expect(await problemIn(chat(many))).toMatchObject({ reason: "RATE_LIMITED" });
    const broken = await limited({ tokensPerMinute: 100n }, "broken");
    const failing = { message: "Hi", samplingParams: { maxTokens: 60 } };
    for (let count = 0; count < 3; count++)
      expect((await problemIn(broken.chat(failing))).reason).toMatch(/^UPSTREAM_/);
  });

  it("are given back by a call that there is no room for, so that a smaller one passes", async () => {
    const { chat, owner, apiKeyId } = await limited({ tokensPerMinute: 2_000n });
    const used = async () => (await owner.access.getApiKey({ apiKeyId })).apiKey?.limitStates[0]?.used;
    const long = { ...MODEST, message: "word ".repeat(300) };
    await chat(long);
    const before = await used();
    expect(await problemIn(chat({ ...MODEST, message: "word ".repeat(1_700) }))).toMatchObject({
      reason: "RATE_LIMITED",
      metadata: { limit: "TOKENS_PER_MINUTE" },
    });
    expect(await used()).toBe(before);
    await chat();
  });

  it("are not taken by what is refused, and what can never pass is told at once", async () => {
    const { chat, owner, apiKeyId } = await limited({ tokensPerMinute: 50n });
    const problem = await problemIn(chat({ message: "word ".repeat(500) }));
    expect(problem).toMatchObject({ reason: "INVALID_REQUEST", fields: [{ field: "messages" }] });
    expect(problem.message).toContain("send less");
    const { apiKey } = await owner.access.getApiKey({ apiKeyId });
    expect(apiKey?.limitStates).toMatchObject([{ used: 0n, left: 50n }]);
  });
});

describe("a key without limits", () => {
  /** What the database is asked while a key chats, with the values; other calls may be at their end meanwhile. */
  async function askedBy({ key, llmId }: { key: string; llmId: string }): Promise<string[]> {
    const query = vi.spyOn(server.store.pool, "query");
    await server.client(key).chat.chat({ llmId, ...MODEST });
    const asked = query.mock.calls.map((said: unknown[]) => JSON.stringify(said));
    query.mockRestore();
    return asked;
  }

  it("asks the database for no more than before there were limits: to write its reply down", async () => {
    const free = await limited({});
    const bound = await limited({ requestsPerMinute: 100, tokensPerMinute: 100_000n, parallelCalls: 9, budget: TEN });
    await Promise.all([free.chat(), free.chat(), bound.chat(), bound.chat()]);
    const asked = (await askedBy(free)).filter((said) => said.includes(free.accountId)).join("\n");
    expect(asked).toContain('"add-repl');
    expect(asked).not.toMatch(/holder|rate_limit|reservation/);
    expect((await askedBy(bound)).join("\n"), "the recorder sees what limits ask").toMatch(/take-holder-call/);
  });
});

describe("the limits of a person", () => {
  const tokenFor = async (accountId: string, claims: object = {}) => {
    const now = Math.floor(Date.now() / 1_000);
    return issuer.sign(issuerKey, {
      iss: issuer.url,
      aud: "team",
      sub: `alice@${accountId}`,
      iat: now,
      exp: now + 300,
      patchbay_account: accountId,
      patchbay_role: "MEMBER",
      ...claims,
    });
  };

  it("are the default, unless the token says", async () => {
    const { accountId, llmId } = await limited({});
    const { passed, problem } = await outcomeOf(10, chatting(await tokenFor(accountId), llmId));
    expect(passed).toBe(3);
    expect(problem).toMatchObject({ metadata: { holder: "SUBJECT", holderId: `alice@${accountId}` } });
  });

  it("have a budget that is exact over two servers, shared with keys that they make", async () => {
    const { accountId, llmId } = await limited({});
    const budget = { amountUsd: "0.0003", period: "MONTH" };
    const token = await tokenFor(accountId, { patchbay_limits: { budget } });
    const { passed, problem } = await outcomeOf(20, chatting(token, llmId));
    expect({ passed, problem }).toMatchObject({ passed: 10, problem: { reason: "BUDGET_EXHAUSTED" } });
    const made = await server.client(token).access.createApiKey({ displayName: "hers", role: Role.MEMBER });
    expect(await problemIn(chatting(made.key, llmId)())).toMatchObject({ reason: "BUDGET_EXHAUSTED" });
    expect((await server.client(token).access.getCaller({})).caller).toMatchObject({
      limitStates: [{ holder: 3, limit: 4, leftUsd: "0" }],
      contact: expect.stringMatching(/^the owners of the account /),
    });
  });

  it.each([
    [{ requestPerMinute: 1 }],
    ["60"],
    [{ requestsPerMinute: -1 }],
    [{ budget: { amountUsd: 5, period: "DAY" } }],
  ])("keep a token from being taken when they cannot be read: %j", async (claim) => {
    const { accountId } = await limited({});
    const token = await tokenFor(accountId, { patchbay_limits: claim });
    expect(await problemIn(server.client(token).access.getCaller({}))).toMatchObject({ reason: "API_KEY_REFUSED" });
  });
});
