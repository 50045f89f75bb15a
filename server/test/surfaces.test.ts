import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../client/llm.ts";
import { ApiKey_Role } from "../../gen/patchbay/v1/api_key_pb.ts";
import { Budget_Period } from "../../gen/patchbay/v1/budget_pb.ts";
import { ResponseFormat_Type, ToolChoice_Mode } from "../../gen/patchbay/v1/chat_form_pb.ts";
import { Message_Role, StopReason } from "../../gen/patchbay/v1/chat_pb.ts";
import { ConnectionTest_Outcome } from "../../gen/patchbay/v1/connection_test_pb.ts";
import { StoredCredentials_Slot } from "../../gen/patchbay/v1/credentials_pb.ts";
import { Llm_ProviderType, Llm_Status } from "../../gen/patchbay/v1/llm_pb.ts";
import { WatchLlmsResponse_Kind } from "../../gen/patchbay/v1/llm_service_pb.ts";
import { ModelState_Source, ModelState_State } from "../../gen/patchbay/v1/model_state_pb.ts";
import { Permission } from "../../gen/patchbay/v1/permission_pb.ts";
import { RouteTier_Policy } from "../../gen/patchbay/v1/route_pb.ts";
import { WatchRoutesResponse_Kind } from "../../gen/patchbay/v1/route_service_pb.ts";
import { UsageSource } from "../../gen/patchbay/v1/usage_pb.ts";
import { QueryUsageRequest_GroupBy as GroupBy } from "../../gen/patchbay/v1/usage_service_pb.ts";
import { startServer, type TestServer } from "./server/test-server.ts";
import { apiKey, llmRequest, secretRef } from "./service/llm-requests.ts";
import { SURFACES } from "./surfaces.ts";
import { type Behaviour, refuses, saysSlowly } from "./upstream/behaviours.ts";
import { ScriptedUpstream } from "./upstream/scripted-upstream.ts";
import { problemIn } from "./wire/expect-problem.ts";

const UPSTREAM_KEY = "sk-upstream-0123456789";

let upstream: ScriptedUpstream;
let server: TestServer;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start({ apiKey: UPSTREAM_KEY });
  server = await startServer({
    EGRESS_ALLOW: upstream.url,
    UPSTREAM_KEY,
    SECRET_REFS: `env://UPSTREAM_KEY@${upstream.url}`,
  });
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

describe.each(SURFACES)("over $name", ({ name: face, open }) => {
  /** Callers in JSON read the names that JSON has. */
  const spelled = (path: string) =>
    /REST|JSON/.test(face) ? path.replaceAll(/_([a-z])/g, (_, letter) => letter.toUpperCase()) : path;

  let accountId: string;
  let surface: ReturnType<typeof open>;
  let patchbay: Patchbay;
  beforeAll(async () => {
    const account = await server.addAccount("OWNER");
    accountId = account.accountId;
    surface = open(server.url, account.apiKey);
    patchbay = surface.patchbay;
  });
  afterAll(() => surface.close());

  /** An Llm whose endpoint is the scripted upstream, which behaves as the model is called. */
  async function createLlm(model: string, said: Parameters<typeof llmRequest>[0] = {}) {
    const { llm } = await patchbay.llms.createLlm(
      llmRequest({
        endpointUrl: `${upstream.url}/v1`,
        modelIdentifier: model,
        credentials: apiKey(UPSTREAM_KEY),
        ...said,
      }),
    );
    return llm?.llmId ?? "";
  }

  it("creates, and says what it inferred", async () => {
    const { llm, statuses } = await patchbay.llms.createLlm(llmRequest({ labels: { team: "ai", "odd key": "ü/%" } }));
    expect(llm).toMatchObject({
      ownerId: accountId,
      labels: { team: "ai", "odd key": "ü/%" },
      status: Llm_Status.UNTESTED,
    });
    expect(statuses.length).toBeGreaterThan(0);
  });

  it("refuses a duplicate with the id of the first", async () => {
    const request = llmRequest();
    const { llm } = await patchbay.llms.createLlm(request);
    expect(await problemIn(patchbay.llms.createLlm(request))).toMatchObject({
      code: "AlreadyExists",
      reason: "LLM_DUPLICATE",
      metadata: { llmId: llm?.llmId, sameRequest: "true" },
    });
  });

  it("gets, updates, lists in pages, sets the default and deletes", async () => {
    const marker = randomUUID().slice(0, 8);
    const ids: string[] = [];
    for (const n of [1, 2, 3]) ids.push(await createLlm(`${marker}-${n}`));
    const [first = "", second = "", third = ""] = ids;

    await patchbay.llms.updateLlm({ llmId: second, description: "changed", mergeLabels: { labels: { a: "b" } } });
    const { llm } = await patchbay.llms.getLlm({ llmId: second });
    expect(llm).toMatchObject({ description: "changed", labels: { a: "b" }, createdAt: expect.any(BigInt) });

    const page = await patchbay.llms.listLlms({ pageSize: 2, search: marker });
    expect(page.llms.map(({ llmId }) => llmId)).toEqual([first, second]);
    const rest = await patchbay.llms.listLlms({ pageSize: 2, search: marker, pageToken: page.nextPageToken });
    expect([rest.llms.map(({ llmId }) => llmId), rest.nextPageToken]).toEqual([[third], ""]);
    const labelled = await patchbay.llms.listLlms({ labels: { a: "b" }, search: marker });
    expect(labelled.llms.map(({ llmId }) => llmId)).toEqual([second]);

    expect((await patchbay.llms.setDefaultLlm({ llmId: third })).llm?.isDefault).toBe(true);
    await patchbay.llms.deleteLlm({ llmId: first });
    expect(await problemIn(patchbay.llms.getLlm({ llmId: first }))).toMatchObject({
      code: "NotFound",
      reason: "LLM_NOT_FOUND",
    });
  });

  it("answers a repeated request_id with the first answer, and does it once", async () => {
    const request = llmRequest({ requestId: randomUUID() });
    const answers = [await patchbay.llms.createLlm(request), await patchbay.llms.createLlm(request)];
    expect(answers[1]).toEqual(answers[0]);
    const problem = await problemIn(patchbay.llms.createLlm({ ...request, displayName: "another" }));
    expect(problem).toMatchObject({ code: "InvalidArgument", reason: "REQUEST_ID_REUSED" });
  });

  it("rehearses a creation and an update", async () => {
    const { llm } = await patchbay.llms.createLlm(llmRequest({ validateOnly: true }));
    expect(llm?.etag).toBe("r1");
    expect((await problemIn(patchbay.llms.getLlm({ llmId: llm?.llmId ?? "" }))).reason).toBe("LLM_NOT_FOUND");
    const llmId = await createLlm("fine-to-rehearse");
    const rehearsed = await patchbay.llms.updateLlm({ llmId, description: "would be", validateOnly: true });
    expect(rehearsed.llm?.description).toBe("would be");
    expect((await patchbay.llms.getLlm({ llmId })).llm?.description).toBe("");
  });

  it("gets several at once, or none", async () => {
    const llmIds = [await createLlm(`batch-${randomUUID()}`), await createLlm(`batch-${randomUUID()}`)].toReversed();
    const { llms } = await patchbay.llms.batchGetLlms({ llmIds });
    expect(llms.map(({ llmId }) => llmId)).toEqual(llmIds);
    const missing = randomUUID();
    expect(await problemIn(patchbay.llms.batchGetLlms({ llmIds: [...llmIds, missing] }))).toMatchObject({
      code: "NotFound",
      reason: "LLM_NOT_FOUND",
      metadata: { llmId: missing },
    });
  });

  it("brings back what was deleted, and counts and filters what is there", async () => {
    const marker = randomUUID();
    const llmId = await createLlm(`deleted-${marker}`, { labels: { marker } });
    await patchbay.llms.deleteLlm({ llmId });
    const counted = { search: marker, includeTotalSize: true, label: { marker } };
    expect((await patchbay.llms.listLlms(counted)).totalSize).toBe(0);
    expect((await patchbay.llms.listLlms({ ...counted, showDeleted: true })).totalSize).toBe(1);
    expect((await patchbay.llms.getLlm({ llmId, showDeleted: true })).llm?.purgeAt).toBeGreaterThan(0n);
    expect((await patchbay.llms.undeleteLlm({ llmId })).llm?.llmId).toBe(llmId);
    expect((await patchbay.llms.listLlms(counted)).llms).toMatchObject([{ llmId }]);
  });

  it("tells of changes, and resumes", async () => {
    const leave = new AbortController();
    let resumeToken = "";
    const kinds: WatchLlmsResponse_Kind[] = [];
    const watching = (async () => {
      for await (const event of patchbay.llms.watchLlms({}, { signal: leave.signal })) {
        kinds.push(event.kind);
        resumeToken = event.resumeToken;
        if (event.kind === WatchLlmsResponse_Kind.CREATED) leave.abort();
      }
    })();
    watching.catch(() => {});
    await expect.poll(() => kinds, { timeout: 10_000 }).toEqual([WatchLlmsResponse_Kind.CAUGHT_UP]);
    const llmId = await createLlm(`watched-${randomUUID()}`);
    await problemIn(watching);
    expect(kinds).toEqual([WatchLlmsResponse_Kind.CAUGHT_UP, WatchLlmsResponse_Kind.CREATED]);
    await patchbay.llms.deleteLlm({ llmId });
    for await (const event of patchbay.llms.watchLlms({ resumeToken })) {
      expect(event).toMatchObject({ kind: WatchLlmsResponse_Kind.DELETED, llmId });
      break;
    }
  });

  it("makes, changes, lists, follows and deletes a route", async () => {
    const { routes } = patchbay;
    const [first, second] = [await createLlm(`first-${randomUUID()}`), await createLlm(`second-${randomUUID()}`)];
    const name = `route/${randomUUID().slice(0, 8)}`;
    const resumeToken = await tokenOf(routes.watchRoutes({}));
    const made = (await routes.createRoute({ name, tiers: [{ targets: [{ llmId: first }] }] })).route;
    const routeId = made?.routeId ?? "";
    expect(made).toMatchObject({ name, displayName: name, ownerId: accountId });
    const taken = await problemIn(patchbay.llms.updateLlm({ llmId: first, alias: name }));
    expect(taken).toMatchObject({ code: "AlreadyExists", reason: "ALIAS_TAKEN", metadata: { routeId } });
    const tiers = [
      { policy: RouteTier_Policy.LEAST_BUSY, targets: [{ llmId: second, weight: 3 }] },
      { targets: [{ llmId: first }] },
    ];
    await routes.updateRoute({ routeId: name, etag: made?.etag ?? "", tiers });
    const { route } = await routes.getRoute({ routeId: routeId.toUpperCase() });
    expect(route?.tiers).toMatchObject([tiers[0], { policy: RouteTier_Policy.WEIGHTED, targets: [{ weight: 1 }] }]);
    const stale = await problemIn(routes.updateRoute({ routeId, etag: made?.etag ?? "", description: "x" }));
    expect(stale).toMatchObject({ code: "Aborted", reason: "ETAG_MISMATCH" });
    expect((await routes.listRoutes({ llmId: second })).routes).toMatchObject([{ routeId }]);
    const reply = await patchbay.chat.chat({ llmId: name, message: "Hi" });
    expect(reply).toMatchObject({ llmId: second, routeId, message: { content: "Hello, world" } });
    const explained = await routes.explainRoute({ routeId });
    expect(explained).toMatchObject({ llmId: second, targets: [{ llmId: second }, { llmId: first, tier: 2 }] });
    await routes.deleteRoute({ routeId: name });
    const gone = await problemIn(routes.getRoute({ routeId }));
    expect(gone).toMatchObject({ code: "NotFound", reason: "LLM_ROUTE_NOT_FOUND" });
    const kinds: WatchRoutesResponse_Kind[] = [];
    for await (const event of routes.watchRoutes({ resumeToken })) {
      if (event.kind !== WatchRoutesResponse_Kind.CAUGHT_UP) kinds.push(event.kind);
      if (event.kind === WatchRoutesResponse_Kind.DELETED) break;
    }
    const { CREATED, UPDATED, DELETED } = WatchRoutesResponse_Kind;
    expect(kinds).toEqual([CREATED, UPDATED, DELETED]);
  });

  it("lists and exports what was done", async () => {
    const llmId = await createLlm("fine");
    const { auditEvents } = await patchbay.audit.listAuditEvents({ resourceId: llmId.toUpperCase() });
    expect(auditEvents).toMatchObject([{ action: "llm.create", accountId, actorAccountId: accountId }]);
    const after = (auditEvents[0]?.sequence ?? 0n) - 1n;
    const exported = await Array.fromAsync(patchbay.audit.exportAuditEvents({ after }));
    expect(exported.map(({ record }) => JSON.parse(record).resourceId)).toEqual([llmId]);
  });

  it("makes an API key, rolls and revokes it, and knows who calls with it", async () => {
    const { access } = patchbay;
    const scopes = [Permission.READ_LLM_OWN];
    const made = await access.createApiKey({ displayName: "a script", role: ApiKey_Role.MEMBER, scopes });
    const apiKeyId = made.apiKey?.apiKeyId ?? "";
    const script = open(server.url, made.key);
    expect((await script.patchbay.access.getCaller({})).caller).toMatchObject({
      accountId,
      apiKeyId,
      permissions: scopes,
    });
    script.close();
    await access.updateApiKey({ apiKeyId, displayName: "another script" });
    const { rolled } = await access.rollApiKey({ apiKeyId, overlapSeconds: 60 });
    expect(rolled).toMatchObject({ apiKeyId, displayName: "another script" });
    await access.revokeApiKey({ apiKeyId });
    const { apiKeys } = await access.listApiKeys({ pageSize: 1_000 });
    expect(apiKeys.map((one) => one.apiKeyId)).not.toContain(apiKeyId);
    expect((await access.getApiKey({ apiKeyId })).apiKey?.revokedAt).toBeGreaterThan(0n);
  });

  it("makes, changes and deletes accounts for an ADMIN, and for nobody else", async () => {
    const admin = open(server.url, server.adminKey);
    const { access } = admin.patchbay;
    const made = (await access.createAccount({ displayName: "made over this surface" })).account?.accountId ?? "";
    await access.updateAccount({ accountId: made, displayName: "changed" });
    expect((await access.getAccount({ accountId: made })).account?.displayName).toBe("changed");
    await access.deleteAccount({ accountId: made });
    admin.close();
    expect((await patchbay.access.listAccounts({})).accounts.map((one) => one.accountId)).toEqual([accountId]);
    expect(await problemIn(patchbay.access.createAccount({ displayName: "x" }))).toMatchObject({
      metadata: { permission: "CREATE_ACCOUNT_ANY" },
    });
  });

  it("keeps providers: makes, changes, lists, tests, asks for models, and deletes what nobody uses", async () => {
    const name = `shared-${randomUUID()}`;
    const endpointUrl = `${upstream.url}/v1`;
    const metadata = { region: "eu", limits: { rpm: 60 } };
    const made = await patchbay.providers.upsertProvider({
      name,
      endpointUrl,
      metadata,
      credentials: apiKey(UPSTREAM_KEY),
    });
    expect(made).toMatchObject({ created: true, provider: { name, metadata, hasCredentials: true } });
    const changed = await patchbay.providers.upsertProvider({ name, displayName: "Shared" });
    expect(changed).toMatchObject({ created: false, provider: { displayName: "Shared", metadata } });
    const { provider } = await patchbay.providers.getProvider({ name });
    expect(provider).toEqual(changed.provider);

    const page = await patchbay.providers.listProviders({ search: name, pageSize: 1, includeTotalSize: true });
    expect([page.providers, page.nextPageToken, page.totalSize]).toEqual([[provider], "", 1]);
    const { test } = await patchbay.providers.testProvider({ name });
    expect(test?.outcome).toBe(ConnectionTest_Outcome.OK);
    const { models } = await patchbay.providers.listProviderModels({ name });
    expect(models.map(({ modelIdentifier }) => modelIdentifier)).toEqual(["some-model", "other-model"]);

    const { llm } = await patchbay.llms.createLlm({
      displayName: "Through",
      modelIdentifier: "fine",
      providerId: name,
    });
    const llmId = llm?.llmId ?? "";
    const reply = await patchbay.chat.chat({ llmId, message: "Hi" });
    expect(reply.message?.content).toBe("Hello, world");
    expect(await problemIn(patchbay.providers.deleteProvider({ name }))).toMatchObject({
      code: "FailedPrecondition",
      reason: "PROVIDER_IN_USE",
      metadata: { llmIds: llmId, llmCount: "1" },
    });
    await patchbay.llms.deleteLlm({ llmId });
    await patchbay.providers.deleteProvider({ name });
    expect(await problemIn(patchbay.providers.getProvider({ name }))).toMatchObject({
      code: "NotFound",
      reason: "PROVIDER_NOT_FOUND",
    });
  });

  it("refuses what is invalid, naming each field", async () => {
    const problem = await problemIn(patchbay.llms.createLlm(llmRequest({ displayName: "", modelIdentifier: "" })));
    expect(problem).toMatchObject({ code: "InvalidArgument", reason: "INVALID_REQUEST" });
    expect(problem.fields.map(({ field }) => field)).toEqual([spelled("display_name"), spelled("model_identifier")]);
    expect(problem.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each([
    { name: "a text", said: { description: "a\0b" }, field: "description" },
    { name: "JSON within", said: { clientConfig: { a: [{ b: "\0" }] } }, field: 'client_config["a"][0]["b"]' },
  ])("refuses what cannot be stored, naming the field: $name", async ({ said, field }) => {
    const problem = await problemIn(patchbay.llms.createLlm(llmRequest(said)));
    expect(problem).toMatchObject({
      code: "InvalidArgument",
      reason: "INVALID_REQUEST",
      fields: [{ field: spelled(field) }],
    });
  });

  it("refuses a prompt that cannot be stored before a stream begins", async () => {
    const problem = await problemIn(Array.fromAsync(patchbay.chat.streamChat({ message: "\0" })));
    expect(problem).toMatchObject({ code: "InvalidArgument", fields: [{ field: "message" }] });
  });

  it("refuses a key that is not valid, and a role that may not", async () => {
    const stranger = open(server.url, "pb_live_nonsense");
    expect(await problemIn(stranger.patchbay.llms.listLlms({}))).toMatchObject({
      code: "Unauthenticated",
      reason: "API_KEY_REFUSED",
    });
    stranger.close();
    const viewer = open(server.url, await server.addKey(accountId, "VIEWER"));
    expect(await problemIn(viewer.patchbay.llms.createLlm(llmRequest()))).toMatchObject({
      code: "PermissionDenied",
      metadata: { permission: "CREATE_LLM_OWN" },
    });
    viewer.close();
  });

  it("tests a registered Llm and keeps the result", async () => {
    const llmId = await createLlm(`tested-${randomUUID()}`);
    expect((await patchbay.llms.testLlm({ llmId })).test?.outcome).toBe(ConnectionTest_Outcome.OK);
    const { llm } = await patchbay.llms.getLlm({ llmId });
    expect(llm).toMatchObject({ status: Llm_Status.ACTIVE, lastTest: { outcome: ConnectionTest_Outcome.OK } });
  });

  it.each([
    { name: "one that works", said: { credentials: apiKey(UPSTREAM_KEY) }, outcome: ConnectionTest_Outcome.OK },
    { name: "a wrong key", said: { credentials: apiKey("sk-wrong") }, outcome: ConnectionTest_Outcome.KEY_REFUSED },
    {
      name: "an unknown model",
      said: { credentials: apiKey(UPSTREAM_KEY), modelIdentifier: "missing-model" },
      outcome: ConnectionTest_Outcome.MODEL_NOT_FOUND,
    },
    {
      name: "a page of HTML",
      said: { credentials: apiKey(UPSTREAM_KEY), modelIdentifier: "html" },
      outcome: ConnectionTest_Outcome.BAD_REPLY,
    },
    { name: "a blocked address", said: { endpointUrl: "http://127.0.0.1:9" }, outcome: ConnectionTest_Outcome.BLOCKED },
  ])("tests a connection: $name", async ({ said, outcome }) => {
    const { test } = await patchbay.llms.testConnection({
      providerType: Llm_ProviderType.VLLM,
      endpointUrl: `${upstream.url}/v1`,
      modelIdentifier: "fine",
      ...said,
    });
    expect(test?.outcome).toBe(outcome);
    expect(JSON.stringify(test, (_, value) => (typeof value === "bigint" ? 0 : value))).not.toContain("sk-");
  });

  it("pings, once and again and again, with a summary", async () => {
    const llmId = await createLlm(`ping-${randomUUID()}`);
    const { ping } = await patchbay.pings.pingOnce({ llmId });
    expect(ping).toMatchObject({ sequence: 1, test: { outcome: ConnectionTest_Outcome.OK } });
    expect(ping?.test?.firstTokenMs).toBeLessThanOrEqual(ping?.test?.latencyMs ?? 0);
    const events = await Array.fromAsync(patchbay.pings.pingStream({ llmId, count: 3, intervalMs: 1 }));
    expect(events.map(({ event }) => event.case)).toEqual(["ping", "ping", "ping", "summary"]);
    expect(events.at(-1)?.event.value).toMatchObject({ sent: 3, replied: 3 });
    expect((await patchbay.llms.getLlm({ llmId })).llm?.status).toBe(Llm_Status.UNTESTED);
  });

  it("takes a key from where it is kept, and refuses another place", async () => {
    const llmId = await createLlm(`ref-${randomUUID()}`, { credentials: secretRef("env://UPSTREAM_KEY") });
    expect((await patchbay.llms.getLlm({ llmId })).llm?.credentialsRef).toBe("env://UPSTREAM_KEY");
    expect((await patchbay.llms.testLlm({ llmId })).test?.outcome).toBe(ConnectionTest_Outcome.OK);
    expect(await problemIn(createLlm("other", { credentials: secretRef("env://HOME") }))).toMatchObject({
      code: "FailedPrecondition",
      reason: "SECRET_REF_NOT_ALLOWED",
    });
  });

  it("rotates credentials, there and back", async () => {
    const llmId = await createLlm(`rotated-${randomUUID()}`, { credentials: apiKey("sk-worn-out-0123456789") });
    await patchbay.llms.addPendingCredentials({ llmId, credentials: apiKey(UPSTREAM_KEY) });
    expect(await problemIn(patchbay.llms.promoteCredentials({ llmId }))).toMatchObject({
      code: "FailedPrecondition",
      reason: "PENDING_CREDENTIALS_UNTESTED",
    });
    const { test } = await patchbay.llms.testLlm({ llmId, slot: StoredCredentials_Slot.PENDING });
    expect(test?.outcome).toBe(ConnectionTest_Outcome.OK);
    const { llm } = await patchbay.llms.promoteCredentials({ llmId });
    expect(llm).toMatchObject({ status: Llm_Status.ACTIVE, previousCredentials: { hint: "…6789" } });
    await patchbay.llms.revertCredentials({ llmId });
    expect((await patchbay.llms.revertCredentials({ llmId })).llm?.credentialsHint).toBe("…6789");
    const retired = await patchbay.llms.retireCredentials({ llmId, slot: StoredCredentials_Slot.PREVIOUS });
    expect(retired.llm?.previousCredentials).toBeUndefined();
    expect(await patchbay.chat.chat({ llmId, message: "Hi" })).toMatchObject({ llmId });
  });

  it.each([
    { api: "OpenAI's", said: {} },
    { api: "Anthropic's", said: { providerType: Llm_ProviderType.ANTHROPIC } },
  ])("chats through $api API", async ({ said }) => {
    const llmId = await createLlm(`chat-${randomUUID()}`, said);
    const reply = await patchbay.chat.chat({ llmId, messages: [{ role: Message_Role.USER, content: "Hi" }] });
    expect(reply).toMatchObject({
      llmId,
      message: { role: Message_Role.ASSISTANT, content: "Hello, world" },
      stopReason: StopReason.END,
      usage: { outputTokens: 3n },
    });
    expect(reply.usage?.inputTokens).toBeGreaterThan(0n);
  });

  it("checks an Llm by itself, and refuses its chats while it is disabled", async () => {
    const llmId = await createLlm(`checked-${randomUUID()}`, { checkIntervalSeconds: 3_600 });
    const get = async () => (await patchbay.llms.getLlm({ llmId })).llm;
    await expect.poll(async () => (await get())?.status, { timeout: 20_000 }).toBe(Llm_Status.ACTIVE);
    expect(await get()).toMatchObject({
      checkIntervalSeconds: 3_600,
      lastTest: { outcome: ConnectionTest_Outcome.OK },
    });
    await patchbay.llms.updateLlm({ llmId, disabled: true, checkIntervalSeconds: 0 });
    expect(await get()).toMatchObject({ checkIntervalSeconds: 0, status: Llm_Status.DISABLED });
    const problem = await problemIn(patchbay.chat.chat({ llmId, message: "Hi" }));
    expect(problem).toMatchObject({ code: "FailedPrecondition", reason: "LLM_DISABLED" });
    await patchbay.llms.updateLlm({ llmId, disabled: false });
    expect((await patchbay.chat.chat({ llmId, message: "Hi" })).message?.content).toBe("Hello, world");
  });
  it("asks for a form and for a tool, through the client configuration of the Llm", async () => {
    const llmId = await createLlm(`form-${randomUUID()}`, { clientConfig: { seed: 7 } });
    const schema = { type: "object", properties: { url: { type: "string" } } };
    const responseFormat = { type: ResponseFormat_Type.JSON_SCHEMA, jsonSchema: { schema, strict: true } };
    const said = {
      llmId,
      message: "Hi",
      tools: [{ name: "f" }],
      toolChoice: { mode: ToolChoice_Mode.TOOL, tool: "f" },
    };
    await patchbay.chat.chat({ ...said, responseFormat });
    await Array.fromAsync(patchbay.chat.streamChat({ ...said, responseFormat }));
    const written = {
      seed: 7,
      response_format: { type: "json_schema", json_schema: { name: "reply", schema, strict: true } },
      tool_choice: { type: "function", function: { name: "f" } },
    };
    expect(upstream.requests.slice(-2).map(({ body }) => body)).toMatchObject([written, written]);
  });
  it("chats through the default when no Llm is named", async () => {
    const llmId = await createLlm(`default-${randomUUID()}`);
    await patchbay.llms.setDefaultLlm({ llmId });
    expect(await patchbay.chat.chat({ message: "Hi" })).toMatchObject({ llmId, message: { content: "Hello, world" } });
  });

  it.each([
    { api: "OpenAI's", said: {} },
    { api: "Anthropic's", said: { providerType: Llm_ProviderType.ANTHROPIC } },
  ])("streams through $api API, word by word", async ({ said }) => {
    const model = `stream-${randomUUID()}`;
    upstream.setModel(model, saysSlowly(100, "one ", "two ", "three"));
    const llmId = await createLlm(model, said);
    const words: { text: string; at: number }[] = [];
    const cases: (string | undefined)[] = [];
    for await (const { event } of patchbay.chat.streamChat({ llmId, message: "Hi" })) {
      cases.push(event.case);
      if (event.case === "textDelta") words.push({ text: event.value, at: performance.now() });
      if (event.case === "end")
        expect(event.value).toMatchObject({ stopReason: StopReason.END, usage: { outputTokens: 3n } });
    }
    expect(words.map(({ text }) => text)).toEqual(["one ", "two ", "three"]);
    expect((words[2]?.at ?? 0) - (words[0]?.at ?? 0)).toBeGreaterThan(30);
    expect(cases).toEqual(["start", "textDelta", "textDelta", "textDelta", "end"]);
  });

  it("says why a chat is refused before a stream begins", async () => {
    const llmId = await createLlm("busy");
    const problem = await problemIn(Array.fromAsync(patchbay.chat.streamChat({ llmId, message: "Hi" })));
    expect(problem).toMatchObject({ code: "ResourceExhausted", reason: "UPSTREAM_RATE_LIMITED", retryAfterMs: 7_000 });
  });

  it("says so when a stream is cut", async () => {
    const llmId = await createLlm("cut");
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { event } of patchbay.chat.streamChat({ llmId, message: "Hi" })) {
        if (event.case === "textDelta") seen.push(event.value);
      }
    })();
    expect(await problemIn(reading)).toMatchObject({ code: "Unavailable", metadata: { llmId } });
    expect(seen.join("")).toBe("Hello, ");
  });

  it("closes the upstream when the caller leaves a stream, and records what was taken, each time", async () => {
    const llmId = await createLlm("endless", { price: { input: "1", output: "1" } });
    const times = 5;
    for (let time = 0; time < times; time++) {
      const index = upstream.requests.length;
      const leave = new AbortController();
      const reading = (async () => {
        for await (const { event } of patchbay.chat.streamChat({ llmId, message: "Hi" }, { signal: leave.signal })) {
          if (event.case === "textDelta") leave.abort();
        }
      })();
      await problemIn(reading);
      const leftAt = Date.now();
      const call = await upstream.whenClosed(index);
      expect((call.closedAt ?? Number.POSITIVE_INFINITY) - leftAt).toBeLessThan(1_000);
      expect(call.wasCompleted).toBe(false);
    }
    const sum = async () => (await patchbay.usage.queryUsage({ llmId })).rows[0];
    await expect
      .poll(sum, { timeout: 10_000 })
      .toMatchObject({ replies: BigInt(times), estimatedReplies: BigInt(times), unpricedReplies: 0n });
    expect((await sum())?.cost).toBeGreaterThan(0n);
  });

  it("says in a header of each reply that its model ends, and nothing of one that goes on", async () => {
    const openAi = { providerType: Llm_ProviderType.OPENAI };
    const ended = await createLlm("gpt-4-turbo-preview", openAi);
    expect((await patchbay.llms.getLlm({ llmId: ended })).llm?.modelState?.state).toBe(ModelState_State.RETIRED);
    const told = async (llmId: string) => {
      const answers: Headers[] = [];
      const onHeader = (header: Headers) => void answers.push(header);
      await patchbay.chat.chat({ llmId, message: "Hi" }, { onHeader });
      await Array.fromAsync(patchbay.chat.streamChat({ llmId, message: "Hi" }, { onHeader }));
      return answers.map((header) =>
        ["state", "retires-at", "successor"].map((name) => header.get(`patchbay-model-${name}`)),
      );
    };
    expect(await told(ended)).toEqual(Array(2).fill(["RETIRED", "2026-03-26", "gpt-5"]));
    expect(await told(await createLlm("gpt-4o", openAi))).toEqual(Array(2).fill([null, null, null]));
  });

  it("lists what the endpoint of an Llm serves, and finds Llms by what has become of their models", async () => {
    const marker = randomUUID();
    const llmId = await createLlm("gpt-4-0125-preview", {
      providerType: Llm_ProviderType.OPENAI,
      displayName: marker,
    });
    const { models, statuses } = await patchbay.llms.listLlmModels({ llmId, maxAgeMs: 60_000 });
    expect(models.map(({ modelIdentifier }) => modelIdentifier)).toEqual(["some-model", "other-model"]);
    expect(statuses).toEqual([]);
    const found = await patchbay.llms.listLlms({ search: marker, modelState: ModelState_State.RETIRED });
    expect(found.llms).toMatchObject([
      { llmId, modelState: { source: ModelState_Source.CATALOG, successor: "gpt-5" } },
    ]);
    const { llms } = await patchbay.llms.listLlms({ search: marker, modelState: ModelState_State.MISSING });
    expect(llms).toEqual([]);
  });

  it("keeps a session, and lists, reads and deletes it", async () => {
    const llmId = await createLlm(`session-${randomUUID()}`);
    const first = await patchbay.chat.chat({ llmId, newSession: true, message: "Hi" });
    const { sessionId } = first;
    const ask = { sessionId, requestId: "1", message: "again" };
    const events = await Array.fromAsync(patchbay.chat.streamChat(ask));
    const repeated = await Array.fromAsync(patchbay.chat.streamChat(ask));
    expect([events, repeated].map((all) => all.at(-1)?.event.case)).toEqual(["end", "end"]);
    const { turns } = await patchbay.chat.listTurns({ sessionId });
    expect(turns.map(({ messages, reply }) => [messages[0]?.content, reply?.content])).toEqual([
      ["Hi", "Hello, world"],
      ["again", "Hello, world"],
    ]);
    expect((await patchbay.chat.getSession({ sessionId })).session).toMatchObject({ llmId, accountId, turnCount: 2 });
    expect((await patchbay.chat.listSessions({ llmId })).sessions.map((session) => session.sessionId)).toEqual([
      sessionId,
    ]);
    await patchbay.chat.deleteSession({ sessionId });
    expect(await problemIn(patchbay.chat.listTurns({ sessionId }))).toMatchObject({
      code: "NotFound",
      reason: "SESSION_NOT_FOUND",
    });
  });

  it("tells what a chat costs, sums it up, and keeps to a budget", async () => {
    const price = { input: "0", output: "1.5" };
    const llmId = await createLlm(`cost-${randomUUID()}`, { price, labels: { team: "ai" } });
    const ask = { llmId, message: "Hi", samplingParams: { maxTokens: 3 } };
    expect(await patchbay.chat.chat(ask)).toMatchObject({ cost: 4_500_000n, usageSource: UsageSource.REPORTED });
    const asked = { llmId, labels: { team: "ai" }, groupBy: [GroupBy.LLM, GroupBy.LABEL], labelKey: "team" };
    expect((await patchbay.usage.queryUsage(asked)).rows).toMatchObject([
      { llmId, labelValue: "ai", replies: 1n, outputTokens: 3n, cost: 4_500_000n },
    ]);
    expect((await patchbay.llms.getLlm({ llmId })).llm).toMatchObject({ price, totalCost: 4_500_000n });
    const { budget } = await patchbay.budgets.setBudget({ llmId, amount: 4_500_000n, period: Budget_Period.TOTAL });
    const { budgetId = "" } = budget ?? {};
    await patchbay.chat.chat(ask);
    expect(await problemIn(patchbay.chat.chat(ask))).toMatchObject({
      code: "ResourceExhausted",
      reason: "BUDGET_EXHAUSTED",
      metadata: { budgetId, spent: "4500000" },
    });
    expect((await patchbay.budgets.getBudget({ budgetId })).budget).toMatchObject({ llmId, spent: 4_500_000n });
    expect((await patchbay.budgets.listBudgets({ llmId })).budgets).toHaveLength(1);
    await patchbay.budgets.deleteBudget({ budgetId });
    await patchbay.chat.chat(ask);
  });

  it("keeps the caller's deadline, and closes the upstream", async () => {
    const llmId = await createLlm("silent");
    const index = upstream.requests.length;
    const startedAt = Date.now();
    const problem = await problemIn(patchbay.chat.chat({ llmId, message: "Hi" }, { timeoutMs: 300 }));
    expect(problem.code).toBe("DeadlineExceeded");
    expect(Date.now() - startedAt).toBeLessThan(1_500);
    await upstream.whenClosed(index);
  });

  it("says which Llms of a route it had tried when the caller's deadline came", async () => {
    const llmThat = (behaviour: Behaviour) => {
      const model = `model-${randomUUID()}`;
      upstream.setModel(model, behaviour);
      return createLlm(model);
    };
    const [failing, hanging] = [await llmThat(refuses(500)), await llmThat(() => {})];
    const tiers = [failing, hanging].map((llmId) => ({ targets: [{ llmId }] }));
    const { route } = await patchbay.routes.createRoute({ name: `late-${randomUUID().slice(0, 8)}`, tiers });
    const routeId = route?.routeId ?? "";
    const told = {
      code: "DeadlineExceeded",
      reason: "DEADLINE_PASSED",
      requestId: expect.stringMatching(/./),
      metadata: { routeId, attempts: `${failing} UPSTREAM_UNAVAILABLE, ${hanging} DEADLINE_PASSED` },
    };
    // In headers alone: a client with a deadline of its own does not wait for the answer.
    const headers = { "x-server-timeout": "1.5", "connect-timeout-ms": "1500", "grpc-timeout": "1500m" };
    expect(await problemIn(patchbay.chat.chat({ llmId: routeId, message: "Hi" }, { headers }))).toMatchObject(told);
    // The first is left alone for a moment, or was, on a busy machine.
    const attempts = expect.stringMatching(`${hanging} DEADLINE_PASSED$`);
    const streamed = Array.fromAsync(patchbay.chat.streamChat({ llmId: routeId, message: "Hi" }, { headers }));
    expect(await problemIn(streamed)).toMatchObject({ ...told, metadata: { routeId, attempts } });
  }, 30_000);
});

/** The resume token that a watch begins with. */
async function tokenOf(events: AsyncIterable<{ readonly resumeToken: string }>): Promise<string> {
  for await (const { resumeToken } of events) return resumeToken;
  return "";
}
