import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ApiKey_Role as Role } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { Budget_Period as Period } from "../../../gen/patchbay/v1/budget_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { SURFACES } from "../../test/surfaces.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";
import { importProblem } from "./api-key-format.ts";
import { isGuessable } from "./guessable.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const accessOf = (key: string) => server.client(key).access;
const LIMITS = {
  requestsPerMinute: 60,
  tokensPerMinute: 10_000n,
  parallelCalls: 4,
  budget: { amountUsd: "25", period: Period.MONTH },
};

/** A key with limits, and the access of its holder. */
async function limited(limits: object = LIMITS, role: Role = Role.OWNER) {
  const { apiKey, accountId } = await server.addAccount("OWNER");
  const made = await accessOf(apiKey).createApiKey({ displayName: "limited", role, limits });
  return {
    owner: accessOf(apiKey),
    holder: accessOf(made.key),
    made,
    apiKeyId: made.apiKey?.apiKeyId ?? "",
    accountId,
  };
}

describe("limits of an API key", () => {
  it("are shown as they were set, wherever the key is", async () => {
    const { owner, made, apiKeyId } = await limited();
    const stored = { ...LIMITS, budget: { ...LIMITS.budget, amount: 25_000_000_000_000n } };
    expect(made.apiKey?.limits).toMatchObject(stored);
    expect((await owner.getApiKey({ apiKeyId })).apiKey?.limits).toMatchObject(stored);
    const { apiKeys } = await owner.listApiKeys({});
    expect(apiKeys.find((key) => key.apiKeyId === apiKeyId)?.limits).toMatchObject(stored);
    expect(apiKeys.find((key) => key.apiKeyId !== apiKeyId)?.limits).toBeUndefined();
  });

  it("change as one, and go away when they are empty", async () => {
    const { owner, apiKeyId } = await limited();
    const changed = await owner.updateApiKey({ apiKeyId, limits: { parallelCalls: 2 } });
    expect(changed.apiKey?.limits).toMatchObject({ parallelCalls: 2, requestsPerMinute: 0 });
    expect(changed.apiKey?.limits?.budget).toBeUndefined();
    const renamed = await owner.updateApiKey({ apiKeyId, displayName: "other" });
    expect(renamed.apiKey?.limits, "what is not said stays").toMatchObject({ parallelCalls: 2 });
    expect((await owner.updateApiKey({ apiKeyId, limits: {} })).apiKey?.limits).toBeUndefined();
  });

  it("tell what is used of them, to their holder too", async () => {
    const { owner, holder, apiKeyId } = await limited({ requestsPerMinute: 60, budget: LIMITS.budget });
    const states = [
      { holder: 1, holderId: apiKeyId, limit: 1, allowed: 60n, used: 0n, left: 60n, resetsAt: 0n, isNear: false },
      { holder: 1, holderId: apiKeyId, limit: 4, allowedUsd: "25", usedUsd: "0", leftUsd: "25", isNear: false },
    ];
    expect((await owner.getApiKey({ apiKeyId })).apiKey?.limitStates).toMatchObject(states);
    const { caller } = await holder.getCaller({});
    expect(caller?.limitStates).toMatchObject(states);
    expect(Number(caller?.limitStates[1]?.resetsAt), "a month begins").toBeGreaterThan(Date.now());
    expect((await owner.getCaller({})).caller?.limitStates).toEqual([]);
  });

  it("go on with a key that it is rolled into, and what is used of them", async () => {
    const { owner, apiKeyId } = await limited();
    const rolled = await owner.rollApiKey({ apiKeyId });
    expect(rolled.apiKey?.limits).toMatchObject({ requestsPerMinute: 60 });
    await owner.updateApiKey({ apiKeyId: rolled.apiKey?.apiKeyId ?? "", limits: { requestsPerMinute: 7 } });
    expect((await owner.getApiKey({ apiKeyId })).apiKey?.limits).toMatchObject({ requestsPerMinute: 7 });
  });

  it.each([
    ["limits.requestsPerMinute", { requestsPerMinute: -1 }],
    ["limits.tokensPerMinute", { tokensPerMinute: -1n }],
    ["limits.parallelCalls", { parallelCalls: 1_001 }],
    ["limits.budget.period", { budget: { amountUsd: "25" } }],
    ["limits.budget.amountUsd", { budget: { amountUsd: "a lot", period: Period.DAY } }],
    ["limits.budget.amount", { budget: { amount: 25n, period: Period.DAY } }],
    ["limits.allowedModels[0]", { allowedModels: [""] }],
  ])("are refused by the name of the field: %s", async (field, limits) => {
    const { apiKey } = await server.addAccount("OWNER");
    const made = accessOf(apiKey).createApiKey({ displayName: "x", role: Role.MEMBER, limits });
    const problem = await problemIn(made);
    expect(problem).toMatchObject({ reason: "INVALID_REQUEST" });
    expect(JSON.stringify(problem.fields)).toContain(field);
  });
});

describe("a key that is made with a limited one", () => {
  it.each([
    ["requests_per_minute", { requestsPerMinute: 61 }],
    ["tokens_per_minute", { tokensPerMinute: 10_001n }],
    ["parallel_calls", { parallelCalls: 5 }],
    ["budget", { budget: { amountUsd: "25.01", period: Period.MONTH } }],
    ["budget", { budget: { amountUsd: "26", period: Period.DAY } }],
  ])("is refused when its %s are wider", async (limit, limits) => {
    const { holder } = await limited();
    const made = holder.createApiKey({ displayName: "wider", role: Role.MEMBER, limits });
    expect(await problemIn(made)).toMatchObject({ reason: "API_KEY_EXCEEDS_CALLER", metadata: { limit } });
  });

  it("has the limits of its maker beside its own", async () => {
    const { holder, apiKeyId } = await limited();
    const made = await holder.createApiKey({
      displayName: "narrower",
      role: Role.MEMBER,
      limits: { requestsPerMinute: 5, budget: { amountUsd: "100", period: Period.TOTAL } },
    });
    const { caller } = await accessOf(made.key).getCaller({});
    const told = caller?.limitStates.map(({ holderId, limit, allowed }) => [holderId === apiKeyId, limit, allowed]);
    expect(told).toEqual([
      [false, 1, 5n],
      [false, 4, 100_000_000_000_000n],
      [true, 1, 60n],
      [true, 2, 10_000n],
      [true, 3, 4n],
      [true, 4, 25_000_000_000_000n],
    ]);
  });

  it("does not change the limits that hold for its maker, nor a key outside of them", async () => {
    const { owner, holder, apiKeyId } = await limited();
    const free = await owner.createApiKey({ displayName: "free", role: Role.MEMBER });
    const freeId = free.apiKey?.apiKeyId ?? "";
    for (const call of [
      () => holder.updateApiKey({ apiKeyId, limits: {} }),
      () => holder.updateApiKey({ apiKeyId, limits: { requestsPerMinute: 1 } }),
      () => holder.rollApiKey({ apiKeyId: freeId }),
      () => holder.updateApiKey({ apiKeyId: freeId, displayName: "mine" }),
      () => holder.revokeApiKey({ apiKeyId: freeId }),
    ]) {
      expect(await problemIn(call())).toMatchObject({ reason: "API_KEY_EXCEEDS_CALLER" });
    }
    const own = await holder.rollApiKey({ apiKeyId });
    expect(own.apiKey?.limits, "to roll one's own gives nothing more").toMatchObject({ requestsPerMinute: 60 });
  });

  it("makes no other one, once limits lie five deep", async () => {
    let { holder } = await limited({ requestsPerMinute: 10 }, Role.MEMBER);
    for (let depth = 2; depth <= 5; depth++) {
      const made = await holder.createApiKey({ displayName: `${depth}`, role: Role.MEMBER });
      holder = accessOf(made.key);
    }
    expect((await holder.getCaller({})).caller?.limitStates, "the first one's").toHaveLength(1);
    expect(await problemIn(holder.createApiKey({ displayName: "6", role: Role.MEMBER }))).toMatchObject({
      reason: "API_KEY_EXCEEDS_CALLER",
    });
  });
});

describe("limits of an account", () => {
  it("are an ADMIN's to set, and hold for its keys", async () => {
    const { apiKey, accountId } = await server.addAccount("OWNER");
    const admin = accessOf(server.adminKey);
    const said = { accountId, contact: "#ai-platform", limits: { requestsPerMinute: 100 } };
    expect((await admin.updateAccount(said)).account).toMatchObject(said);
    const { account } = await accessOf(apiKey).getAccount({ accountId });
    expect(account).toMatchObject(said);
    expect(account?.limitStates).toMatchObject([{ holder: 2, holderId: accountId, limit: 1, allowed: 100n }]);
    expect((await accessOf(apiKey).getCaller({})).caller?.limitStates).toHaveLength(1);
    expect(await problemIn(accessOf(apiKey).updateAccount(said))).toMatchObject({ reason: "PERMISSION_MISSING" });
  });

  it("keep no account from being deleted", async () => {
    const admin = accessOf(server.adminKey);
    const limits = { budget: LIMITS.budget };
    const { account } = await admin.createAccount({ displayName: "short", limits });
    const accountId = account?.accountId ?? "";
    const made = await admin.createApiKey({ accountId, displayName: "x", role: Role.MEMBER, limits });
    await admin.revokeApiKey({ apiKeyId: made.apiKey?.apiKeyId ?? "" });
    await admin.deleteAccount({ accountId });
    expect(await problemIn(admin.getAccount({ accountId }))).toMatchObject({ reason: "ACCOUNT_NOT_FOUND" });
  });
});

describe("a secret that is brought along", () => {
  const secret = () => `sk-${randomBytes(18).toString("base64url")}`;
  const bring = (importedSecret: string, accountId: string) =>
    accessOf(server.adminKey).createApiKey({ accountId, displayName: "old", role: Role.MEMBER, importedSecret });

  it("works as a key in any header and on every surface, and is in no answer, row or line of the log", async () => {
    const { accountId } = await server.addAccount("OWNER");
    const old = secret();
    const made = await bring(old, accountId);
    expect(made).toMatchObject({ key: "", apiKey: { isImported: true } });
    const get = async (path: string, headers: Record<string, string>) =>
      (await fetch(`${server.url}${path}`, { headers })).status;
    expect(await get("/v1/caller", { authorization: `Bearer ${old}` })).toBe(200);
    expect(await get("/v1/caller", { "x-api-key": old })).toBe(200);
    expect(await get("/v1/models", { authorization: `Bearer ${old}` })).toBe(200);
    expect(await get("/v1/models", { "x-api-key": old, "anthropic-version": "2023-06-01" })).toBe(200);
    for (const surface of SURFACES) {
      const { patchbay, close } = surface.open(server.url, old);
      const { caller } = await patchbay.access.getCaller({});
      expect(caller, surface.name).toMatchObject({ apiKeyId: made.apiKey?.apiKeyId, accountId });
      close();
    }
    await get("/v1/caller?page_size=x", { authorization: `Bearer ${old}` });
    const em = server.store.fork();
    const rows = await em.execute(
      "select to_jsonb(api_key) as k, to_jsonb(audit_event) as e from api_key, audit_event",
    );
    const shown = [
      rows,
      await accessOf(server.adminKey).listApiKeys({ accountId }),
      await accessOf(server.adminKey).getApiKey({ apiKeyId: made.apiKey?.apiKeyId ?? "" }),
      server.log,
    ];
    const text = JSON.stringify(shown, (_, value) => (typeof value === "bigint" ? String(value) : value));
    expect(text).toContain(made.apiKey?.apiKeyId);
    expect(text).not.toContain(old);
    expect(text).not.toContain(Buffer.from(old).toString("base64"));
  });

  it("is one key's alone, whoever's", async () => {
    const [one, two] = [await server.addAccount("OWNER"), await server.addAccount("OWNER")];
    const old = secret();
    await bring(old, one.accountId);
    const problem = await problemIn(bring(old, two.accountId));
    expect(problem).toMatchObject({ code: "AlreadyExists", reason: "API_KEY_SECRET_TAKEN" });
    expect(JSON.stringify(problem)).not.toContain(old);
  });

  it("is an operator's to bring", async () => {
    const { apiKey } = await server.addAccount("OWNER");
    const made = accessOf(apiKey).createApiKey({ displayName: "x", role: Role.MEMBER, importedSecret: secret() });
    expect(await problemIn(made)).toMatchObject({
      reason: "PERMISSION_MISSING",
      metadata: { permission: "CREATE_API_KEY_ANY" },
    });
  });

  it("is revoked and rolled as any other key", async () => {
    const { accountId } = await server.addAccount("OWNER");
    const old = secret();
    const { apiKey } = await bring(old, accountId);
    const apiKeyId = apiKey?.apiKeyId ?? "";
    const rolled = await accessOf(server.adminKey).rollApiKey({ apiKeyId });
    expect(rolled.key, "what comes after it is a key of ours").toMatch(/^pb_live_/);
    expect(rolled.apiKey?.isImported).toBe(false);
    await accessOf(server.adminKey).revokeApiKey({ apiKeyId });
    expect(await problemIn(accessOf(old).getCaller({}))).toMatchObject({ reason: "API_KEY_REFUSED" });
  });

  it("is known to servers that were asked for it before", async () => {
    const other = await server.startAnother();
    try {
      const { accountId } = await server.addAccount("OWNER");
      const old = secret();
      const ask = async () => (await fetch(`${other.url}/v1/caller`, { headers: { "x-api-key": old } })).status;
      expect(await ask()).toBe(401);
      await bring(old, accountId);
      await expect.poll(ask).toBe(200);
    } finally {
      await other.stop();
    }
  });

  it.each([
    ["too short", "sk-0123456789abcde", "20 to 256"],
    ["spaces", "sk-0123456789 abcdefghij", "20 to 256"],
    ["a key of ours", `pb_live_${"x1Y2z3W4v5".repeat(4)}`, "pb_"],
    ["a token", "eyJhbGciOiJSUzI1.eyJzdWIiOiJhbGlj.c2lnbmF0dXJl", "token"],
  ])("is refused for %s", (_, text, advice) => {
    expect(importProblem(text)).toContain(advice);
  });

  it.each([
    ...["abababababababababababab", "passwordpassword12345678", "correcthorsebatterystaple", "sk-12345678901234567890"],
    ...["qwertyuiopasdfghjkl1234567890", "MyCompanySecretKey2024!", "letmeinletmeinletmein1234"],
  ])("can not be guessed, as %s can", async (text) => {
    expect(await isGuessable(text)).toBe(true);
  });

  it("is taken as other gateways make it", async () => {
    const made = [
      ...[12, 16, 24, 48, 128].map((count) => `sk-${randomBytes(count).toString("base64url")}`),
      ...[`sk-or-v1-${randomBytes(32).toString("hex")}`, randomUUID(), randomBytes(16).toString("base64")],
    ];
    for (const text of made) expect(await isGuessable(text), text).toBe(false);
  });

  it("is refused in words that say what would be right", async () => {
    const { accountId } = await server.addAccount("OWNER");
    const short = await problemIn(bring("sk-1234", accountId));
    expect(short).toMatchObject({ reason: "INVALID_REQUEST", fields: [{ field: "importedSecret" }] });
    expect(short.message).toContain("must have 20 to 256 characters, all of them printable and ASCII, and no spaces");
    expect(short.message).not.toMatch(/[$^[]/);
    const weak = await problemIn(bring("passwordpassword12345678", accountId));
    expect(weak).toMatchObject({ reason: "INVALID_REQUEST", fields: [{ field: "importedSecret" }] });
    expect(weak.message).toContain("can be guessed");
  });
});
