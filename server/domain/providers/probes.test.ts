import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { ConnectionTest_Outcome as Outcome } from "../../../gen/patchbay/v1/connection_test_pb.ts";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { Notice_Code } from "../../../gen/patchbay/v1/notice_pb.ts";
import { Provider_Status } from "../../../gen/patchbay/v1/provider_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, secretRef } from "../../test/service/llm-requests.ts";
import { behaviours, refuses } from "../../test/upstream/behaviours.ts";
import { servesModels } from "../../test/upstream/models.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

const KEY = "sk-canary-0123456789abcdef";

let upstream: ScriptedUpstream;
let server: TestServer;
let accountId: string;
let patchbay: Patchbay;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start({ apiKey: KEY });
  server = await startServer({ EGRESS_ALLOW: upstream.url });
  const account = await server.addAccount("OWNER");
  accountId = account.accountId;
  patchbay = server.client(account.apiKey);
});
afterEach(() => upstream.setModels(servesModels("some-model", "other-model")));
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

let count = 0;

async function upsert(said: object = {}): Promise<string> {
  const name = `vendor-${++count}`;
  await patchbay.providers.upsertProvider({
    name,
    endpointUrl: `${upstream.url}/v1`,
    credentials: apiKey(KEY),
    ...said,
  });
  return name;
}

async function get(name: string) {
  const { provider } = await patchbay.providers.getProvider({ name });
  if (!provider) throw new Error("no provider");
  return { ...provider, lastTest: provider.lastTest };
}

async function actionsOf(name: string) {
  const { auditEvents } = await patchbay.audit.listAuditEvents({ resourceId: (await get(name)).providerId });
  return auditEvents.map(({ action, facts }) => [action, facts.usesSecret]).reverse();
}

describe("testing a provider", () => {
  it("keeps what came of it, and writes down that the key was used", async () => {
    const name = await upsert();
    const before = await get(name);
    const { test } = await patchbay.providers.testProvider({ name });
    expect(test).toMatchObject({ outcome: Outcome.OK, httpStatus: 200, model: "" });
    const after = await get(name);
    expect(after).toMatchObject({ status: Provider_Status.ACTIVE, lastTest: test, etag: before.etag });
    expect(await actionsOf(name)).toEqual([
      ["provider.create", undefined],
      ["provider.test", "true"],
    ]);
  });

  it("tells a bad key, and from then on the provider fails", async () => {
    const name = await upsert({ credentials: apiKey("sk-bad-0123456789abcdef") });
    expect((await patchbay.providers.testProvider({ name })).test?.outcome).toBe(Outcome.KEY_REFUSED);
    expect((await get(name)).status).toBe(Provider_Status.FAILING);
    await patchbay.providers.upsertProvider({ name, credentials: apiKey(KEY) });
    expect(await get(name)).toMatchObject({ status: Provider_Status.UNTESTED, lastTest: undefined });
  });

  it("changes no status when nothing is proven", async () => {
    const name = await upsert();
    await patchbay.providers.testProvider({ name });
    upstream.setModels(refuses(429));
    expect((await patchbay.providers.testProvider({ name })).test?.outcome).toBe(Outcome.RATE_LIMITED);
    upstream.setModels(refuses(404));
    expect((await patchbay.providers.testProvider({ name })).test?.outcome).toBe(Outcome.INCONCLUSIVE);
    expect(await get(name)).toMatchObject({
      status: Provider_Status.ACTIVE,
      lastTest: { outcome: Outcome.INCONCLUSIVE },
    });
  });

  it("is not told of another key than the one that was tested", async () => {
    const name = await upsert();
    const index = upstream.requests.length;
    const held = Promise.withResolvers<void>();
    upstream.script(async (call) => {
      await held.promise;
      await servesModels("a")(call);
    });
    const testing = patchbay.providers.testProvider({ name });
    await upstream.whenRequested(index);
    await patchbay.providers.upsertProvider({ name, credentials: apiKey("sk-bad-0123456789abcdef") });
    held.resolve();
    expect((await testing).test?.outcome).toBe(Outcome.OK);
    expect(await get(name)).toMatchObject({ status: Provider_Status.UNTESTED, lastTest: undefined });
  });

  it("never opens credentials whose row points elsewhere, and says so from then on", async () => {
    const name = await upsert();
    const evil = `${upstream.url}/evil`;
    await server.store.fork().execute("update provider set endpoint_url = ? where name = ?", [evil, name]);
    const before = upstream.requests.length;
    for (const call of ["testProvider", "listProviderModels"] as const) {
      expect(await problemIn(patchbay.providers[call]({ name }) as Promise<unknown>)).toMatchObject({
        code: "FailedPrecondition",
        reason: "CREDENTIALS_UNREADABLE",
      });
    }
    expect(upstream.requests.length).toBe(before);
    expect((await get(name)).status).toBe(Provider_Status.CREDENTIALS_UNREADABLE);
  });
});

describe("a provider whose key is kept elsewhere", () => {
  let refs: TestServer;
  let client: Patchbay;
  beforeAll(async () => {
    refs = await startServer({
      EGRESS_ALLOW: upstream.url,
      VENDOR_KEY: KEY,
      SECRET_REFS: `env://VENDOR_KEY@${upstream.url},env://VENDOR_GONE@${upstream.url}`,
    });
    client = refs.client((await refs.addAccount("OWNER")).apiKey);
  });
  afterAll(() => refs.stop());

  it("has it fetched for a test, for its models and for a chat through it", async () => {
    const draft = { name: "ref", endpointUrl: `${upstream.url}/v1`, credentials: secretRef("env://VENDOR_KEY") };
    const { provider } = await client.providers.upsertProvider(draft);
    expect(provider).toMatchObject({ hasCredentials: true, credentialsHint: "", credentialsRef: "env://VENDOR_KEY" });
    expect((await client.providers.testProvider({ name: "ref" })).test?.outcome).toBe(Outcome.OK);
    expect((await client.providers.listProviderModels({ name: "ref" })).models).toHaveLength(2);
    const { llm } = await client.llms.createLlm({ displayName: "a", modelIdentifier: "fine", providerId: "ref" });
    await client.chat.chat({ llmId: llm?.llmId ?? "", message: "Hi" });
    expect(upstream.requests.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
  });

  it("says so where there is none, and takes no reference that is not allowed", async () => {
    const draft = { name: "gone", endpointUrl: `${upstream.url}/v1`, credentials: secretRef("env://VENDOR_GONE") };
    await client.providers.upsertProvider(draft);
    expect((await client.providers.testProvider({ name: "gone" })).test?.outcome).toBe(Outcome.SECRET_UNRESOLVED);
    expect(await problemIn(client.providers.listProviderModels({ name: "gone" }))).toMatchObject({
      reason: "SECRET_REF_UNRESOLVED",
    });
    const moved = client.providers.upsertProvider({ ...draft, endpointUrl: "https://elsewhere.example.com/v1" });
    expect(await problemIn(moved)).toMatchObject({ reason: "SECRET_REF_NOT_ALLOWED" });
  });
});

describe("the models of a provider", () => {
  it("are the vendor's, and for a while those that it had", async () => {
    const name = await upsert();
    const first = await patchbay.providers.listProviderModels({ name });
    expect(first.models).toMatchObject([
      { modelIdentifier: "some-model", ownedBy: "system", createdAt: 1_700_000_000_000n },
      { modelIdentifier: "other-model" },
    ]);
    expect(Number(first.fetchedAt)).toBeGreaterThan(Date.now() - 60_000);
    upstream.setModels(servesModels("new-model"));
    expect(await patchbay.providers.listProviderModels({ name })).toEqual(first);
    const fresh = await patchbay.providers.listProviderModels({ name, maxAgeMs: 0 });
    expect(fresh.models.map(({ modelIdentifier }) => modelIdentifier)).toEqual(["new-model"]);
    expect((await actionsOf(name)).slice(1)).toEqual([
      ["provider.listModels", "true"],
      ["provider.listModels", "true"],
    ]);
  });

  it("are not those that another key was told", async () => {
    const name = await upsert();
    await patchbay.providers.listProviderModels({ name });
    await patchbay.providers.upsertProvider({ name, credentials: apiKey("sk-bad-0123456789abcdef") });
    expect(await problemIn(patchbay.providers.listProviderModels({ name }))).toMatchObject({
      reason: "UPSTREAM_KEY_REFUSED",
    });
  });

  it("are asked for as Anthropic takes it, to the last page", async () => {
    upstream.setModels(servesModels("a", "b", "c"));
    const name = await upsert({ providerType: Llm_ProviderType.ANTHROPIC });
    const { models } = await patchbay.providers.listProviderModels({ name });
    expect(models.map(({ modelIdentifier }) => modelIdentifier)).toEqual(["a", "b", "c"]);
  });

  it("may be more than are listed", async () => {
    upstream.setModels(servesModels(...Array.from({ length: 10_001 }, (_, index) => `m${index}`)));
    const { models, statuses } = await patchbay.providers.listProviderModels({ name: await upsert() });
    expect([models.length, statuses.map(({ code }) => code)]).toEqual([10_000, [Notice_Code.PARTIAL_RESULTS]]);
  });

  it.each([
    { name: "the rate is limited", behaviour: refuses(429), reason: "UPSTREAM_RATE_LIMITED" },
    { name: "there is no list", behaviour: refuses(404), reason: "UPSTREAM_BAD_REPLY" },
    { name: "a page answers", behaviour: behaviours.html ?? refuses(500), reason: "UPSTREAM_BAD_REPLY" },
    { name: "the key comes back", behaviour: refuses(401, {}, `no such key: ${KEY}`), reason: "UPSTREAM_KEY_REFUSED" },
  ])("are refused when $name, and that is not kept", async ({ behaviour, reason }) => {
    const name = await upsert();
    upstream.script(behaviour);
    const problem = await problemIn(patchbay.providers.listProviderModels({ name }));
    expect(problem).toMatchObject({ reason, metadata: { providerId: (await get(name)).providerId } });
    expect(JSON.stringify([problem, server.log])).not.toContain("sk-canary");
    expect((await patchbay.providers.listProviderModels({ name })).models).toHaveLength(2);
  });

  it("are counted as tests when the vendor is asked", async () => {
    const limited = await startServer({ EGRESS_ALLOW: upstream.url, TESTS_PER_MINUTE: "1" });
    const { providers } = limited.client((await limited.addAccount("OWNER")).apiKey);
    await providers.upsertProvider({ name: "a", endpointUrl: `${upstream.url}/v1`, credentials: apiKey(KEY) });
    await providers.listProviderModels({ name: "a" });
    await providers.listProviderModels({ name: "a" });
    const problem = await problemIn(providers.listProviderModels({ name: "a", maxAgeMs: 0 }));
    await limited.stop();
    expect(problem).toMatchObject({ reason: "RATE_LIMITED", metadata: { setting: "TESTS_PER_MINUTE" } });
  });

  it("may be seen by who only reads", async () => {
    const viewer = server.client(await server.addKey(accountId, "VIEWER"));
    expect((await viewer.providers.listProviderModels({ name: await upsert() })).models).toHaveLength(2);
  });
});
