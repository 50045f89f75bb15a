import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { ConnectionTest_Outcome as Outcome } from "../../../gen/patchbay/v1/connection_test_pb.ts";
import { StoredCredentials_Slot } from "../../../gen/patchbay/v1/credentials_pb.ts";
import { Llm_ProviderType, Llm_Status } from "../../../gen/patchbay/v1/llm_pb.ts";
import { WatchLlmsResponse_Kind } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { Notice_Code } from "../../../gen/patchbay/v1/notice_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, type LlmRequest } from "../../test/service/llm-requests.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

const KEY = "sk-first-0123456789abcdef";
const NEW_KEY = "sk-second-0123456789abcdef";

let upstream: ScriptedUpstream;
let elsewhere: ScriptedUpstream;
let server: TestServer;
let accountId: string;
let patchbay: Patchbay;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  elsewhere = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: `${upstream.url},${elsewhere.url}` });
  const account = await server.addAccount("OWNER");
  accountId = account.accountId;
  patchbay = server.client(account.apiKey);
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
  await elsewhere.close();
});

let count = 0;

async function addProvider(said: object = {}) {
  const { provider } = await patchbay.providers.upsertProvider({
    name: `shared-${++count}`,
    endpointUrl: `${upstream.url}/v1`,
    credentials: apiKey(KEY),
    ...said,
  });
  if (!provider) throw new Error("no provider");
  return provider;
}

async function create(said: LlmRequest) {
  const { llm } = await patchbay.llms.createLlm({ displayName: "Mine", modelIdentifier: randomUUID(), ...said });
  if (!llm) throw new Error("no llm");
  return llm;
}

/** The key that a chat was sent with, and to whom. */
async function chat(llmId: string) {
  const before = [upstream.requests.length, elsewhere.requests.length];
  await patchbay.chat.chat({ llmId, message: "Hi" });
  const [here, there] = [upstream.requests.at(before[0] ?? 0), elsewhere.requests.at(before[1] ?? 0)];
  const call = here ?? there;
  return { to: here ? "upstream" : "elsewhere", key: call?.headers.authorization, path: call?.path };
}

async function get(llmId: string) {
  const { llm } = await patchbay.llms.getLlm({ llmId });
  if (!llm) throw new Error("no llm");
  return { ...llm, lastTest: llm.lastTest };
}

describe("an Llm with a provider", () => {
  it("takes type, endpoint and credentials from it, by its name or its id", async () => {
    const provider = await addProvider();
    for (const ref of [provider.name, provider.providerId]) {
      const llm = await create({ providerId: ref });
      expect(llm).toMatchObject({
        providerId: provider.providerId,
        providerType: Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE,
        endpointUrl: provider.endpointUrl,
        hasCredentials: false,
        credentialsHint: "",
      });
      expect(await chat(llm.llmId)).toEqual({
        to: "upstream",
        key: `Bearer ${KEY}`,
        path: "/v1/chat/completions",
      });
    }
  });

  it("lacks no credentials of its own", async () => {
    const { provider } = await patchbay.providers.upsertProvider({ name: "openai", credentials: apiKey(KEY) });
    const { statuses } = await patchbay.llms.createLlm({
      displayName: "Mine",
      modelIdentifier: "gpt-4o",
      providerId: provider?.name ?? "",
    });
    expect(statuses.map(({ code }) => code)).not.toContain(Notice_Code.CREDENTIALS_MISSING);
  });

  it.each<{ name: string; said: LlmRequest; field: string }>([
    { name: "credentials of its own", said: { credentials: apiKey("sk-1") }, field: "credentials" },
    { name: "another endpoint", said: { endpointUrl: "https://evil.example.com/v1" }, field: "endpointUrl" },
    { name: "another type", said: { providerType: Llm_ProviderType.ANTHROPIC }, field: "providerType" },
  ])("is not made with $name", async ({ said, field }) => {
    const { name } = await addProvider();
    expect(await problemIn(create({ providerId: name, ...said }))).toMatchObject({
      code: "InvalidArgument",
      fields: [{ field }],
    });
  });

  it("is not made with a stranger's, which is the same as none", async () => {
    const stranger = server.client((await server.addAccount("OWNER")).apiKey);
    const { name, providerId } = await addProvider();
    for (const ref of [name, providerId, randomUUID(), "Nonsense/%"]) {
      const request = { displayName: "Theirs", modelIdentifier: "m", providerId: ref };
      expect(await problemIn(stranger.llms.createLlm(request))).toMatchObject({
        code: "NotFound",
        reason: "PROVIDER_NOT_FOUND",
      });
    }
    const { llm } = await stranger.llms.createLlm({
      displayName: "Theirs",
      modelIdentifier: "m",
      providerType: Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE,
      endpointUrl: "https://theirs.example.com/v1",
    });
    const update = { llmId: llm?.llmId ?? "", providerId };
    expect(await problemIn(stranger.llms.updateLlm(update))).toMatchObject({ reason: "PROVIDER_NOT_FOUND" });
  });

  it("is found among its owner's when an ADMIN makes it for somebody", async () => {
    const { name, providerId } = await addProvider();
    const admin = server.client(server.adminKey);
    const request = { displayName: "For them", modelIdentifier: randomUUID(), ownerId: accountId };
    const { llm } = await admin.llms.createLlm({ ...request, providerId: name });
    expect(llm).toMatchObject({ ownerId: accountId, providerId });
    const mine = { displayName: "Mine", modelIdentifier: "m", providerId };
    expect(await problemIn(admin.llms.createLlm(mine))).toMatchObject({ reason: "PROVIDER_NOT_FOUND" });
    await admin.llms.updateLlm({ llmId: llm?.llmId ?? "", providerId: (await addProvider()).name });
  });

  it("is a duplicate of another with the same provider, and of none besides", async () => {
    const { name, providerId, endpointUrl } = await addProvider();
    const request = { displayName: "Mine", modelIdentifier: randomUUID(), providerId: name };
    const { llm } = await patchbay.llms.createLlm(request);
    const again = patchbay.llms.createLlm(request);
    expect(await problemIn(again)).toMatchObject({
      reason: "LLM_DUPLICATE",
      metadata: { llmId: llm?.llmId, sameRequest: "true" },
    });
    const byId = patchbay.llms.createLlm({ ...request, providerId });
    expect(await problemIn(byId)).toMatchObject({ reason: "LLM_DUPLICATE", metadata: { sameRequest: "false" } });
    await create({ ...request, providerId: (await addProvider()).name });
    await create({
      modelIdentifier: request.modelIdentifier,
      providerType: Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE,
      endpointUrl: endpointUrl,
      credentials: apiKey(KEY),
    });
  });

  it("tests by the provider's key, and says whose it was", async () => {
    const { name, providerId } = await addProvider();
    const { llmId } = await create({ providerId: name });
    await patchbay.llms.testLlm({ llmId });
    expect(upstream.requests.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
    await patchbay.llms.testConnection({ llmId, modelIdentifier: "another" });
    expect(upstream.requests.at(-1)).toMatchObject({ model: "another", headers: { authorization: `Bearer ${KEY}` } });
    const { auditEvents } = await patchbay.audit.listAuditEvents({ resourceId: llmId, action: "llm.test" });
    expect(auditEvents.map(({ facts }) => facts)).toEqual(
      Array(2).fill({ purpose: "test", usesSecret: "true", providerId }),
    );
  });

  it.each([
    { name: "UpdateLlm", call: (llmId: string, to: object) => patchbay.llms.updateLlm({ llmId, ...to }) },
    { name: "TestConnection", call: (llmId: string, to: object) => patchbay.llms.testConnection({ llmId, ...to }) },
  ])("never has the provider's key sent elsewhere by $name", async ({ call }) => {
    const { name } = await addProvider();
    const { llmId } = await create({ providerId: name });
    const before = elsewhere.requests.length;
    const moved = call(llmId, { endpointUrl: `${elsewhere.url}/v1` });
    expect(await problemIn(moved as Promise<unknown>)).toMatchObject({
      code: "FailedPrecondition",
      reason: "CREDENTIALS_REQUIRED",
    });
    const both = call(llmId, { endpointUrl: `${elsewhere.url}/v1`, credentials: apiKey("sk-1") });
    expect(await problemIn(both as Promise<unknown>)).toMatchObject({ fields: [{ field: "credentials" }] });
    expect(elsewhere.requests.length).toBe(before);
  });

  it("never opens credentials of a provider whose row points elsewhere", async () => {
    const { name, providerId } = await addProvider();
    const { llmId } = await create({ providerId: name });
    const em = server.store.fork();
    await em.execute("update provider set endpoint_url = ? where id = ?", [`${elsewhere.url}/v1`, providerId]);
    const before = elsewhere.requests.length;
    expect(await problemIn(patchbay.chat.chat({ llmId, message: "Hi" }))).toMatchObject({
      reason: "CREDENTIALS_UNREADABLE",
      metadata: { providerId },
    });
    expect(elsewhere.requests.length).toBe(before);
  });
});

describe("a change of the provider", () => {
  it("changes the key of all its Llms at once, and what was known of them", async () => {
    const { name } = await addProvider();
    const llms = [await create({ providerId: name }), await create({ providerId: name })];
    for (const { llmId } of llms) {
      await patchbay.llms.testLlm({ llmId });
      expect((await get(llmId)).status).toBe(Llm_Status.ACTIVE);
      expect((await chat(llmId)).key).toBe(`Bearer ${KEY}`);
    }
    await patchbay.providers.upsertProvider({ name, credentials: apiKey(NEW_KEY) });
    for (const { llmId, etag } of llms) {
      expect(await get(llmId)).toMatchObject({ status: Llm_Status.UNTESTED, lastTest: undefined, etag });
      expect((await chat(llmId)).key).toBe(`Bearer ${NEW_KEY}`);
    }
  });

  it("is told to those who watch its Llms", async () => {
    const { name } = await addProvider();
    const { llmId } = await create({ providerId: name });
    const events = patchbay.llms.watchLlms({});
    const told: unknown[] = [];
    for await (const event of events) {
      told.push([event.kind, event.llmId]);
      if (event.kind === WatchLlmsResponse_Kind.UPDATED) break;
      await patchbay.providers.upsertProvider({ name, credentials: apiKey(NEW_KEY) });
    }
    expect(told.at(-1)).toEqual([WatchLlmsResponse_Kind.UPDATED, llmId]);
    const kinds = await server.store
      .fork()
      .execute("select kind from change where resource_id = ? order by id", [llmId]);
    expect(kinds).toEqual([{ kind: "created" }, { kind: "updated" }]);
  });

  it("moves all its Llms, also where they are searched for", async () => {
    const { name } = await addProvider();
    const { llmId, etag } = await create({ providerId: name });
    await chat(llmId);
    await patchbay.providers.upsertProvider({ name, endpointUrl: `${elsewhere.url}/v1`, credentials: apiKey(NEW_KEY) });
    const llm = await get(llmId);
    expect(llm.endpointUrl).toBe(`${elsewhere.url}/v1`);
    expect(llm.etag).not.toBe(etag);
    expect(await chat(llmId)).toMatchObject({ to: "elsewhere", key: `Bearer ${NEW_KEY}` });
    const found = await patchbay.llms.listLlms({ search: elsewhere.url });
    expect(found.llms.map((one) => one.llmId)).toContain(llmId);
  });

  it("touches nothing when it is of other things", async () => {
    const { name } = await addProvider();
    const { llmId } = await create({ providerId: name });
    await patchbay.llms.testLlm({ llmId });
    await patchbay.providers.upsertProvider({ name, displayName: "Renamed", endpointUrl: `${upstream.url}/v1/` });
    expect((await get(llmId)).status).toBe(Llm_Status.ACTIVE);
  });

  it("is no test of the key it brings", async () => {
    const { name } = await addProvider();
    const model = randomUUID();
    const { llmId } = await create({ providerId: name, modelIdentifier: model });
    const held = Promise.withResolvers<void>();
    const index = upstream.requests.length;
    upstream.setModel(model, async ({ response }) => {
      await held.promise;
      response.writeHead(401, { "content-type": "application/json" }).end("{}");
    });
    const testing = patchbay.llms.testLlm({ llmId });
    await upstream.whenRequested(index);
    await patchbay.providers.upsertProvider({ name, credentials: apiKey(NEW_KEY) });
    held.resolve();
    expect((await testing).test?.outcome).toBe(Outcome.KEY_REFUSED);
    expect(await get(llmId)).toMatchObject({ status: Llm_Status.UNTESTED, lastTest: undefined });
  });

  it("and Llms that begin to use it at the same time agree in the end", async () => {
    const { name } = await addProvider();
    const mine = { providerType: Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE, endpointUrl: "https://own.example.com/v1" };
    const own = await Promise.all(Array.from({ length: 8 }, () => create(mine)));
    const moves = Array.from({ length: 4 }, (_, index) =>
      patchbay.providers.upsertProvider({
        name,
        endpointUrl: `${index % 2 ? elsewhere.url : upstream.url}/v${index}`,
        credentials: apiKey(`sk-${index}`),
      }),
    );
    const made = Array.from({ length: 8 }, () => create({ providerId: name }));
    const changed = own.map(({ llmId }) => patchbay.llms.updateLlm({ llmId, providerId: name }));
    await Promise.all([...moves, ...made, ...changed]);
    const { provider } = await patchbay.providers.getProvider({ name });
    const { llms } = await patchbay.llms.listLlms({ pageSize: 1_000 });
    const through = llms.filter(({ providerId }) => providerId === provider?.providerId);
    expect(through).toHaveLength(16);
    expect(new Set(through.map(({ endpointUrl }) => endpointUrl))).toEqual(new Set([provider?.endpointUrl]));
  });
});

describe("a change of the Llm", () => {
  async function withOwn() {
    return create({
      providerType: Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE,
      endpointUrl: `${elsewhere.url}/v1`,
      credentials: apiKey("sk-own-0123456789abcdef"),
    });
  }

  it("to a provider asks for no credentials, and erases its own", async () => {
    const { llmId } = await withOwn();
    const { providerId, name } = await addProvider();
    const { llm } = await patchbay.llms.updateLlm({ llmId, providerId: name });
    expect(llm).toMatchObject({ providerId, endpointUrl: `${upstream.url}/v1`, hasCredentials: false });
    expect(await chat(llmId)).toMatchObject({ to: "upstream", key: `Bearer ${KEY}` });
    const [row] = await server.store.fork().execute("select sealed_credentials from llm where id = ?", [llmId]);
    expect(row).toEqual({ sealed_credentials: null });
  });

  it("to another provider takes that one's", async () => {
    const { llmId } = await create({ providerId: (await addProvider()).name });
    const other = await addProvider({ endpointUrl: `${elsewhere.url}/v1`, credentials: apiKey(NEW_KEY) });
    await patchbay.llms.updateLlm({ llmId, providerId: other.providerId });
    expect(await chat(llmId)).toMatchObject({ to: "elsewhere", key: `Bearer ${NEW_KEY}` });
    const { name } = await addProvider({ name: "anthropic" });
    expect(await problemIn(patchbay.llms.updateLlm({ llmId, providerId: name }))).toMatchObject({
      fields: [{ field: "providerType" }],
    });
  });

  it("away from its provider needs credentials, or expressly none", async () => {
    const { llmId } = await create({ providerId: (await addProvider()).name });
    expect(await problemIn(patchbay.llms.updateLlm({ llmId, providerId: "" }))).toMatchObject({
      code: "FailedPrecondition",
      reason: "CREDENTIALS_REQUIRED",
    });
    await patchbay.llms.updateLlm({ llmId, providerId: "", credentials: apiKey("sk-own") });
    expect(await chat(llmId)).toMatchObject({ to: "upstream", key: "Bearer sk-own" });
    await patchbay.llms.updateLlm({ llmId, providerId: (await addProvider()).name });
    const paths = ["provider_id", "credentials"];
    const { llm } = await patchbay.llms.updateLlm({ llmId, updateMask: { paths } });
    expect(llm).toMatchObject({ providerId: "", hasCredentials: false, endpointUrl: `${upstream.url}/v1` });
    expect(await chat(llmId)).toMatchObject({ key: undefined });
  });

  it("takes back what GetLlm gave, and a mask of all", async () => {
    const { llmId } = await create({ providerId: (await addProvider()).name });
    const { $typeName: _, capabilities: __, ...given } = await get(llmId);
    const { llm } = await patchbay.llms.updateLlm({ ...given, description: "new" } as never);
    expect(llm).toMatchObject({ providerId: given.providerId, description: "new" });
    const { displayName, endpointUrl, modelIdentifier } = given;
    const all = { llmId, displayName, endpointUrl, modelIdentifier, updateMask: { paths: ["*"] } };
    expect((await patchbay.llms.updateLlm(all)).llm).toMatchObject({ providerId: given.providerId, description: "" });
    const own = await withOwn();
    await patchbay.llms.updateLlm({ llmId: own.llmId, providerId: "", displayName: "Still mine" });
    expect((await get(own.llmId)).hasCredentials).toBe(true);
  });

  it("to a provider is refused while a rotation of its own is under way, and there is none with a provider", async () => {
    const { llmId } = await withOwn();
    const { name } = await addProvider();
    await patchbay.llms.addPendingCredentials({ llmId, credentials: apiKey("sk-next-0123456789abcdef") });
    expect(await problemIn(patchbay.llms.updateLlm({ llmId, providerId: name }))).toMatchObject({
      reason: "ROTATION_UNFINISHED",
    });
    await patchbay.llms.retireCredentials({ llmId, slot: StoredCredentials_Slot.PENDING });
    await patchbay.llms.updateLlm({ llmId, providerId: name });
    const pending = patchbay.llms.addPendingCredentials({ llmId, credentials: apiKey("sk-next-0123456789abcdef") });
    expect(await problemIn(pending)).toMatchObject({ fields: [{ field: "credentials" }] });
  });

  it("of its path stays below the provider's endpoint", async () => {
    const { llmId } = await create({ providerId: (await addProvider()).name });
    await patchbay.llms.updateLlm({ llmId, apiPath: "/beta/chat/completions" });
    expect(await chat(llmId)).toMatchObject({ path: "/v1/beta/chat/completions", key: `Bearer ${KEY}` });
    const out = patchbay.llms.updateLlm({ llmId, apiPath: "/../other/chat/completions" });
    expect(await problemIn(out)).toMatchObject({ fields: [{ field: "apiPath" }] });
  });
});

describe("deleting a provider", () => {
  it("is refused while Llms use it, and names them", async () => {
    const { name, providerId } = await addProvider();
    const first = await create({ providerId: name, displayName: "First user" });
    const second = await create({ providerId: name });
    const problem = await problemIn(patchbay.providers.deleteProvider({ name }));
    expect(problem).toMatchObject({
      code: "FailedPrecondition",
      reason: "PROVIDER_IN_USE",
      metadata: { providerId, llmCount: "2", llmIds: `${first.llmId},${second.llmId}` },
    });
    expect(problem.message).toContain(`First user (${first.llmId})`);
    expect(await chat(first.llmId)).toMatchObject({ key: `Bearer ${KEY}` });
    const { auditEvents } = await patchbay.audit.listAuditEvents({ resourceId: providerId });
    expect(auditEvents.map(({ action }) => action)).toEqual(["provider.create"]);
    for (const { llmId } of [first, second]) await patchbay.llms.deleteLlm({ llmId });
    await patchbay.providers.deleteProvider({ name });
    expect(await problemIn(patchbay.providers.getProvider({ name }))).toMatchObject({ reason: "PROVIDER_NOT_FOUND" });
  });

  it("lets go of deleted Llms, which come back without credentials", async () => {
    const { name } = await addProvider();
    const { llmId } = await create({ providerId: name });
    await patchbay.llms.deleteLlm({ llmId });
    await patchbay.providers.deleteProvider({ name });
    const { llm } = await patchbay.llms.undeleteLlm({ llmId });
    expect(llm).toMatchObject({ providerId: "", endpointUrl: `${upstream.url}/v1`, hasCredentials: false });
    expect((await chat(llmId)).key).toBeUndefined();
  });

  it("brings back a deleted Llm with the key and the endpoint that its provider has by then", async () => {
    const { name } = await addProvider();
    const { llmId } = await create({ providerId: name });
    await patchbay.llms.deleteLlm({ llmId });
    await patchbay.providers.upsertProvider({ name, endpointUrl: `${elsewhere.url}/v1`, credentials: apiKey(NEW_KEY) });
    const { llm } = await patchbay.llms.undeleteLlm({ llmId });
    expect(llm?.endpointUrl).toBe(`${elsewhere.url}/v1`);
    expect(await chat(llmId)).toMatchObject({ to: "elsewhere", key: `Bearer ${NEW_KEY}` });
  });

  it("names fifteen and counts the rest", async () => {
    const { name } = await addProvider();
    for (let made = 0; made < 22; made++) await create({ providerId: name });
    const { message, metadata } = await problemIn(patchbay.providers.deleteProvider({ name }));
    expect([metadata.llmCount, metadata.llmIds?.split(",").length]).toEqual(["22", 15]);
    expect(message).toContain("and 7 more");
  });

  it("is refused for what is newer than the caller knows", async () => {
    const { name, etag } = await addProvider();
    await patchbay.providers.upsertProvider({ name, displayName: "newer" });
    expect(await problemIn(patchbay.providers.deleteProvider({ name, etag }))).toMatchObject({
      reason: "ETAG_MISMATCH",
    });
  });

  it("and an Llm that begins to use it at the same time: one of them is refused", async () => {
    for (let round = 0; round < 20; round++) {
      const { name, providerId } = await addProvider();
      const [made, deleted] = await Promise.allSettled([
        create({ providerId: name }),
        patchbay.providers.deleteProvider({ name }),
      ]);
      const { llms } = await patchbay.llms.listLlms({ pageSize: 1_000 });
      const users = llms.filter((llm) => llm.providerId === providerId).length;
      expect([made.status, deleted.status, users]).toEqual(
        made.status === "fulfilled" ? ["fulfilled", "rejected", 1] : ["rejected", "fulfilled", 0],
      );
      const [refused] = [made, deleted].filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
      const { reason } = await problemIn(Promise.reject(refused?.reason));
      expect(reason).toBe(made.status === "fulfilled" ? "PROVIDER_IN_USE" : "PROVIDER_NOT_FOUND");
    }
  });
});
