import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ApiKey_Role as Role } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { llmRequest } from "../../test/service/llm-requests.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const admin = () => server.client(server.adminKey);

describe("an account", () => {
  it("is made, found, renamed, listed and deleted by an ADMIN", async () => {
    const { access, audit } = admin();
    const accountId = randomUUID();
    const { account } = await access.createAccount({ accountId, displayName: "the support team" });
    expect(account).toMatchObject({ accountId, displayName: "the support team", defaultLlmId: "" });
    expect(await problemIn(access.createAccount({ accountId, displayName: "again" }))).toMatchObject({
      code: "AlreadyExists",
      reason: "ACCOUNT_ID_TAKEN",
      metadata: { accountId },
    });
    await access.updateAccount({ accountId, displayName: "support" });
    expect((await access.getAccount({ accountId })).account?.displayName).toBe("support");
    const first = await access.listAccounts({ pageSize: 1 });
    const rest = await access.listAccounts({ pageSize: 1_000, pageToken: first.nextPageToken });
    expect(rest.accounts.map((one) => one.accountId)).toContain(accountId);
    await access.deleteAccount({ accountId });
    for (const call of [
      () => access.getAccount({ accountId }),
      () => access.updateAccount({ accountId, displayName: "x" }),
      () => access.deleteAccount({ accountId }),
    ]) {
      expect(await problemIn(call())).toMatchObject({ code: "NotFound", reason: "ACCOUNT_NOT_FOUND" });
    }
    const { auditEvents } = await audit.listAuditEvents({ accountId });
    expect(auditEvents.map(({ action }) => action)).toEqual(["account.delete", "account.update", "account.create"]);
  });

  it("is changed while things are made in it, and neither waits for the other in a circle", async () => {
    const { accountId, apiKey } = await server.addAccount("OWNER");
    const { llms } = server.client(apiKey);
    const calls = Array.from({ length: 40 }, (_, n) => [
      llms.createLlm(llmRequest()),
      admin().access.updateAccount({ accountId, displayName: `name ${n}` }),
    ]);
    await Promise.all(calls.flat());
    expect((await llms.listLlms({ pageSize: 100 })).llms).toHaveLength(40);
  });

  it("is all that its own keys see", async () => {
    const { apiKey, accountId } = await server.addAccount("VIEWER");
    const { access } = server.client(apiKey);
    expect((await access.getAccount({ accountId })).account?.accountId).toBe(accountId);
    expect((await access.listAccounts({})).accounts.map((one) => one.accountId)).toEqual([accountId]);
    const { accountId: foreign } = await server.addAccount("OWNER");
    const problems = [foreign, randomUUID()].map((id) => problemIn(access.getAccount({ accountId: id })));
    expect(await Promise.all(problems)).toMatchObject([
      { reason: "ACCOUNT_NOT_FOUND" },
      { reason: "ACCOUNT_NOT_FOUND" },
    ]);
  });

  it("is not deleted while it owns something, and says what", async () => {
    const { access, llms } = admin();
    const { account } = await access.createAccount({ displayName: "x" });
    const accountId = account?.accountId ?? "";
    const { apiKey } = await access.createApiKey({ accountId, displayName: "x", role: Role.OWNER });
    const { llm } = await llms.createLlm(llmRequest({ ownerId: accountId }));
    expect(await problemIn(access.deleteAccount({ accountId }))).toMatchObject({
      code: "FailedPrecondition",
      reason: "ACCOUNT_IN_USE",
      metadata: { llm: "1", api_key: "1" },
    });
    await access.revokeApiKey({ apiKeyId: apiKey?.apiKeyId ?? "" });
    expect((await problemIn(access.deleteAccount({ accountId }))).metadata).toEqual({ llm: "1" });
    await llms.deleteLlm({ llmId: llm?.llmId ?? "" });
    await access.deleteAccount({ accountId });
    expect(await problemIn(access.getApiKey({ apiKeyId: apiKey?.apiKeyId ?? "" }))).toMatchObject({
      reason: "API_KEY_NOT_FOUND",
    });
  });

  it("that is deleted while an Llm is made for it loses neither", async () => {
    const { access, llms } = admin();
    for (let round = 0; round < 10; round++) {
      const { account } = await access.createAccount({ displayName: "x" });
      const accountId = account?.accountId ?? "";
      const [made, deleted] = await Promise.allSettled([
        llms.createLlm(llmRequest({ ownerId: accountId })),
        access.deleteAccount({ accountId }),
      ]);
      expect([made.status, deleted.status].sort()).toEqual(["fulfilled", "rejected"]);
      const { llms: left } = await llms.listLlms({ ownerId: accountId });
      expect(left).toHaveLength(made.status === "fulfilled" ? 1 : 0);
    }
  });
});
