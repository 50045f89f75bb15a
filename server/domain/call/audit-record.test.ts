import { createHash, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, llmRequest } from "../../test/service/llm-requests.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";
import { verifyChains } from "../access/audit-log.ts";

const KEY = "sk-audit-canary-0123456789";

let upstream: ScriptedUpstream;
let server: TestServer;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url });
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

/** An account with an Llm whose endpoint answers. */
async function begin() {
  const account = await server.addAccount("OWNER");
  const patchbay = server.client(account.apiKey);
  const said = { endpointUrl: `${upstream.url}/v1`, credentials: apiKey(KEY) };
  const { llm } = await patchbay.llms.createLlm(llmRequest(said));
  return { ...account, patchbay, llmId: llm?.llmId ?? "" };
}

const flawOf = async (accountId: string) => {
  for await (const verdict of verifyChains(server.store.rows)) {
    if (verdict.accountId === accountId) return verdict.unstorable ?? "none";
  }
  return "no chain";
};

describe("the audit log", () => {
  it("has every change and every use of a secret, with who did it, and no secret", async () => {
    const { patchbay, accountId, llmId } = await begin();
    await patchbay.llms.updateLlm({ llmId, description: "changed", credentials: apiKey(`${KEY}-new`) });
    await patchbay.llms.setDefaultLlm({ llmId });
    await patchbay.llms.testLlm({ llmId });
    await patchbay.llms.testConnection({ llmId, modelIdentifier: "another" });
    await patchbay.llms.deleteLlm({ llmId });
    const { auditEvents } = await patchbay.audit.listAuditEvents({});
    expect(auditEvents.map(({ action, sequence, facts }) => [Number(sequence), action, facts])).toEqual([
      [6, "llm.delete", {}],
      [5, "llm.test", { purpose: "test", usesSecret: "true" }],
      [4, "llm.test", { purpose: "test", usesSecret: "true" }],
      [3, "llm.setDefault", {}],
      [2, "llm.update", { fields: "description,credentials" }],
      [1, "llm.create", {}],
    ]);
    for (const event of auditEvents) {
      expect(event).toMatchObject({ accountId, actorAccountId: accountId, resourceType: "llm", resourceId: llmId });
      expect(event.actorApiKeyId).toMatch(/^\w{16}$/);
      expect(event.requestId).toMatch(/^[0-9a-f-]{36}$/);
    }
    const stored = await server.store.fork().execute("select record from audit_event");
    expect(JSON.stringify(stored)).not.toContain("canary");
  });

  it("names the actor where an ADMIN acts for an account", async () => {
    const { accountId, llmId } = await begin();
    const admin = server.client(server.adminKey);
    await admin.llms.updateLlm({ llmId, description: "by an ADMIN" });
    const { auditEvents } = await admin.audit.listAuditEvents({ accountId, action: "llm.update" });
    expect(auditEvents).toHaveLength(1);
    expect(auditEvents[0]?.actorAccountId).not.toBe(accountId);
  });

  it("is filtered and paged, and is not a stranger's to read", async () => {
    const { patchbay, accountId, llmId } = await begin();
    for (const description of ["1", "2", "3"]) await patchbay.llms.updateLlm({ llmId, description });
    const asked = { resourceId: llmId, action: "llm.update", pageSize: 2 };
    const first = await patchbay.audit.listAuditEvents(asked);
    const second = await patchbay.audit.listAuditEvents({ ...asked, pageToken: first.nextPageToken });
    const pages = [first, second].map(({ auditEvents }) => auditEvents.map(({ sequence }) => Number(sequence)));
    expect(pages).toEqual([[4, 3], [2]]);
    expect(second.nextPageToken).toBe("");
    expect(await problemIn(patchbay.audit.listAuditEvents({ pageToken: first.nextPageToken }))).toMatchObject({
      reason: "PAGE_TOKEN_INVALID",
    });

    const stranger = await server.addAccount("OWNER");
    const { audit } = server.client(stranger.apiKey);
    expect((await audit.listAuditEvents({ resourceId: llmId })).auditEvents).toEqual([]);
    for (const call of [
      audit.listAuditEvents({ accountId }),
      Array.fromAsync(audit.exportAuditEvents({ accountId })),
    ]) {
      expect(await problemIn(call as Promise<unknown>)).toMatchObject({ reason: "PERMISSION_MISSING" });
    }
  });

  it("is exported with what it takes to verify it", async () => {
    const { patchbay, llmId } = await begin();
    for (const description of ["é", "2"]) await patchbay.llms.updateLlm({ llmId, description });
    let previous = Buffer.alloc(0);
    const events = await Array.fromAsync(patchbay.audit.exportAuditEvents({}));
    for (const { sequence, record, hash } of events) {
      previous = createHash("sha256").update(previous).update(`${sequence}\n${record}`).digest() as Buffer<ArrayBuffer>;
      expect(hash).toBe(previous.toString("hex"));
      expect(JSON.parse(record)).toMatchObject({ resourceId: llmId });
    }
    expect(events).toHaveLength(3);
    expect(await Array.fromAsync(patchbay.audit.exportAuditEvents({ after: 2n }))).toHaveLength(1);
  });

  it("has no gap and no fork when many write at once", async () => {
    const { patchbay, accountId, llmId } = await begin();
    await Promise.all(Array.from({ length: 30 }, (_, n) => patchbay.llms.updateLlm({ llmId, description: String(n) })));
    const { auditEvents } = await patchbay.audit.listAuditEvents({ pageSize: 100 });
    expect(auditEvents.map(({ sequence }) => Number(sequence))).toEqual(Array.from({ length: 31 }, (_, n) => 31 - n));
    expect(await flawOf(accountId)).toBe("none");
  });
});

describe("a chain", () => {
  it.each([
    {
      name: "with a changed record",
      harm: `update audit_event set record = replace(record::text, 'llm.update', 'llm.delete')::json
        where account_id = ? and sequence = 2`,
      unstorable: "event 2 is not what was written, or not in its place",
    },
    {
      name: "without one of its events",
      harm: "delete from audit_event where account_id = ? and sequence = 2",
      unstorable: "event 2 is missing",
    },
    {
      name: "without its last event",
      harm: "delete from audit_event where account_id = ? and sequence = 3",
      unstorable: "event 3 is missing",
    },
    {
      name: "whose end was moved",
      harm: "update audit_chain set sequence = 2 where account_id = ?",
      unstorable: "the last event is not the one that the chain ends with",
    },
  ])("$name is found", async ({ harm, unstorable }) => {
    const { patchbay, accountId, llmId } = await begin();
    for (const description of ["1", "2"]) await patchbay.llms.updateLlm({ llmId, description });
    expect(await flawOf(accountId)).toBe("none");
    await server.store.fork().execute(harm, [accountId]);
    expect(await flawOf(accountId)).toBe(unstorable);
  });
});

describe("when the audit log cannot be written", () => {
  it("nothing is changed and no secret is used", async () => {
    const { patchbay, llmId } = await begin();
    const other = (await patchbay.llms.createLlm(llmRequest())).llm?.llmId ?? "";
    await patchbay.llms.setDefaultLlm({ llmId: other });
    const before = await patchbay.llms.listLlms({});
    const asked = upstream.requests.length;
    const em = server.store.fork();
    await em.execute("alter table audit_event rename to audit_event_away");
    try {
      const newId = randomUUID();
      for (const call of [
        () => patchbay.llms.createLlm(llmRequest({ llmId: newId })),
        () => patchbay.llms.updateLlm({ llmId, description: "never" }),
        () => patchbay.llms.setDefaultLlm({ llmId }),
        () => patchbay.llms.deleteLlm({ llmId }),
        () => patchbay.llms.testLlm({ llmId }),
        () => patchbay.llms.testConnection({ llmId, modelIdentifier: "another" }),
      ]) {
        expect(await problemIn(call())).toMatchObject({ code: "Unavailable", reason: "AUDIT_UNAVAILABLE" });
      }
    } finally {
      await em.execute("alter table audit_event_away rename to audit_event");
    }
    expect(await patchbay.llms.listLlms({})).toEqual(before);
    expect(upstream.requests.length).toBe(asked);
  });
});
