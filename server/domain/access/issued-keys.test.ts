import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { problemOf } from "../../../client/llm.ts";
import { ApiKey_Role as Role } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { Permission } from "../../../gen/patchbay/v1/permission_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";
import { parseApiKey } from "./api-key-format.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const accessOf = (key: string) => server.client(key).access;
const idOf = (key: string) => parseApiKey(key)?.id ?? "";
const admin = () => accessOf(server.adminKey);

/** Whether a key is taken: `ok`, or the reason why not. */
async function verdictOn(key: string): Promise<string> {
  return accessOf(key)
    .getCaller({})
    .then(
      () => "ok",
      (error) => problemOf(error).reason,
    );
}

describe("making an API key", () => {
  it("shows the whole key once, and never again", async () => {
    const { apiKey } = await server.addAccount("OWNER");
    const access = accessOf(apiKey);
    const made = await access.createApiKey({ displayName: "a teammate's", role: Role.MEMBER });
    expect(parseApiKey(made.key)?.id).toBe(made.apiKey?.apiKeyId);
    expect(await verdictOn(made.key)).toBe("ok");
    const apiKeyId = made.apiKey?.apiKeyId ?? "";
    const secret = made.key.slice(24);
    const later = [await access.getApiKey({ apiKeyId }), await access.listApiKeys({})];
    const stored = await server.store.fork().execute("select * from api_key, audit_event");
    const text = JSON.stringify([later, stored, server.log], (_, value) =>
      typeof value === "bigint" ? String(value) : value,
    );
    expect(text).toContain(apiKeyId);
    expect(text).not.toContain(secret);
  });

  it("keeps to its scopes, and says so", async () => {
    const { apiKey, accountId } = await server.addAccount("OWNER");
    const scopes = [Permission.READ_LLM_OWN];
    const made = await accessOf(apiKey).createApiKey({ displayName: "reader", role: Role.OWNER, scopes });
    expect(made.apiKey).toMatchObject({ role: Role.OWNER, scopes, accountId });
    const reader = server.client(made.key);
    await reader.llms.listLlms({});
    expect((await reader.access.getCaller({})).caller).toMatchObject({
      accountId,
      apiKeyId: made.apiKey?.apiKeyId,
      role: Role.OWNER,
      permissions: scopes,
    });
    expect(await problemIn(reader.access.listApiKeys({}))).toMatchObject({ reason: "PERMISSION_MISSING" });
  });

  it("gives nobody more than they have, nor for longer", async () => {
    const { apiKey, accountId } = await server.addAccount("OWNER");
    const member = accessOf(await server.addKey(accountId, "MEMBER"));
    expect(await problemIn(member.createApiKey({ displayName: "x", role: Role.OWNER }))).toMatchObject({
      code: "PermissionDenied",
      reason: "API_KEY_EXCEEDS_CALLER",
      metadata: { permission: "DELETE_LLM_OWN" },
    });
    const expiresAt = BigInt(Date.now() + 60_000);
    const short = await accessOf(apiKey).createApiKey({ displayName: "x", role: Role.OWNER, expiresAt });
    const shortly = accessOf(short.key);
    const child = await shortly.createApiKey({ displayName: "y", role: Role.OWNER });
    expect(child.apiKey?.expiresAt).toBe(expiresAt);
    const later = { displayName: "z", role: Role.OWNER, expiresAt: expiresAt + 1n };
    for (const call of [
      () => shortly.createApiKey(later),
      () => shortly.updateApiKey({ apiKeyId: idOf(short.key), expiresAt: 0n }),
      () => shortly.rollApiKey({ apiKeyId: idOf(short.key), expiresAt: expiresAt + 1n }),
    ]) {
      expect(await problemIn(call())).toMatchObject({ reason: "API_KEY_EXCEEDS_CALLER" });
    }
  });

  it("is an ADMIN's only, for another account", async () => {
    const { apiKey } = await server.addAccount("OWNER");
    const { accountId } = await server.addAccount("OWNER");
    const asked = { accountId, displayName: "x", role: Role.VIEWER };
    expect(await problemIn(accessOf(apiKey).createApiKey(asked))).toMatchObject({
      metadata: { permission: "CREATE_API_KEY_ANY" },
    });
    const made = await admin().createApiKey(asked);
    expect((await accessOf(made.key).getCaller({})).caller?.accountId).toBe(accountId);
  });

  it.each([
    { name: "a scope that its role has not", said: { scopes: [Permission.READ_LLM_ANY] }, field: "scopes" },
    { name: "an end that has passed", said: { expiresAt: 1n }, field: "expiresAt" },
    { name: "an account that is not there", said: { accountId: randomUUID() }, field: "accountId" },
    { name: "no name", said: { displayName: "" }, field: "displayName" },
    { name: "no role", said: { role: Role.ROLE_UNSPECIFIED }, field: "role" },
  ])("is refused with $name", async ({ said, field }) => {
    const problem = await problemIn(admin().createApiKey({ displayName: "x", role: Role.OWNER, ...said }));
    expect(problem).toMatchObject({ reason: "INVALID_REQUEST", fields: [{ field }] });
  });
});

describe("rolling an API key", () => {
  it("leaves both working for the overlap, and then the new one", async () => {
    const { apiKey, accountId } = await server.addAccount("OWNER");
    const old = await accessOf(apiKey).createApiKey({
      displayName: "x",
      role: Role.MEMBER,
      scopes: [Permission.USE_LLM_OWN],
    });
    const apiKeyId = old.apiKey?.apiKeyId ?? "";
    const before = Date.now();
    const rolled = await accessOf(apiKey).rollApiKey({ apiKeyId, overlapSeconds: 1 });
    expect(rolled.apiKey).toMatchObject({
      accountId,
      role: Role.MEMBER,
      scopes: [Permission.USE_LLM_OWN],
      expiresAt: 0n,
    });
    expect(Number(rolled.rolled?.expiresAt) - before).toBeGreaterThanOrEqual(1_000);
    expect([await verdictOn(old.key), await verdictOn(rolled.key)]).toEqual(["ok", "ok"]);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect([await verdictOn(old.key), await verdictOn(rolled.key)]).toEqual(["API_KEY_REFUSED", "ok"]);
    expect(await problemIn(accessOf(apiKey).rollApiKey({ apiKeyId }))).toMatchObject({ reason: "API_KEY_ENDED" });
  });

  it("ends it at once without an overlap, and never later than it would have ended", async () => {
    const { apiKey } = await server.addAccount("OWNER");
    const access = accessOf(apiKey);
    const rolled = await access.rollApiKey({ apiKeyId: idOf(apiKey), overlapSeconds: 0 });
    expect([await verdictOn(apiKey), await verdictOn(rolled.key)]).toEqual(["API_KEY_REFUSED", "ok"]);
    const expiresAt = BigInt(Date.now() + 60_000);
    const owner = accessOf(rolled.key);
    const short = await owner.createApiKey({ displayName: "x", role: Role.VIEWER, expiresAt });
    const again = await owner.rollApiKey({ apiKeyId: short.apiKey?.apiKeyId ?? "", overlapSeconds: 3_600 });
    expect([again.rolled?.expiresAt, again.apiKey?.expiresAt]).toEqual([expiresAt, expiresAt]);
  });

  it("of one that may do more is refused, as are its change and its end", async () => {
    const { apiKey, accountId } = await server.addAccount("ADMIN");
    const owner = accessOf(await server.addKey(accountId, "OWNER"));
    const apiKeyId = idOf(apiKey);
    for (const call of [
      () => owner.rollApiKey({ apiKeyId }),
      () => owner.updateApiKey({ apiKeyId, displayName: "mine now" }),
      () => owner.revokeApiKey({ apiKeyId }),
    ]) {
      expect(await problemIn(call())).toMatchObject({ reason: "API_KEY_EXCEEDS_CALLER" });
    }
    expect(await verdictOn(apiKey)).toBe("ok");
  });
});

describe("revoking an API key", () => {
  it("works from the next call on, for ever, and twice", async () => {
    const { apiKey } = await server.addAccount("OWNER");
    const access = accessOf(apiKey);
    const { key } = await access.createApiKey({ displayName: "x", role: Role.VIEWER });
    const apiKeyId = idOf(key);
    expect(await verdictOn(key)).toBe("ok");
    const first = await access.revokeApiKey({ apiKeyId });
    expect(await verdictOn(key)).toBe("API_KEY_REFUSED");
    expect(await access.revokeApiKey({ apiKeyId })).toEqual(first);
    expect(await problemIn(access.updateApiKey({ apiKeyId, expiresAt: 0n }))).toMatchObject({
      reason: "API_KEY_ENDED",
    });
    const listed = async (showEnded: boolean) =>
      (await access.listApiKeys({ showEnded })).apiKeys.map((one) => one.apiKeyId);
    expect(await listed(false)).toEqual([idOf(apiKey)]);
    expect(await listed(true)).toEqual([idOf(apiKey), apiKeyId]);
  });

  it("writes down who did what", async () => {
    const { apiKey } = await server.addAccount("OWNER");
    const { access, audit } = server.client(apiKey);
    const { key } = await access.createApiKey({ displayName: "x", role: Role.VIEWER });
    const rolled = await access.rollApiKey({ apiKeyId: idOf(key) });
    await access.updateApiKey({ apiKeyId: idOf(rolled.key), displayName: "y" });
    await access.revokeApiKey({ apiKeyId: idOf(rolled.key) });
    const { auditEvents } = await audit.listAuditEvents({ resourceType: "apiKey" });
    expect(auditEvents.map(({ action, resourceId, facts }) => ({ action, resourceId, facts }))).toEqual([
      { action: "apiKey.revoke", resourceId: idOf(rolled.key), facts: {} },
      { action: "apiKey.update", resourceId: idOf(rolled.key), facts: { fields: "displayName" } },
      { action: "apiKey.roll", resourceId: idOf(key), facts: { newApiKeyId: idOf(rolled.key) } },
      { action: "apiKey.create", resourceId: idOf(key), facts: { role: "VIEWER" } },
    ]);
    expect(auditEvents[0]).toMatchObject({ actorApiKeyId: idOf(apiKey), actorSubject: "" });
  });
});

describe("the last ADMIN key that never expires", () => {
  it("is not taken away, whatever way is tried", async () => {
    const own = await startServer();
    try {
      const { access } = own.client(own.adminKey);
      const apiKeyId = idOf(own.adminKey);
      // Neither of these stands in for it.
      const scopes = [Permission.READ_LLM_ANY];
      await access.createApiKey({ displayName: "scoped", role: Role.ADMIN, scopes });
      const soon = BigInt(Date.now() + 60_000);
      await access.createApiKey({ displayName: "short", role: Role.ADMIN, expiresAt: soon });
      for (const call of [
        () => access.revokeApiKey({ apiKeyId }),
        () => access.updateApiKey({ apiKeyId, expiresAt: soon }),
        () => access.rollApiKey({ apiKeyId, expiresAt: soon }),
      ]) {
        expect(await problemIn(call())).toMatchObject({
          code: "FailedPrecondition",
          reason: "LAST_ADMIN_KEY",
        });
      }
      const { key } = await access.rollApiKey({ apiKeyId, overlapSeconds: 0 });
      expect((await own.client(key).access.getCaller({})).caller?.role).toBe(Role.ADMIN);
    } finally {
      await own.stop();
    }
  });

  it("is left over when all are revoked at once", async () => {
    const own = await startServer();
    try {
      const { access } = own.client(own.adminKey);
      const keys = await Promise.all(
        Array.from({ length: 8 }, (_, n) => access.createApiKey({ displayName: String(n), role: Role.ADMIN })),
      );
      const ids = [idOf(own.adminKey), ...keys.map(({ key }) => idOf(key))];
      const reasons = await Promise.all(
        ids.map((apiKeyId, n) => {
          const by = own.client(keys[n % keys.length]?.key ?? "").access;
          return by.revokeApiKey({ apiKeyId }).then(
            () => "revoked",
            (error) => problemOf(error).reason,
          );
        }),
      );
      const [row] = await own.store
        .fork()
        .execute("select count(*)::int as count from api_key where revoked_at is null and role = 'ADMIN'");
      expect(row?.count).toBeGreaterThanOrEqual(1);
      expect(reasons.filter((reason) => reason === "revoked")).toHaveLength(9 - row?.count);
    } finally {
      await own.stop();
    }
  });
});

describe("when a key was last used", () => {
  it("is told, give or take a minute, and written once for many calls", async () => {
    const { apiKey } = await server.addAccount("OWNER");
    const access = accessOf(apiKey);
    const before = Date.now();
    for (let n = 0; n < 20; n++) await access.getCaller({});
    let lastUsedAt = 0n;
    while (lastUsedAt === 0n) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      lastUsedAt = (await access.getApiKey({ apiKeyId: idOf(apiKey) })).apiKey?.lastUsedAt ?? 0n;
    }
    expect(Math.abs(Number(lastUsedAt) - before)).toBeLessThan(10_000);
    const em = server.store.fork();
    const sql = "select xmin::text as version from api_key_use where api_key_id = ?";
    const versions = async () => (await em.execute(sql, [idOf(apiKey)]))[0]?.version;
    const version = await versions();
    for (let n = 0; n < 20; n++) await access.getCaller({});
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    expect(await versions()).toBe(version);
  });

  it("is written when the server stops", async () => {
    const own = await startServer();
    await own.client(own.adminKey).access.getCaller({});
    const { database } = own;
    const { Client } = await import("pg");
    const client = new Client(database.address);
    await client.connect();
    const drop = own.database.drop;
    Object.assign(own.database, { drop: async () => {} });
    await own.stop();
    const { rows } = await client.query("select api_key_id from api_key_use");
    await client.end();
    await drop();
    expect(rows).toEqual([{ api_key_id: idOf(own.adminKey) }]);
  });
});
