import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { createConnectRouter } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { ApiKey_Role } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { AuditService } from "../../../gen/patchbay/v1/audit_service_pb.ts";
import { Budget_Mode, Budget_Period } from "../../../gen/patchbay/v1/budget_pb.ts";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { CreateLlmRequestSchema, LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, llmRequest } from "../../test/service/llm-requests.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";
import { withMutations, withoutSecrets } from "./mutations.ts";

const SECRET = "sk-mutation-canary-0123456789";

let server: TestServer;
let llms: Patchbay["llms"];
beforeAll(async () => {
  server = await startServer();
  llms = server.client((await server.addAccount("OWNER")).apiKey).llms;
});
afterAll(() => server.stop());

const rows = async <Row>(query: string, values: unknown[] = []) => server.store.fork().execute<Row[]>(query, values);

/** How many rows each table of the database has, but what is noted from time to time: when keys were used. */
async function countRows(): Promise<Record<string, number>> {
  const tables = await rows<{ name: string }>(
    `select relname as name from pg_class
      where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace
        and relname <> 'api_key_use'`,
  );
  const counts = tables.map(async ({ name }) => [
    name,
    (await rows<{ n: string }>(`select count(*) as n from ${name}`))[0]?.n,
  ]);
  return Object.fromEntries(await Promise.all(counts));
}

const idOf = (answer: { llm?: { llmId: string } | undefined } | undefined) => answer?.llm?.llmId ?? "";

describe("a request_id", () => {
  it("makes 50 creations at once one, with the same answer", async () => {
    const request = llmRequest({ requestId: randomUUID(), credentials: apiKey(SECRET) });
    const answers = await Promise.all(Array.from({ length: 50 }, () => llms.createLlm(request)));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    const llmId = idOf(answers[0]);
    expect(await rows("select id from llm where display_name = ?", [request.displayName])).toEqual([{ id: llmId }]);
    expect(await rows("select kind from change where resource_id = ?", [llmId])).toEqual([{ kind: "created" }]);
    expect(await rows("select action from audit_event where resource_id = ?", [llmId])).toHaveLength(1);
  });

  it("still lets one of 50 requests win that differ in it", async () => {
    const request = llmRequest();
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () =>
        llms.createLlm({ ...request, requestId: randomUUID() }).then(
          () => "created",
          async (error) => (await problemIn(Promise.reject(error))).reason,
        ),
      ),
    );
    expect(outcomes.toSorted()).toEqual([...Array(49).fill("LLM_DUPLICATE"), "created"]);
  });

  it("returns the first answer, whatever has become of it, on any server", async () => {
    const request = llmRequest({ requestId: randomUUID(), labels: { a: "1", b: "2" }, clientConfig: { x: 1, y: 2 } });
    const first = await llms.createLlm(request);
    await llms.deleteLlm({ llmId: idOf(first) });
    const { apiKey: key, accountId } = await server.addAccount("OWNER");
    const another = await server.startAnother();
    try {
      const again = { ...request, labels: { b: "2", a: "1" }, clientConfig: { y: 2, x: 1 } };
      const elsewhere = server.client(key, { url: another.url }).llms;
      expect((await elsewhere.createLlm(again)).llm?.ownerId).toBe(accountId);
      expect(await llms.createLlm(again)).toEqual(first);
    } finally {
      await another.stop();
    }
  });

  it("names a call of one rpc: the same one serves them all", async () => {
    const { llm } = await llms.createLlm(llmRequest());
    const llmId = llm?.llmId ?? "";
    const calls = [
      (requestId: string) => llms.updateLlm({ llmId, requestId, etag: "r1", description: "once" }),
      (requestId: string) => llms.setDefaultLlm({ llmId, requestId }),
      (requestId: string) => llms.deleteLlm({ llmId, requestId, etag: "r2" }),
      (requestId: string) => llms.undeleteLlm({ llmId, requestId, etag: "r3" }),
    ];
    const requestId = randomUUID();
    for (const call of calls) expect(await call(requestId)).toEqual(await call(requestId));
    const done = await rows<{ action: string }>(
      "select action from audit_event where resource_id = ? order by sequence",
      [llmId],
    );
    expect(done.map(({ action }) => action)).toEqual([
      "llm.create",
      "llm.update",
      "llm.setDefault",
      "llm.delete",
      "llm.undelete",
    ]);
  });

  it.each([
    { name: "another name", said: { displayName: "another" } },
    { name: "another key", said: { credentials: apiKey(`${SECRET}-2`) } },
    { name: "a field more", said: { version: "2" } },
  ])("is refused with $name", async ({ said }) => {
    const request = llmRequest({ requestId: randomUUID(), credentials: apiKey(SECRET) });
    await llms.createLlm(request);
    const problem = await problemIn(llms.createLlm({ ...request, ...said }));
    expect(problem).toMatchObject({ code: "InvalidArgument", reason: "REQUEST_ID_REUSED" });
    expect(problem.fields[0]?.field).toBe("requestId");
    expect(problem.message).not.toContain("canary");
  });

  it("does not keep what failed", async () => {
    const { llm: taken } = await llms.createLlm(llmRequest());
    const request = llmRequest({ requestId: randomUUID(), endpointUrl: taken?.endpointUrl ?? "" });
    expect(await problemIn(llms.createLlm(request))).toMatchObject({ reason: "LLM_DUPLICATE" });
    await llms.deleteLlm({ llmId: taken?.llmId ?? "" });
    expect(idOf(await llms.createLlm(request))).not.toBe("");
  });

  it("is forgotten after 24 hours, some at a time", async () => {
    const request = llmRequest({ requestId: randomUUID() });
    const first = await llms.createLlm(request);
    await llms.deleteLlm({ llmId: idOf(first) });
    await rows("update answered_request set created_at = now() - interval '24 hours 1 second' where request_id = ?", [
      request.requestId,
    ]);
    expect(idOf(await llms.createLlm(request))).not.toBe(idOf(first));

    const old =
      "select gen_random_uuid(), 'x', gen_random_uuid(), '', '', now() - interval '2 days' from generate_series(1, 25)";
    await rows(`insert into answered_request ${old}`);
    const countOld = async () => (await rows("select 1 from answered_request where rpc = 'x'")).length;
    await llms.createLlm(llmRequest({ requestId: randomUUID() }));
    expect(await countOld()).toBe(5);
    await llms.createLlm(llmRequest({ requestId: randomUUID() }));
    expect(await countOld()).toBe(0);
  });

  it("is refused for a while when what it waits for takes too long, and nothing is done", async () => {
    const { llm } = await llms.createLlm(llmRequest());
    const update = { llmId: llm?.llmId ?? "", requestId: randomUUID(), description: "late" };
    const slow = server.store.fork();
    await slow.begin();
    await slow.execute("select from llm where id = ? for update", [update.llmId]);
    expect(await problemIn(llms.updateLlm(update))).toMatchObject({ code: "Unavailable", reason: "STORE_UNAVAILABLE" });
    await slow.rollback();
    expect((await llms.updateLlm(update)).llm).toMatchObject({ description: "late", etag: "r2" });
  });

  it("keeps no secret", async () => {
    await llms.createLlm(llmRequest({ requestId: randomUUID(), credentials: apiKey(SECRET) }));
    const kept = await rows<{ answer: Buffer; digest: Buffer }>("select answer, digest from answered_request");
    expect(Buffer.concat(kept.flatMap(({ answer, digest }) => [answer, digest])).toString("latin1")).not.toContain(
      "canary",
    );
  });

  it("is not taken by a rpc that is read only, and is one", async () => {
    const fetched = await fetch(`${server.url}/v1/llms?requestId=${randomUUID()}`, {
      headers: { authorization: `Bearer ${server.adminKey}` },
    });
    expect(fetched.status).toBe(400);
    expect((await problemIn(llms.createLlm(llmRequest({ requestId: "1" })))).fields[0]?.field).toBe("requestId");
  });
});

describe("validate_only", () => {
  it("answers as a creation would, and writes nothing", async () => {
    const stranger = server.client((await server.addAccount("OWNER")).apiKey).llms;
    const before = await countRows();
    const { llm, statuses } = await stranger.createLlm(
      llmRequest({
        validateOnly: true,
        requestId: randomUUID(),
        providerType: Llm_ProviderType.OPENAI,
        endpointUrl: "HTTPS://API.openai.com:443/v1/",
        modelIdentifier: "gpt-4o",
        credentials: apiKey(SECRET),
      }),
    );
    expect(llm).toMatchObject({ endpointUrl: "https://api.openai.com/v1", credentialsHint: "…6789", etag: "r1" });
    expect(llm?.maxContextLength).toBeGreaterThan(0);
    expect(statuses.length).toBeGreaterThan(0);
    expect(await countRows()).toEqual(before);
    expect(await problemIn(stranger.getLlm({ llmId: llm?.llmId ?? "" }))).toMatchObject({ reason: "LLM_NOT_FOUND" });
  });

  it("refuses what a creation would refuse", async () => {
    const request = llmRequest();
    const { llm } = await llms.createLlm(request);
    const before = await countRows();
    expect(await problemIn(llms.createLlm({ ...request, validateOnly: true }))).toMatchObject({
      reason: "LLM_DUPLICATE",
      metadata: { llmId: llm?.llmId },
    });
    expect(await problemIn(llms.createLlm(llmRequest({ llmId: llm?.llmId ?? "", validateOnly: true })))).toMatchObject({
      reason: "LLM_ID_TAKEN",
    });
    const closed = { endpointUrl: "http://127.0.0.1:9/v1", validateOnly: true };
    expect(await problemIn(llms.createLlm(llmRequest(closed)))).toMatchObject({ reason: "ENDPOINT_NOT_ALLOWED" });
    expect(await countRows()).toEqual(before);
  });

  it("answers as an update would, refuses what it would, and changes nothing", async () => {
    const { llm: other } = await llms.createLlm(llmRequest());
    const { llm } = await llms.createLlm(llmRequest({ credentials: apiKey(SECRET) }));
    const llmId = llm?.llmId ?? "";
    const before = await countRows();
    const rehearsed = await llms.updateLlm({
      llmId,
      displayName: "would be",
      credentials: apiKey("sk-other"),
      validateOnly: true,
    });
    expect(rehearsed.llm).toMatchObject({ displayName: "would be", etag: "r2" });
    const moved = { llmId, endpointUrl: "https://moved.example.com/v1", validateOnly: true };
    expect(await problemIn(llms.updateLlm(moved))).toMatchObject({ reason: "CREDENTIALS_REQUIRED" });
    const same = { llmId: other?.llmId ?? "", endpointUrl: "https://same.example.com/v1" };
    await llms.createLlm(llmRequest({ endpointUrl: same.endpointUrl }));
    expect(await problemIn(llms.updateLlm({ ...same, validateOnly: true }))).toMatchObject({ reason: "LLM_DUPLICATE" });
    expect((await llms.getLlm({ llmId })).llm).toEqual(llm);
    const after = await countRows();
    expect(after).toEqual({
      ...before,
      llm: String(Number(before.llm) + 1),
      llm_model_check: String(Number(before.llm_model_check) + 1),
      change: String(Number(before.change) + 1),
      audit_event: String(Number(before.audit_event) + 1),
    });
  });
});

describe("validate_only of an API key", () => {
  it("refuses what a key would be refused for, and else makes none and tells none", async () => {
    const admin = server.client(server.adminKey).access;
    const draft = { displayName: "Job", role: ApiKey_Role.MEMBER };
    const imported = { ...draft, importedSecret: `sk-${randomUUID()}` };
    const before = await countRows();
    expect(await admin.createApiKey({ ...draft, validateOnly: true })).toMatchObject({
      apiKey: { displayName: "Job" },
      key: "",
    });
    await admin.createApiKey({ ...imported, validateOnly: true });
    expect(await countRows()).toEqual(before);

    await admin.createApiKey(imported);
    const taken = await problemIn(admin.createApiKey({ ...imported, validateOnly: true }));
    expect(taken.reason).toBe("API_KEY_SECRET_TAKEN");
  });

  it("rehearses the changes of a key and of an account", async () => {
    const { accountId } = await server.addAccount("OWNER");
    const admin = server.client(server.adminKey).access;
    const { apiKey: key } = await admin.createApiKey({ accountId, displayName: "Job", role: ApiKey_Role.MEMBER });
    const apiKeyId = key?.apiKeyId ?? "";
    const limits = { requestsPerMinute: 7 };
    const before = await countRows();
    expect(await admin.updateApiKey({ apiKeyId, limits, validateOnly: true })).toMatchObject({ apiKey: { limits } });
    expect(await admin.updateAccount({ accountId, contact: "#ai", limits, validateOnly: true })).toMatchObject({
      account: { contact: "#ai", limits },
    });
    expect(await admin.createAccount({ displayName: "Team", validateOnly: true })).toMatchObject({
      account: { displayName: "Team" },
    });
    expect(await countRows()).toEqual(before);
    expect((await admin.getApiKey({ apiKeyId })).apiKey?.limits).toBeUndefined();
  });
});

describe("validate_only of a budget", () => {
  it("refuses what would be refused, answers with what would be set, and sets nothing", async () => {
    const { budgets } = server.client((await server.addAccount("OWNER")).apiKey);
    const draft = { period: Budget_Period.MONTH, amountUsd: "25" };
    await budgets.setBudget(draft);
    const before = await countRows();
    const asked = { ...draft, amountUsd: "50", mode: Budget_Mode.WARN, validateOnly: true };
    expect(await budgets.setBudget(asked)).toMatchObject({ budget: { amountUsd: "50", mode: Budget_Mode.WARN } });
    expect(await problemIn(budgets.setBudget({ ...asked, llmId: randomUUID() }))).toMatchObject({
      reason: "LLM_NOT_FOUND",
    });
    expect((await budgets.listBudgets({})).budgets).toMatchObject([{ amountUsd: "25", mode: Budget_Mode.REFUSE }]);
    expect(await countRows()).toEqual(before);
  });
});

describe("an answer in another version of the contract", () => {
  it("is refused, and nothing is done again", async () => {
    const request = llmRequest({ requestId: randomUUID(), credentials: apiKey(SECRET) });
    const { llm } = await llms.createLlm(request);
    await rows("update answered_request set contract_version = contract_version - 1 where request_id = ?", [
      request.requestId,
    ]);
    const before = await countRows();
    expect(await problemIn(llms.createLlm(request))).toMatchObject({
      code: "FailedPrecondition",
      reason: "ANSWER_OUTDATED",
    });
    expect(await countRows()).toEqual(before);
    expect((await llms.getLlm({ llmId: idOf({ llm }) })).llm).toEqual(llm);
  });
});

describe("the contract", () => {
  it("drops what is marked with is_secret, and only that", () => {
    const request = create(CreateLlmRequestSchema, llmRequest({ credentials: apiKey(SECRET), labels: { a: "b" } }));
    const kept = withoutSecrets(CreateLlmRequestSchema, request) as typeof request;
    expect(kept.credentials?.apiKey?.source.case).toBeUndefined();
    expect(kept).toMatchObject({ displayName: request.displayName, labels: { a: "b" }, credentials: { apiKey: {} } });
    expect(request.credentials?.apiKey?.source.value).toBe(SECRET);
  });

  it("is refused if a transactional rpc takes neither", () => {
    const { createLlm } = LlmService.method;
    const method = { ...createLlm, input: AuditService.method.listAuditEvents.input };
    const service = { ...LlmService, methods: [method] };
    const router = withMutations(createConnectRouter(), { vault: undefined as never });
    expect(() => router.service(service as never, {})).toThrow(/must be unary/);
  });
});
