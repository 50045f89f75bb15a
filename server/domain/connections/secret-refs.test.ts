import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import {
  ConnectionTest_Outcome as Outcome,
  ConnectionTest_Stage_Name as StageName,
  ConnectionTest_Stage_State as StageState,
} from "../../../gen/patchbay/v1/connection_test_pb.ts";
import { Llm_ProviderType, Llm_Status } from "../../../gen/patchbay/v1/llm_pb.ts";
import { Secret } from "../../base/secret.ts";
import { makeTemporaryFolder } from "../../test/base/temporary-folder.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, llmRequest, secretRef } from "../../test/service/llm-requests.ts";
import { refuses } from "../../test/upstream/behaviours.ts";
import { KeyValueServer } from "../../test/upstream/key-value-server.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";
import { KeyValueVault } from "../../upstream/operator/hashicorp-vault.ts";
import { SecretFiles } from "../../upstream/operator/secret-files.ts";
import { SecretRef } from "./secret-ref.ts";
import { parseSecretRefRules } from "./secret-ref-rules.ts";
import { SecretRefs } from "./secret-refs.ts";

const CANARY = "sk-canary-0123456789";

let upstream: ScriptedUpstream;
let thief: ScriptedUpstream;
let vault: KeyValueServer;
let server: TestServer;
let accountId: string;
let ownerKey: string;
let patchbay: Patchbay;
const folder = makeTemporaryFolder("secret-refs");
const bound = makeTemporaryFolder("bound-secret");
const file = (name: string) => join(folder.path, name);

beforeAll(async () => {
  [upstream, thief] = [await ScriptedUpstream.start(), await ScriptedUpstream.start()];
  vault = await KeyValueServer.start();
  vault.secrets.set("kv/patchbay/openai", { key: `${CANARY}-vault`, empty: "", odd: "a b" });
  writeFileSync(file("key"), `${CANARY}-key\n`);
  writeFileSync(join(bound.path, "key"), "sk-bound");
  writeFileSync(file("two-lines"), `${CANARY}\nx-header: 1`);
  const origin = upstream.url;
  server = await startServer({
    EGRESS_ALLOW: `${upstream.url},${thief.url}`,
    LLM_KEY_ONE: `${CANARY}-env`,
    LLM_KEY_EMPTY: "",
    SECRET_REFS: [
      `env://LLM_KEY_*@${origin}`,
      `env://BOOTSTRAP_*@${origin}`,
      `env://DATA*@*`,
      `file://${folder.path}/@${origin}`,
      `file://${bound.path}/key@${origin}/v1/ours`,
      `vault://kv/patchbay/@${origin}`,
      `file://${folder.path}/of/{owner}/@*`,
    ].join(","),
    KEYRING_FILE: file("keyring"),
    VAULT_ADDR: vault.url,
    VAULT_TOKEN: vault.token,
  });
  const account = await server.addAccount("OWNER");
  ({ accountId, apiKey: ownerKey } = account);
  patchbay = server.client(ownerKey);
});
beforeEach(() => {
  vault.instead = undefined;
});
afterAll(async () => {
  await server.stop();
  for (const service of [upstream, thief, vault]) await service.close();
  for (const { remove } of [folder, bound]) remove();
});

async function create(uri: string, said: Parameters<typeof llmRequest>[0] = {}) {
  const { llm } = await patchbay.llms.createLlm(
    llmRequest({
      endpointUrl: `${upstream.url}/v1`,
      modelIdentifier: randomUUID(),
      credentials: secretRef(uri),
      ...said,
    }),
  );
  if (!llm) throw new Error("no llm");
  return llm;
}

/** The key that a chat is made with. */
async function keyOfChat(llmId: string) {
  await patchbay.chat.chat({ llmId, message: "Hi" });
  return upstream.requests.at(-1)?.headers.authorization;
}

const testUnsaved = (uri: string, endpointUrl = `${upstream.url}/v1`) =>
  patchbay.llms.testConnection({
    providerType: Llm_ProviderType.VLLM,
    endpointUrl,
    modelIdentifier: "fine",
    credentials: secretRef(uri),
  });

describe("a key that is kept elsewhere", () => {
  it.each([
    { place: "a variable", uri: () => "env://LLM_KEY_ONE", key: `${CANARY}-env` },
    { place: "a file", uri: () => `file://${file("key")}`, key: `${CANARY}-key` },
    { place: "a vault", uri: () => "vault://kv/patchbay/openai#key", key: `${CANARY}-vault` },
  ])("is fetched from $place for chats and tests, and never stored or shown", async ({ uri, key }) => {
    const llm = await create(uri());
    expect(llm).toMatchObject({ hasCredentials: true, credentialsHint: "", credentialsRef: uri() });
    expect(await keyOfChat(llm.llmId)).toBe(`Bearer ${key}`);
    const { test } = await patchbay.llms.testLlm({ llmId: llm.llmId });
    expect(test?.outcome).toBe(Outcome.OK);
    const rows = await server.store.fork().execute("select llm::text as text from llm where id = ?", [llm.llmId]);
    const { auditEvents } = await patchbay.audit.listAuditEvents({ resourceId: llm.llmId });
    const told = [rows, auditEvents, server.log, (await patchbay.llms.getLlm({ llmId: llm.llmId })).llm];
    expect(JSON.stringify(told, (_, value) => (typeof value === "bigint" ? String(value) : value))).not.toContain(
      CANARY,
    );
  });

  it("is the same connection by its reference, not by its value", async () => {
    const request = llmRequest({ endpointUrl: `${upstream.url}/v1`, credentials: secretRef(`file://${file("key")}`) });
    await patchbay.llms.createLlm(request);
    expect(await problemIn(patchbay.llms.createLlm(request))).toMatchObject({
      reason: "LLM_DUPLICATE",
      metadata: { sameRequest: "true" },
    });
    writeFileSync(file("key"), `${CANARY}-key`);
    expect((await problemIn(patchbay.llms.createLlm(request))).reason).toBe("LLM_DUPLICATE");
    await patchbay.llms.createLlm({ ...request, credentials: secretRef(`file://${file("same")}`) });
  });

  it("is held for chats, fetched anew by a test, and by the next chat when it was refused", async () => {
    writeFileSync(file("changing"), "sk-1");
    const { llmId } = await create(`file://${file("changing")}`);
    expect(await keyOfChat(llmId)).toBe("Bearer sk-1");
    writeFileSync(file("changing"), "sk-2");
    expect(await keyOfChat(llmId)).toBe("Bearer sk-1");
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    await patchbay.llms.testLlm({ llmId });
    expect(await keyOfChat(llmId)).toBe("Bearer sk-2");
    writeFileSync(file("changing"), "sk-3");
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    upstream.script(refuses(401));
    expect(await problemIn(keyOfChat(llmId))).toMatchObject({ reason: "UPSTREAM_KEY_REFUSED" });
    expect(await keyOfChat(llmId)).toBe("Bearer sk-3");
  });

  it("is asked for once by many chats at once", async () => {
    vault.secrets.set("kv/patchbay/busy", { key: "sk-busy" });
    const { llmId } = await create("vault://kv/patchbay/busy#key");
    const before = vault.requests.length;
    await Promise.all(Array.from({ length: 20 }, () => keyOfChat(llmId)));
    expect(vault.requests.length - before).toBe(1);
  });

  it("gives way to a key, and a key to it", async () => {
    const { llmId } = await create("env://LLM_KEY_ONE");
    const inline = await patchbay.llms.updateLlm({ llmId, credentials: apiKey("sk-inline-0123456789-abcd") });
    expect(inline.llm).toMatchObject({ credentialsRef: "", credentialsHint: "…abcd", hasCredentials: true });
    expect(await keyOfChat(llmId)).toBe("Bearer sk-inline-0123456789-abcd");
    const back = await patchbay.llms.updateLlm({ llmId, credentials: secretRef("env://LLM_KEY_ONE") });
    expect(back.llm).toMatchObject({ credentialsRef: "env://LLM_KEY_ONE", credentialsHint: "" });
    const { llm } = await patchbay.llms.updateLlm({ llmId, updateMask: { paths: ["credentials"] } });
    expect(llm).toMatchObject({ credentialsRef: "", hasCredentials: false });
  });
});

describe("a reference that gives no key", () => {
  it.each([
    { name: "no variable", uri: () => "env://LLM_KEY_NONE", says: "no such environment variable" },
    { name: "an empty variable", uri: () => "env://LLM_KEY_EMPTY", says: "not a key" },
    { name: "no file", uri: () => `file://${file("none")}`, says: "no regular file" },
    { name: "a file with a header in it", uri: () => `file://${file("two-lines")}`, says: "not a key" },
    { name: "no field", uri: () => "vault://kv/patchbay/openai#none", says: "no such secret" },
    { name: "an empty field", uri: () => "vault://kv/patchbay/openai#empty", says: "not a key" },
    { name: "a field with a space", uri: () => "vault://kv/patchbay/openai#odd", says: "not a key" },
  ])("is refused by chats and a result of tests: $name", async ({ uri, says }) => {
    const { llmId } = await create(uri());
    const sent = upstream.requests.length;
    const problem = await problemIn(keyOfChat(llmId));
    expect(problem).toMatchObject({ code: "FailedPrecondition", reason: "SECRET_REF_UNRESOLVED" });
    expect(problem.message).toContain(says);
    const { test } = await patchbay.llms.testLlm({ llmId });
    expect(test).toMatchObject({ outcome: Outcome.SECRET_UNRESOLVED, latencyMs: 0 });
    expect(test?.stages.find(({ name }) => name === StageName.KEY)?.state).toBe(StageState.FAILED);
    expect((await patchbay.llms.getLlm({ llmId })).llm?.status).toBe(Llm_Status.FAILING);
    expect((await testUnsaved(uri())).test?.outcome).toBe(Outcome.SECRET_UNRESOLVED);
    expect(upstream.requests.length).toBe(sent);
  });

  it("gives one again as soon as it is there", async () => {
    const { llmId } = await create(`file://${file("late")}`);
    expect((await problemIn(keyOfChat(llmId))).reason).toBe("SECRET_REF_UNRESOLVED");
    writeFileSync(file("late"), "sk-late");
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(await keyOfChat(llmId)).toBe("Bearer sk-late");
  });

  it("is another matter than a vault that does not answer", async () => {
    vault.secrets.set("kv/patchbay/away", { key: "sk-away" });
    const { llmId } = await create("vault://kv/patchbay/away#key");
    vault.instead = (response) => response.writeHead(503).end();
    expect(await problemIn(keyOfChat(llmId))).toMatchObject({
      code: "Unavailable",
      reason: "SECRET_SOURCE_UNAVAILABLE",
      retryAfterMs: 5_000,
    });
    expect((await patchbay.llms.testLlm({ llmId })).test?.outcome).toBe(Outcome.INCONCLUSIVE);
    expect((await patchbay.llms.getLlm({ llmId })).llm?.status).toBe(Llm_Status.UNTESTED);
  });
});

describe("what is held", () => {
  /** With one rule, which lets every file of the folder and all of the mount go anywhere. */
  function open(heldMs?: number) {
    const target = { address: vault.url, token: new Secret(vault.token), namespace: undefined };
    const kv = new KeyValueVault(target);
    const secretRefs = new SecretRefs({
      rules: parseSecretRefRules(`file://${folder.path}/@*,vault://kv/@*`, new Set()),
      ownSettings: new Set(),
      sources: { readVariable: () => undefined, files: new SecretFiles([]), vault: kv },
      ...(heldMs === undefined ? {} : { heldMs }),
    });
    const use = { ownerId: accountId, url: "https://llm.example.com/v1" };
    const read = async (uri: string, signal = new AbortController().signal) =>
      (await secretRefs.resolve(SecretRef.parse(uri), use, signal)).reveal();
    return { kv, read, forget: (uri: string) => secretRefs.forget(SecretRef.parse(uri)) };
  }

  it("is forgotten once by a burst of refusals, so that its source is not asked for each of them", async () => {
    const { kv, read, forget } = open();
    vault.secrets.set("kv/refused", { key: "sk-refused" });
    const uri = "vault://kv/refused#key";
    await read(uri);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    const before = vault.requests.length;
    for (let refusals = 0; refusals < 10; refusals++) {
      forget(uri);
      await read(uri);
    }
    expect(vault.requests.length - before).toBe(1);
    await kv.close();
  });

  it("is not held for longer than it may be", async () => {
    const { kv, read } = open(2_000);
    const uri = `file://${file("short")}`;
    writeFileSync(file("short"), "sk-1");
    expect(await read(uri)).toBe("sk-1");
    writeFileSync(file("short"), "sk-2");
    expect(await read(uri)).toBe("sk-1");
    await expect.poll(() => read(uri), { timeout: 20_000, interval: 200 }).toBe("sk-2");
    await kv.close();
  });

  it("does not hold a caller who leaves, and goes on for the others", async () => {
    const { kv, read } = open();
    vault.secrets.set("kv/slow", { key: "sk-slow" });
    let release = () => {};
    vault.instead = (response) => {
      release = () => response.writeHead(200).end(JSON.stringify({ data: { data: { key: "sk-slow" } } }));
    };
    const patient = read("vault://kv/slow#key");
    await expect(read("vault://kv/slow#key", AbortSignal.timeout(50))).rejects.toThrow("timeout");
    await expect(read("vault://kv/slow#key", AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
    release();
    expect(await patient).toBe("sk-slow");
    await kv.close();
  });
});

describe("attacks", () => {
  const refused = { code: "FailedPrecondition", reason: "SECRET_REF_NOT_ALLOWED" };

  it.each([
    { name: "his own endpoint", uri: () => "env://LLM_KEY_ONE", endpointUrl: () => `${thief.url}/v1` },
    { name: "his own endpoint, for a file", uri: () => `file://${file("key")}`, endpointUrl: () => thief.url },
    {
      name: "his own endpoint, for the vault",
      uri: () => "vault://kv/patchbay/openai#key",
      endpointUrl: () => thief.url,
    },
    { name: "the server's own variable", uri: () => "env://BOOTSTRAP_API_KEY" },
    { name: "the server's database", uri: () => "env://DATABASE_URL" },
    { name: "another variable", uri: () => "env://PATH" },
    { name: "another file, which is there", uri: () => "file:///etc/passwd" },
    { name: "another file, which is not there", uri: () => "file:///etc/none" },
    { name: "another path of the vault", uri: () => "vault://kv/other#key" },
    {
      name: "another account's folder",
      uri: () => `file://${file(`of/${randomUUID()}/key`)}`,
      endpointUrl: () => thief.url,
    },
  ])("are refused on write and in tests, in the same words: $name", async ({ uri, endpointUrl }) => {
    const said = { endpointUrl: endpointUrl?.() ?? `${upstream.url}/v1` };
    const counts = () => [upstream.requests.length, thief.requests.length, vault.requests.length];
    const before = counts();
    const problem = await problemIn(create(uri(), said));
    expect(problem).toMatchObject(refused);
    expect(problem.message).toBe(
      "the secret reference may not be used for this endpoint; the operator's setting SECRET_REFS says which may be",
    );
    expect(problem.fields.map(({ field }) => field)).toEqual(["credentials.apiKey.secretRef.uri"]);
    const { test } = await testUnsaved(uri(), said.endpointUrl);
    expect(test).toMatchObject({ outcome: Outcome.SECRET_UNRESOLVED, message: problem.message });

    const { llmId } = await create("env://LLM_KEY_ONE");
    const moved = { llmId, ...said, credentials: secretRef(uri()) };
    expect(await problemIn(patchbay.llms.updateLlm(moved))).toMatchObject(refused);
    expect((await patchbay.llms.testConnection(moved)).test?.outcome).toBe(Outcome.SECRET_UNRESOLVED);
    expect(counts()).toEqual(before);
  });

  it.each([
    { name: "another endpoint", change: () => ({ endpointUrl: `${thief.url}/v1` }) },
    { name: "another path", change: () => ({ apiPath: "/steal" }) },
    { name: "another endpoint with a mask", change: () => ({ endpointUrl: thief.url, credentials: apiKey("***") }) },
  ])("do not move a stored reference to $name", async ({ change }) => {
    const { llmId } = await create("env://LLM_KEY_ONE");
    expect(await problemIn(patchbay.llms.updateLlm({ llmId, ...change() }))).toMatchObject({
      reason: "CREDENTIALS_REQUIRED",
    });
    expect(await problemIn(patchbay.llms.testConnection({ llmId, ...change() }))).toMatchObject({
      reason: "CREDENTIALS_REQUIRED",
    });
    expect(thief.requests).toEqual([]);
  });

  it("do not get the server's key ring, although it is in an allowed folder", async () => {
    const { test } = await testUnsaved(`file://${file("keyring")}`);
    expect(test).toMatchObject({ outcome: Outcome.SECRET_UNRESOLVED });
    expect(test?.message).toContain("no regular file");
  });

  it("do not move it in the database either, nor change what it says there", async () => {
    const { llmId } = await create("env://LLM_KEY_ONE");
    const em = server.store.fork();
    await em.execute("update llm set credentials_ref = 'env://LLM_KEY_EMPTY' where id = ?", [llmId]);
    expect(await keyOfChat(llmId)).toBe(`Bearer ${CANARY}-env`);
    await em.execute("update llm set endpoint_url = ? where id = ?", [`${thief.url}/v1`, llmId]);
    await expect.poll(async () => (await problemIn(keyOfChat(llmId))).reason).toBe("CREDENTIALS_UNREADABLE");
    expect(thief.requests).toEqual([]);
  });

  it("do not get another path of an endpoint that the rule binds to a path", async () => {
    const uri = `file://${bound.path}/key`;
    const { llmId } = await create(uri, { endpointUrl: `${upstream.url}/v1/ours` });
    expect(await keyOfChat(llmId)).toBe("Bearer sk-bound");
    for (const path of ["/v1/theirs", "/v1/ours-not", "/v1/ours/../theirs", ""]) {
      expect(await problemIn(create(uri, { endpointUrl: upstream.url + path })), path).toMatchObject(refused);
    }
  });

  it("find each account in its own folder, and in no other", async () => {
    mkdirSync(file(`of/${accountId}`), { recursive: true });
    writeFileSync(file(`of/${accountId}/key`), "sk-own");
    const uri = `file://${file(`of/${accountId}/key`)}`;
    const own = await create(uri, { endpointUrl: `${thief.url}/v1` });
    await patchbay.chat.chat({ llmId: own.llmId, message: "Hi" });
    expect(thief.requests.pop()?.headers.authorization).toBe("Bearer sk-own");
    const stranger = server.client((await server.addAccount("OWNER")).apiKey);
    const request = llmRequest({ endpointUrl: `${thief.url}/v1`, credentials: secretRef(uri) });
    expect(await problemIn(stranger.llms.createLlm(request))).toMatchObject(refused);
    rmSync(file("of"), { recursive: true });
  });

  it("leave a record of each test with a key that the caller did not bring", async () => {
    const { apiKey: key } = await server.addAccount("OWNER");
    const prober = server.client(key);
    await prober.llms.testConnection({
      providerType: Llm_ProviderType.VLLM,
      endpointUrl: `${upstream.url}/v1`,
      modelIdentifier: "fine",
      credentials: secretRef("env://LLM_KEY_ONE"),
    });
    const { auditEvents } = await prober.audit.listAuditEvents({});
    expect(auditEvents).toMatchObject([{ action: "llm.test", facts: { purpose: "test", usesSecret: "true" } }]);
  });
});

describe("a rule that is taken away", () => {
  it("ends the use of what it allowed", async () => {
    const { llmId } = await create("env://LLM_KEY_ONE");
    const settings = { EGRESS_ALLOW: upstream.url, LLM_KEY_ONE: "sk-1", KEYRING_FILE: file("keyring") };
    const stricter = await startServer({ ...settings, DATABASE_URL: server.database.url });
    const { chat, llms } = stricter.client(ownerKey);
    const sent = upstream.requests.length;
    expect(await problemIn(chat.chat({ llmId, message: "Hi" }))).toMatchObject({ reason: "SECRET_REF_NOT_ALLOWED" });
    expect((await llms.testLlm({ llmId })).test?.outcome).toBe(Outcome.SECRET_UNRESOLVED);
    expect(upstream.requests.length).toBe(sent);
    await stricter.stop();
  });
});
