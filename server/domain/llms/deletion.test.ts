import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, llmRequest } from "../../test/service/llm-requests.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";
import { purgeLlms } from "./deletion.ts";

const DAY_MS = 86_400_000;
const SECRET = "sk-deleted-canary-0123456789";

let server: TestServer;
let accountId: string;
let patchbay: Patchbay;
let llms: Patchbay["llms"];
beforeAll(async () => {
  server = await startServer();
  const account = await server.addAccount("OWNER");
  accountId = account.accountId;
  patchbay = server.client(account.apiKey);
  llms = patchbay.llms;
});
afterAll(() => server.stop());

const execute = <Row>(query: string, values: unknown[] = []) => server.store.fork().execute<Row[]>(query, values);

async function create(said = {}) {
  const { llm } = await llms.createLlm(llmRequest(said));
  if (!llm) throw new Error("nothing was created");
  return llm;
}

async function createDeleted(said = {}, daysAgo = 0) {
  const llm = await create(said);
  await llms.deleteLlm({ llmId: llm.llmId });
  await execute("update llm set deleted_at = deleted_at - ? * interval '1 day' where id = ?", [daysAgo, llm.llmId]);
  return llm;
}

const purge = () => purgeLlms(server.store.fork());
const actionsOn = async (llmId: string) => {
  const { auditEvents } = await patchbay.audit.listAuditEvents({ resourceId: llmId });
  return auditEvents.map(({ action }) => action).toReversed();
};

describe("a deleted Llm", () => {
  it("is out of the way of everything", async () => {
    const { llmId, displayName, ...rest } = await createDeleted();
    for (const call of [
      () => llms.getLlm({ llmId }),
      () => llms.batchGetLlms({ llmIds: [llmId] }),
      () => llms.updateLlm({ llmId, description: "x" }),
      () => llms.setDefaultLlm({ llmId }),
      () => llms.deleteLlm({ llmId }),
      () => llms.testLlm({ llmId }),
      () => llms.testConnection({ llmId }),
      () => patchbay.chat.chat({ llmId, message: "Hi" }),
    ]) {
      expect(await problemIn(call())).toMatchObject({ code: "NotFound", reason: "LLM_NOT_FOUND" });
    }
    const listed = await llms.listLlms({ search: displayName, includeTotalSize: true });
    expect(listed).toMatchObject({ llms: [], totalSize: 0 });
    // Its connection is free again, its id is not.
    const problem = await problemIn(llms.createLlm(llmRequest({ llmId })));
    expect(problem).toMatchObject({ reason: "LLM_ID_TAKEN", metadata: { llmId, deleted: "true" } });
    expect((await create({ endpointUrl: rest.endpointUrl })).endpointUrl).toBe(rest.endpointUrl);
  });

  it("takes the default with it, and does not bring it back", async () => {
    const { llmId } = await create();
    await llms.setDefaultLlm({ llmId });
    await llms.deleteLlm({ llmId });
    expect(await problemIn(patchbay.chat.chat({ message: "Hi" }))).toMatchObject({ reason: "DEFAULT_LLM_NOT_SET" });
    expect((await llms.undeleteLlm({ llmId })).llm?.isDefault).toBe(false);
    expect(await problemIn(patchbay.chat.chat({ message: "Hi" }))).toMatchObject({ reason: "DEFAULT_LLM_NOT_SET" });
  });

  it("is shown to those who may delete, and to nobody else", async () => {
    const { llmId, displayName } = await createDeleted();
    const { llm } = await llms.getLlm({ llmId, showDeleted: true });
    expect(Number(llm?.deletedAt)).toBeGreaterThan(Date.now() - 60_000);
    expect(Number(llm?.purgeAt)).toBe(Number(llm?.deletedAt) + 30 * DAY_MS);
    const shown = await llms.listLlms({ search: displayName, showDeleted: true });
    expect(shown.llms.map((each) => each.llmId)).toContain(llmId);

    const member = server.client(await server.addKey(accountId, "MEMBER")).llms;
    for (const call of [
      () => member.getLlm({ llmId, showDeleted: true }),
      () => member.listLlms({ showDeleted: true }),
      () => member.undeleteLlm({ llmId }),
    ]) {
      expect(await problemIn(call())).toMatchObject({
        code: "PermissionDenied",
        reason: "PERMISSION_MISSING",
        metadata: { permission: "DELETE_LLM_OWN" },
      });
    }
    const stranger = server.client((await server.addAccount("OWNER")).apiKey).llms;
    for (const call of [() => stranger.getLlm({ llmId, showDeleted: true }), () => stranger.undeleteLlm({ llmId })]) {
      expect(await problemIn(call())).toMatchObject({ reason: "LLM_NOT_FOUND" });
    }
    expect((await stranger.listLlms({ showDeleted: true })).llms).toEqual([]);
    const admin = server.client(server.adminKey).llms;
    expect((await admin.getLlm({ llmId, showDeleted: true })).llm?.llmId).toBe(llmId);
  });

  it("does not lend its page tokens to a list without it", async () => {
    const { nextPageToken } = await llms.listLlms({ pageSize: 1, showDeleted: true });
    expect(await problemIn(llms.listLlms({ pageSize: 1, pageToken: nextPageToken }))).toMatchObject({
      reason: "PAGE_TOKEN_INVALID",
    });
  });
});

describe("undeleting", () => {
  it("brings it back as it was", async () => {
    const before = await create({ credentials: apiKey(SECRET), labels: { a: "b" } });
    await llms.deleteLlm({ llmId: before.llmId });
    expect(await problemIn(llms.undeleteLlm({ llmId: before.llmId, etag: before.etag }))).toMatchObject({
      reason: "ETAG_MISMATCH",
    });
    const { llm } = await llms.undeleteLlm({ llmId: before.llmId });
    expect(llm).toEqual({ ...before, etag: "r3" });
    expect((await llms.getLlm({ llmId: before.llmId })).llm).toEqual(llm);
    expect(await actionsOn(before.llmId)).toEqual(["llm.create", "llm.delete", "llm.undelete"]);
    expect(await problemIn(llms.undeleteLlm({ llmId: before.llmId }))).toMatchObject({ reason: "LLM_NOT_FOUND" });
  });

  it("is refused when its connection was registered anew", async () => {
    const { llmId, endpointUrl } = await createDeleted();
    const anew = await create({ endpointUrl });
    for (const requestId of ["", randomUUID()]) {
      expect(await problemIn(llms.undeleteLlm({ llmId, requestId }))).toMatchObject({
        code: "AlreadyExists",
        reason: "LLM_DUPLICATE",
        metadata: { llmId: anew.llmId },
      });
    }
    await llms.deleteLlm({ llmId: anew.llmId });
    expect((await llms.undeleteLlm({ llmId })).llm?.llmId).toBe(llmId);
  });

  it("is possible for 30 days", async () => {
    const [late, inTime] = [await createDeleted({}, 30.001), await createDeleted({}, 29.99)];
    expect(await problemIn(llms.undeleteLlm({ llmId: late.llmId }))).toMatchObject({ reason: "LLM_NOT_FOUND" });
    expect((await llms.undeleteLlm({ llmId: inTime.llmId })).llm?.llmId).toBe(inTime.llmId);
  });

  it("leaves one of both when it races with a deletion and with a new registration", async () => {
    const { llmId, endpointUrl } = await createDeleted();
    const outcomes = await Promise.allSettled([
      llms.undeleteLlm({ llmId }),
      llms.createLlm(llmRequest({ endpointUrl })),
    ]);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });
});

describe("purging", () => {
  it("erases row and credentials for good after 30 days, and says that the server did it", async () => {
    const { llmId } = await createDeleted({ credentials: apiKey(SECRET) }, 30.001);
    const kept = await createDeleted({ credentials: apiKey(SECRET) }, 29.99);
    const alive = await create();
    await purge();
    expect(await execute("select id from llm where id = ?", [llmId])).toEqual([]);
    expect((await llms.undeleteLlm({ llmId: kept.llmId })).llm?.hasCredentials).toBe(true);
    expect((await llms.getLlm({ llmId: alive.llmId })).llm?.llmId).toBe(alive.llmId);
    expect(await actionsOn(llmId)).toEqual(["llm.create", "llm.delete", "llm.purge"]);
    const { auditEvents } = await patchbay.audit.listAuditEvents({ resourceId: llmId, action: "llm.purge" });
    expect(auditEvents[0]).toMatchObject({ accountId, actorAccountId: "", actorApiKeyId: "" });
    expect((await create({ llmId })).llmId).toBe(llmId);
  });

  it("is done once, in pieces, by servers that do it at once", async () => {
    await purge();
    const ids: string[] = [];
    for (const _ of Array(8).keys()) {
      const own = server.client((await server.addAccount("OWNER")).apiKey).llms;
      const made = await Promise.all(Array.from({ length: 15 }, () => own.createLlm(llmRequest())));
      for (const { llm } of made) ids.push(llm?.llmId ?? "");
    }
    await execute(
      `update llm set deleted_at = now() - random() * interval '1 day' - interval '31 days' where id in (${ids.map(() => "?").join(",")})`,
      ids,
    );
    let purged = 0;
    for (let pieces = [1]; pieces.some((piece) => piece > 0); ) {
      pieces = await Promise.all(Array.from({ length: 4 }, purge));
      expect(Math.max(...pieces)).toBeLessThanOrEqual(50);
      purged += pieces.reduce((sum, piece) => sum + piece, 0);
    }
    expect(purged).toBe(ids.length);
    const deeds = await execute("select resource_id from audit_event where action = 'llm.purge'");
    expect(deeds.length).toBeGreaterThanOrEqual(ids.length);
    const told = await execute<{ n: string }>(
      "select resource_id, count(*) as n from change where kind = 'purged' group by 1",
    );
    expect(told.every(({ n }) => n === "1")).toBe(true);
  });
});
