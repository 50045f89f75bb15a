import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { ApiKey_Role as Role } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { CapabilitySource_Source as Source } from "../../../gen/patchbay/v1/capability_sources_pb.ts";
import { Llm_Modality, Llm_ProviderType, Llm_Status } from "../../../gen/patchbay/v1/llm_pb.ts";
import { Notice_Code } from "../../../gen/patchbay/v1/notice_pb.ts";
import { Permission } from "../../../gen/patchbay/v1/permission_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, llmRequest } from "../../test/service/llm-requests.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

let server: TestServer;
let accountId: string;
let key: string;
let llms: Patchbay["llms"];

beforeAll(async () => {
  server = await startServer({ EGRESS_ALLOW: "http://localhost:11434" });
  ({ accountId, apiKey: key } = await server.addAccount("OWNER"));
  llms = server.client(key).llms;
});
afterAll(() => server.stop());

async function create(said: Parameters<typeof llmRequest>[0] = {}) {
  const { llm } = await llms.createLlm(llmRequest(said));
  if (!llm) throw new Error("no llm");
  return llm;
}

describe("creating", () => {
  it("keeps what was said and fills in what was not", async () => {
    const llm = await create({ labels: { team: "ai" }, displayName: "Mine" });
    expect(llm).toMatchObject({
      displayName: "Mine",
      ownerId: accountId,
      createdById: accountId,
      apiPath: "/chat/completions",
      labels: { team: "ai" },
      supportedModalities: [Llm_Modality.TEXT],
      status: Llm_Status.UNTESTED,
      isDefault: false,
      hasCredentials: false,
      credentialsHint: "",
    });
    expect(Number(llm.createdAt)).toBeGreaterThan(Date.now() - 60_000);
  });

  it("infers from the catalog and says so, capability by capability", async () => {
    const { llm, statuses } = await llms.createLlm(
      llmRequest({
        providerType: Llm_ProviderType.OPENAI,
        modelIdentifier: "gpt-4o",
        endpointUrl: "",
        capabilities: { supportsStreaming: false },
      }),
    );
    expect(llm).toMatchObject({
      endpointUrl: "https://api.openai.com/v1",
      maxContextLength: 128_000,
      capabilities: { supportsFunctionCalling: true, supportsSamplingParameters: true, supportsStreaming: false },
    });
    expect(llm?.supportedModalities).toContain(Llm_Modality.IMAGE);
    const inferred = statuses.filter(({ code }) => code === Notice_Code.LLM_CAPABILITY_INFERRED);
    expect(inferred.map(({ message }) => message.split(" ")[0]).sort()).toEqual([
      "supportsChat",
      "supportsCompletion",
      "supportsFunctionCalling",
      "supportsSamplingParameters",
      "supportsSystemMessages",
    ]);
    expect(statuses.map(({ code }) => code)).toContain(Notice_Code.CREDENTIALS_MISSING);
  });

  it.each([
    {
      name: "an unknown model",
      said: { providerType: Llm_ProviderType.OPENAI, endpointUrl: "", modelIdentifier: "gpt-99" },
      code: Notice_Code.MODEL_UNKNOWN,
    },
    {
      name: "a retired model",
      said: { providerType: Llm_ProviderType.OPENAI, endpointUrl: "", modelIdentifier: "gpt-4-turbo-preview" },
      code: Notice_Code.MODEL_RETIRED,
    },
    {
      name: "a plain-text endpoint",
      said: { endpointUrl: "http://localhost:11434/v1" },
      code: Notice_Code.PLAINTEXT_ENDPOINT,
    },
    {
      name: "a version in both parts of the URL",
      said: { endpointUrl: "https://twice.example.com/v1", apiPath: "/v1/chat/completions" },
      code: Notice_Code.ENDPOINT_HINT,
    },
    { name: "a missing /v1", said: { endpointUrl: "https://bare.example.com" }, code: Notice_Code.ENDPOINT_HINT },
    {
      name: "the price of one token",
      said: { price: { input: "0.000003", output: "0.000015", cacheRead: "0" } },
      code: Notice_Code.PRICE_HINT,
    },
  ])("remarks on $name", async ({ said, code }) => {
    const { statuses } = await llms.createLlm(llmRequest(said));
    expect(statuses.map((status) => status.code)).toContain(code);
  });

  it("never shows a key, and hints at long ones only", async () => {
    const long = await create({ credentials: apiKey("sk-0123456789abcdefWXYZ") });
    const short = await create({ credentials: apiKey("sk-1234") });
    expect([long.credentialsHint, short.credentialsHint]).toEqual(["…WXYZ", ""]);
    expect(JSON.stringify(long, (_, value) => (typeof value === "bigint" ? String(value) : value))).not.toContain(
      "sk-0123",
    );
  });

  it.each([
    { name: "the same words", first: {}, second: {} },
    {
      name: "another spelling of the URL",
      first: { endpointUrl: "https://same.example.com/v1" },
      second: { endpointUrl: "HTTPS://Same.Example.com.:443/x/../v1/" },
    },
    { name: "the path that is the default", first: {}, second: { apiPath: "/chat/completions" } },
    { name: "the same key", first: { credentials: apiKey("sk-a") }, second: { credentials: apiKey("sk-a") } },
  ])("refuses a duplicate: $name", async ({ first, second }) => {
    const request = llmRequest();
    const { llm } = await llms.createLlm({ ...request, ...first });
    const problem = await problemIn(llms.createLlm({ ...request, ...first, ...second, displayName: "another name" }));
    expect(problem).toMatchObject({
      code: "AlreadyExists",
      reason: "LLM_DUPLICATE",
      metadata: { llmId: llm?.llmId, sameRequest: "false" },
    });
  });

  it("tells a repeated request from a different one", async () => {
    const request = llmRequest();
    await llms.createLlm(request);
    expect((await problemIn(llms.createLlm(request))).metadata).toMatchObject({ sameRequest: "true" });
  });

  it("takes a repeated request for the same in whichever order its labels come", async () => {
    const request = llmRequest();
    await llms.createLlm({ ...request, labels: { a: "1", b: "2" } });
    const problem = await problemIn(llms.createLlm({ ...request, labels: { b: "2", a: "1" } }));
    expect(problem.metadata).toMatchObject({ sameRequest: "true" });
  });

  it("does not name a duplicate to those who may create for its owner and not read", async () => {
    const { apiKey: ownerKey, accountId } = await server.addAccount("OWNER");
    const { llm } = await server.client(ownerKey).llms.createLlm(llmRequest({ llmId: randomUUID() }));
    const { access } = server.client(server.adminKey);
    const scopes = [Permission.CREATE_LLM_ANY, Permission.READ_LLM_OWN];
    const { key } = await access.createApiKey({ displayName: "creator", role: Role.ADMIN, scopes });
    const { endpointUrl = "", modelIdentifier = "" } = llm ?? {};
    const request = llmRequest({ ownerId: accountId, endpointUrl, modelIdentifier });
    const problem = await problemIn(server.client(key).llms.createLlm(request));
    expect(problem).toMatchObject({ reason: "LLM_DUPLICATE", metadata: {} });
    expect(JSON.stringify(problem)).not.toContain(llm?.llmId);
    const seen = await problemIn(server.client(server.adminKey).llms.createLlm(request));
    expect(seen.metadata).toMatchObject({ llmId: llm?.llmId });
  });

  it.each([
    { name: "another key", second: { credentials: apiKey("sk-b") } },
    { name: "another model", second: { modelIdentifier: "other-model" } },
    { name: "another path", second: { apiPath: "/other" } },
  ])("takes what differs: $name", async ({ second }) => {
    const request = llmRequest({ credentials: apiKey("sk-a") });
    await llms.createLlm(request);
    await llms.createLlm({ ...request, ...second });
  });

  it("takes the caller's id once", async () => {
    const llmId = randomUUID();
    expect((await create({ llmId })).llmId).toBe(llmId);
    const problem = await problemIn(create({ llmId }));
    expect(problem).toMatchObject({ code: "AlreadyExists", reason: "LLM_ID_TAKEN", metadata: { llmId } });
  });

  it("says nothing of a stranger's Llm with the same id", async () => {
    const { llmId } = await create();
    const stranger = server.client((await server.addAccount("OWNER")).apiKey);
    const problem = await problemIn(stranger.llms.createLlm(llmRequest({ llmId })));
    expect(problem).toMatchObject({ reason: "LLM_ID_TAKEN", metadata: {} });
  });

  it("lets an ADMIN act for another account, and nobody else", async () => {
    const admin = server.client(server.adminKey);
    const { llm } = await admin.llms.createLlm(llmRequest({ ownerId: accountId }));
    expect(llm?.ownerId).toBe(accountId);
    const other = (await server.addAccount("OWNER")).accountId;
    expect(await problemIn(create({ ownerId: other }))).toMatchObject({
      reason: "PERMISSION_MISSING",
      metadata: { permission: "CREATE_LLM_ANY" },
    });
    expect((await problemIn(admin.llms.createLlm(llmRequest({ ownerId: randomUUID() })))).fields[0]?.field).toBe(
      "ownerId",
    );
  });

  it.each([
    { name: "no name", said: { displayName: "" }, field: "displayName" },
    { name: "a name that is too long", said: { displayName: "x".repeat(256) }, field: "displayName" },
    { name: "no model", said: { modelIdentifier: "" }, field: "modelIdentifier" },
    { name: "no provider type", said: { providerType: 0 as const }, field: "providerType" },
    { name: "an id that is no UUID", said: { llmId: "x" }, field: "llmId" },
    { name: "no endpoint where there is no default", said: { endpointUrl: "" }, field: "endpointUrl" },
    { name: "an endpoint that is no URL", said: { endpointUrl: "api.openai.com" }, field: "endpointUrl" },
    {
      name: "a user name in the endpoint",
      said: { endpointUrl: "https://me:secret@x.example.com" },
      field: "endpointUrl",
    },
    {
      name: "21 labels",
      said: { labels: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`l${n}`, "x"])) },
      field: "labels",
    },
    { name: "a label that pollutes", said: { labels: { constructor: "x" } }, field: 'labels["constructor"]' },
    {
      name: "a key with a line break",
      said: { credentials: apiKey("sk-a\r\nx: y") },
      field: "credentials.apiKey.inlineSecret",
    },
    { name: "an empty key", said: { credentials: apiKey("") }, field: "credentials.apiKey.inlineSecret" },
    { name: "a mask", said: { credentials: apiKey("*****") }, field: "credentials.apiKey.inlineSecret" },
    { name: "a kind without its key", said: { credentials: { kind: 1 } }, field: "credentials.apiKey" },
    { name: "a path that leads out", said: { apiPath: "/../../admin" }, field: "apiPath" },
    { name: "a path with a query", said: { apiPath: "/chat?x=y" }, field: "apiPath" },
    { name: "a private endpoint", said: { endpointUrl: "http://127.0.0.1:9/v1" }, field: "endpointUrl" },
    {
      name: "a closed port of an open host",
      said: { endpointUrl: "http://localhost:11435/v1" },
      field: "endpointUrl",
    },
  ])("refuses $name, naming the field", async ({ said, field }) => {
    const problem = await problemIn(create(said as never));
    expect(problem.code).toBe("InvalidArgument");
    expect(problem.fields.map((violation) => violation.field)).toContain(field);
    expect(problem.message).not.toMatch(/sk-a|secret@/);
  });

  it("lets one of 50 identical requests win", async () => {
    for (const credentials of [undefined, apiKey("sk-race")]) {
      const request = llmRequest({ ...(credentials ? { credentials } : {}) });
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, () =>
          llms.createLlm(request).then(
            () => "created",
            async (error) => (await problemIn(Promise.reject(error))).reason,
          ),
        ),
      );
      expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === "LLM_DUPLICATE")).toHaveLength(49);
    }
  });
});

describe("updating", () => {
  it("changes what is set and leaves the rest", async () => {
    const before = await create({ description: "old", version: "1", labels: { a: "1" } });
    const { llm } = await llms.updateLlm({ llmId: before.llmId, description: "new" });
    expect(llm).toMatchObject({
      description: "new",
      version: "1",
      labels: { a: "1" },
      displayName: before.displayName,
    });
    expect(llm?.etag).not.toBe(before.etag);
  });

  it("clears what the mask names and is not set", async () => {
    const { llmId } = await create({ description: "old", maxContextLength: 5, capabilities: { supportsChat: false } });
    const { llm } = await llms.updateLlm({
      llmId,
      updateMask: { paths: ["description", "max_context_length", "capabilities"] },
    });
    expect(llm).toMatchObject({ description: "", capabilities: { supportsChat: true } });
    expect(llm?.maxContextLength).toBeUndefined();
  });

  it.each([
    { name: "an unknown path", paths: ["no_such"], field: "updateMask" },
    { name: "a path that cannot be changed", paths: ["llm_id"], field: "updateMask" },
    { name: "a required field without a value", paths: ["display_name"], field: "displayName" },
  ])("refuses a mask with $name", async ({ paths, field }) => {
    const { llmId } = await create();
    const problem = await problemIn(llms.updateLlm({ llmId, updateMask: { paths } }));
    expect(problem.fields[0]?.field).toBe(field);
  });

  it("replaces or merges labels", async () => {
    const { llmId } = await create({ labels: { a: "1", b: "2" } });
    const merged = await llms.updateLlm({ llmId, mergeLabels: { labels: { b: "3", c: "4" } } });
    expect(merged.llm?.labels).toEqual({ a: "1", b: "3", c: "4" });
    const replaced = await llms.updateLlm({ llmId, replaceLabels: { labels: { d: "5" } } });
    expect(replaced.llm?.labels).toEqual({ d: "5" });
    const emptied = await llms.updateLlm({ llmId, replaceLabels: {} });
    expect(emptied.llm?.labels).toEqual({});
  });

  it("takes back over REST what GET returned, with a change", async () => {
    const { llmId } = await create({
      description: "old",
      labels: { a: "1" },
      credentials: apiKey("sk-0123456789abcdefghij"),
    });
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const url = `${server.url}/v1/llms/${llmId}`;
    const read = await (await fetch(url, { headers })).json();
    for (const method of ["PUT", "PATCH"]) {
      const { etag: _, ...rest } = read;
      const body = JSON.stringify({ ...rest, description: method });
      const written = await (await fetch(url, { method, headers, body })).json();
      expect(written).toEqual({
        ...read,
        description: method,
        etag: expect.any(String),
        updatedAt: expect.any(String),
        statuses: expect.any(Array),
      });
    }
    const stale = await fetch(url, { method: "PUT", headers, body: JSON.stringify(read) });
    expect((await stale.json()).error).toMatchObject({ status: "ABORTED" });
  });

  it("says its remarks where the answer is the Llm alone, and there only", async () => {
    const { llmId } = await create({ modelIdentifier: randomUUID() });
    const url = `${server.url}/v1/llms/${llmId}`;
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const body = JSON.stringify({ endpointUrl: "http://localhost:11434/v1" });
    const said = expect.arrayContaining([{ code: "PLAINTEXT_ENDPOINT", message: expect.any(String) }]);
    expect(await (await fetch(url, { method: "PATCH", headers, body })).json()).toMatchObject({ statuses: said });
    expect(await (await fetch(url, { headers })).json()).toMatchObject({ statuses: [] });
    const { llm, statuses } = await llms.updateLlm({ llmId, description: "again" });
    expect(llm?.statuses).toEqual(statuses);
    expect(statuses.map(({ code }) => code)).toContain(Notice_Code.PLAINTEXT_ENDPOINT);
  });

  it.each(["nope", "credentials_ref2", "statusses"])("refuses %s, which no Llm has", async (name) => {
    const { llmId } = await create();
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const init = { method: "PUT", headers, body: JSON.stringify({ [name]: "x" }) };
    const { error } = await (await fetch(`${server.url}/v1/llms/${llmId}`, init)).json();
    expect(error.message).toContain(`unknown field \`${name}\``);
  });

  it("takes what is sent back with another value, or without its source, for the owner's word", async () => {
    const { llmId, capabilities, capabilitySources } = await create();
    const said = { capabilities: { ...capabilities, supportsStreaming: false }, capabilitySources };
    const { llm: changed } = await llms.updateLlm({ llmId, ...said } as Parameters<typeof llms.updateLlm>[0]);
    expect(changed).toMatchObject({
      capabilities: { supportsStreaming: false },
      capabilitySources: { supportsStreaming: { source: Source.OWNER }, supportsChat: { source: Source.ASSUMED } },
    });
    const { llm: claimed } = await llms.updateLlm({ llmId, capabilities: { supportsChat: true } });
    expect(claimed?.capabilitySources?.supportsChat?.source).toBe(Source.OWNER);
  });

  it("never changes the provider type", async () => {
    const { llmId } = await create();
    await llms.updateLlm({ llmId, providerType: Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE });
    const problem = await problemIn(llms.updateLlm({ llmId, providerType: Llm_ProviderType.VLLM }));
    expect(problem.fields[0]?.field).toBe("providerType");
  });

  it.each([
    { name: "another host", change: { endpointUrl: "https://evil.example.com/v1" } },
    { name: "another base path", change: { endpointUrl: "https://moved.example.com/v2" } },
    { name: "another port", change: { endpointUrl: "https://moved.example.com:8443/v1" } },
    { name: "another API path", change: { apiPath: "/steal" } },
    {
      name: "another host with the mask of a key",
      change: { endpointUrl: "https://evil.example.com/v1", credentials: apiKey("*****") },
    },
  ])("does not let stored credentials follow to $name", async ({ change }) => {
    const { llmId } = await create({
      endpointUrl: "https://moved.example.com/v1",
      modelIdentifier: randomUUID(),
      credentials: apiKey("sk-stay"),
    });
    const problem = await problemIn(llms.updateLlm({ llmId, ...change }));
    expect(problem).toMatchObject({ code: "FailedPrecondition", reason: "CREDENTIALS_REQUIRED" });
    expect((await llms.getLlm({ llmId })).llm?.endpointUrl).toBe("https://moved.example.com/v1");
  });

  it("moves with new credentials, without any, or to the same place in other words", async () => {
    const withKey = await create({ credentials: apiKey("sk-old-0123456789abcdef") });
    const moved = await llms.updateLlm({
      llmId: withKey.llmId,
      endpointUrl: "https://new.example.com/v1",
      credentials: apiKey("sk-new-0123456789abNEWK"),
    });
    expect(moved.llm).toMatchObject({ endpointUrl: "https://new.example.com/v1", credentialsHint: "…NEWK" });
    const same = await llms.updateLlm({ llmId: withKey.llmId, endpointUrl: "https://NEW.example.com:443/v1/" });
    expect(same.llm).toMatchObject({ endpointUrl: "https://new.example.com/v1", hasCredentials: true });
    const without = await create();
    await llms.updateLlm({ llmId: without.llmId, endpointUrl: "https://anywhere.example.com/v1" });
  });

  it("keeps credentials that come back masked, and removes them only by name", async () => {
    const { llmId } = await create({ credentials: apiKey("sk-keep-0123456789abKEEP") });
    const masked = await llms.updateLlm({ llmId, credentials: apiKey("*****"), description: "x" });
    expect(masked.llm).toMatchObject({ hasCredentials: true, credentialsHint: "…KEEP", description: "x" });
    const everything = await llms.updateLlm({
      llmId,
      updateMask: { paths: ["*"] },
      displayName: "y",
      endpointUrl: masked.llm?.endpointUrl ?? "",
      modelIdentifier: "some-model",
    });
    expect(everything.llm).toMatchObject({ hasCredentials: true, description: "" });
    const removed = await llms.updateLlm({ llmId, updateMask: { paths: ["credentials"] } });
    expect(removed.llm).toMatchObject({ hasCredentials: false, credentialsHint: "" });
  });

  it("infers anew for another model what the owner left open", async () => {
    const llm = await create({
      providerType: Llm_ProviderType.OPENAI,
      endpointUrl: "",
      modelIdentifier: "gpt-4o",
      credentials: apiKey(randomUUID()),
      capabilities: { supportsCompletion: true },
    });
    const { llm: after } = await llms.updateLlm({ llmId: llm.llmId, modelIdentifier: "o1" });
    expect(after).toMatchObject({
      maxContextLength: 200_000,
      modelDeprecated: true,
      capabilities: { supportsSamplingParameters: false, supportsCompletion: true },
    });
  });

  it("refuses to become a duplicate", async () => {
    const one = await create();
    const two = await create();
    expect(await problemIn(llms.updateLlm({ llmId: two.llmId, endpointUrl: one.endpointUrl }))).toMatchObject({
      code: "AlreadyExists",
      reason: "LLM_DUPLICATE",
    });
  });

  it("loses nothing among 16 who read, modify and write with the etag", async () => {
    const { llmId } = await create({ description: "0" });
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        for (;;) {
          const { llm } = await llms.getLlm({ llmId });
          const next = String(Number(llm?.description) + 1);
          const outcome = await llms.updateLlm({ llmId, etag: llm?.etag ?? "", description: next }).then(
            () => "written",
            async (error) => (await problemIn(Promise.reject(error))).reason,
          );
          if (outcome === "written") return;
          expect(outcome).toBe("ETAG_MISMATCH");
        }
      }),
    );
    expect((await llms.getLlm({ llmId })).llm?.description).toBe("16");
  });
});

describe("deleting", () => {
  it("is final, and takes the default with it", async () => {
    const { llmId, etag } = await create();
    await llms.setDefaultLlm({ llmId });
    expect((await problemIn(llms.deleteLlm({ llmId, etag: "r99" }))).code).toBe("Aborted");
    await llms.deleteLlm({ llmId, etag });
    expect(await problemIn(llms.getLlm({ llmId }))).toMatchObject({ code: "NotFound", reason: "LLM_NOT_FOUND" });
    expect(await problemIn(server.client(key).chat.chat({ message: "hi" }))).toMatchObject({
      reason: "DEFAULT_LLM_NOT_SET",
    });
  });
});

describe("the default", () => {
  it("is one, whoever sets it, and setting it never fails", async () => {
    const { apiKey: ownKey } = await server.addAccount("OWNER");
    const own = server.client(ownKey).llms;
    const ids = await Promise.all(
      Array.from({ length: 8 }, async () => (await own.createLlm(llmRequest())).llm?.llmId ?? ""),
    );
    const waiting = Array.from({ length: 10 }, () => ids).flat();
    // More at a time than there are connections, and not all 80: on a busy machine the last would not have its turn in time.
    const caller = async () => {
      for (let llmId = waiting.shift(); llmId !== undefined; llmId = waiting.shift())
        await own.setDefaultLlm({ llmId });
    };
    await Promise.all(Array.from({ length: 24 }, caller));
    expect(waiting).toEqual([]);
    const { llms: all } = await own.listLlms({});
    expect(all.filter(({ isDefault }) => isDefault)).toHaveLength(1);
  });
});

describe("strangers", () => {
  it("get the same answer for what is not theirs as for what is not there", async () => {
    const { llmId } = await create();
    const stranger = server.client((await server.addAccount("OWNER")).apiKey).llms;
    const missing = randomUUID();
    const blurred = (problem: Awaited<ReturnType<typeof problemIn>>, id: string) =>
      JSON.stringify({ ...problem, requestId: "" }).replaceAll(id, "ID");
    for (const call of [
      (id: string) => stranger.getLlm({ llmId: id }),
      (id: string) => stranger.updateLlm({ llmId: id, description: "x" }),
      (id: string) => stranger.deleteLlm({ llmId: id }),
      (id: string) => stranger.setDefaultLlm({ llmId: id }),
      (id: string) => stranger.testLlm({ llmId: id }),
    ]) {
      const [foreign, absent] = [await problemIn(call(llmId)), await problemIn(call(missing))];
      expect(blurred(foreign, llmId)).toBe(blurred(absent, missing));
      expect(foreign.reason).toBe("LLM_NOT_FOUND");
    }
  });
});
