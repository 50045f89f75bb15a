import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { Notice_Code } from "../../../gen/patchbay/v1/notice_pb.ts";
import { Provider_Status } from "../../../gen/patchbay/v1/provider_pb.ts";
import {
  ListProvidersRequest_Direction as Direction,
  ListProvidersRequest_OrderBy as OrderBy,
  type UpsertProviderRequestSchema,
} from "../../../gen/patchbay/v1/provider_service_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey } from "../../test/service/llm-requests.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

const KEY = "sk-canary-0123456789abcdef";

let server: TestServer;
let accountId: string;
let key: string;
let patchbay: Patchbay;
let providers: Patchbay["providers"];
beforeAll(async () => {
  server = await startServer({ EGRESS_ALLOW: "http://localhost:11434" });
  const account = await server.addAccount("OWNER");
  accountId = account.accountId;
  key = account.apiKey;
  patchbay = server.client(account.apiKey);
  providers = patchbay.providers;
});
afterAll(() => server.stop());

let count = 0;
const newName = () => `provider-${++count}`;

type Said = Exclude<MessageInitShape<typeof UpsertProviderRequestSchema>, { $typeName: string }>;

async function upsert(said: Said = {}) {
  const { provider } = await providers.upsertProvider({
    name: newName(),
    endpointUrl: `https://llm-${count}.example.com/v1`,
    ...said,
  });
  if (!provider) throw new Error("no provider");
  return provider;
}

async function auditOf(resourceId: string) {
  const { auditEvents } = await patchbay.audit.listAuditEvents({ resourceId });
  return auditEvents.map(({ action, facts }) => ({ action, facts })).reverse();
}

describe("making a provider", () => {
  it("is sent back as it was read, with what is the server's to say", async () => {
    const made = await upsert({ credentials: apiKey(KEY) });
    const url = `${server.url}/v1/providers/${made.name}`;
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const { etag: _, ...read } = await (await fetch(url, { headers })).json();
    const body = JSON.stringify({ ...read, displayName: "Renamed" });
    const answer = await fetch(url, { method: "PUT", headers, body });
    expect(await answer.json()).toMatchObject({
      provider: { ...read, displayName: "Renamed", updatedAt: expect.any(String) },
    });
  });

  it("takes base_url for endpoint_url, and not both", async () => {
    const name = newName();
    const { provider } = await providers.upsertProvider({ name, baseUrl: "https://former.example.com/v1" });
    expect(provider?.endpointUrl).toBe("https://former.example.com/v1");
    const masked = { name, updateMask: { paths: ["base_url"] }, baseUrl: "https://masked.example.com/v1" };
    expect((await providers.upsertProvider(masked)).provider?.endpointUrl).toBe("https://masked.example.com/v1");
    const both = { name, baseUrl: "https://a.example.com", endpointUrl: "https://b.example.com" };
    expect(await problemIn(providers.upsertProvider(both))).toMatchObject({ reason: "INVALID_REQUEST" });
  });

  it("takes what the name says, and fills in the rest", async () => {
    const { provider, created, statuses } = await providers.upsertProvider({ name: "openai" });
    expect(created).toBe(true);
    expect(provider).toMatchObject({
      name: "openai",
      displayName: "openai",
      providerType: Llm_ProviderType.OPENAI,
      endpointUrl: "https://api.openai.com/v1",
      ownerId: accountId,
      createdById: accountId,
      status: Provider_Status.UNTESTED,
      hasCredentials: false,
      credentialsHint: "",
    });
    expect(provider?.number).toBeGreaterThan(0);
    expect(statuses.map(({ code }) => code)).toEqual([Notice_Code.CREDENTIALS_MISSING]);
    await providers.deleteProvider({ name: "openai" });
  });

  it.each([
    { name: "anthropic", type: Llm_ProviderType.ANTHROPIC, endpointUrl: "https://api.anthropic.com/v1" },
    { name: "openrouter", type: Llm_ProviderType.OPEN_ROUTER, endpointUrl: "https://openrouter.ai/api/v1" },
  ])("knows $name", async ({ name, type, endpointUrl }) => {
    const { provider } = await providers.upsertProvider({ name });
    expect(provider).toMatchObject({ providerType: type, endpointUrl });
  });

  it("keeps metadata whatever it says, and each has a number of its own", async () => {
    const metadata = { region: "eu", tags: ["a", { b: null }], nested: { n: 1.5 } };
    const [first, second] = [await upsert({ metadata }), await upsert()];
    expect((await providers.getProvider({ name: first.name })).provider).toMatchObject({ metadata });
    expect(second.number).toBeGreaterThan(first.number);
  });

  it("says what may be a mistake", async () => {
    const { statuses } = await providers.upsertProvider({ name: newName(), endpointUrl: "http://localhost:11434" });
    expect(statuses.map(({ code }) => code)).toEqual([Notice_Code.PLAINTEXT_ENDPOINT, Notice_Code.ENDPOINT_HINT]);
    expect(statuses[1]?.message).toContain("endpointUrl");
  });

  it.each<{ name: string; said: Said; field: string }>([
    { name: "a name with a slash", said: { name: "a/b" }, field: "name" },
    { name: "a name in upper case", said: { name: "OpenAI" }, field: "name" },
    {
      name: "no base URL where there is none by itself",
      said: { endpointUrl: undefined as never },
      field: "endpointUrl",
    },
    { name: "a base URL with a query", said: { endpointUrl: "https://a.example.com/?key=1" }, field: "endpointUrl" },
    { name: "a mask for a key", said: { credentials: apiKey("*****") }, field: "credentials.apiKey.inlineSecret" },
    { name: "an owner that is none", said: { ownerId: randomUUID() }, field: "" },
    {
      name: "a mask of fields that cannot be changed",
      said: { updateMask: { paths: ["name"] } },
      field: "updateMask",
    },
  ])("refuses $name", async ({ said, field }) => {
    const problem = await problemIn(upsert(said));
    expect(problem.fields[0]?.field ?? "").toBe(field);
    expect(problem.code).toBe(field ? "InvalidArgument" : "PermissionDenied");
  });

  it("refuses a base URL that this server may not reach", async () => {
    expect(await problemIn(upsert({ endpointUrl: "https://169.254.169.254/v1" }))).toMatchObject({
      reason: "ENDPOINT_NOT_ALLOWED",
      fields: [{ field: "endpointUrl" }],
    });
  });

  it("never shows a key", async () => {
    const provider = await upsert({ credentials: apiKey(KEY) });
    expect(provider).toMatchObject({ hasCredentials: true, credentialsHint: "…cdef" });
    const listed = await providers.listProviders({});
    const shown = JSON.stringify([provider, listed, await auditOf(provider.providerId), server.log], (_, value) =>
      typeof value === "bigint" ? String(value) : value,
    );
    expect(shown).not.toContain("sk-canary");
    const [row] = await server.store.fork().execute("select * from provider where id = ?", [provider.providerId]);
    expect(JSON.stringify(row)).not.toContain("sk-canary");
  });

  it("of one name makes one, however many ask at once", async () => {
    const name = newName();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        providers.upsertProvider({ name, endpointUrl: "https://race.example.com/v1", displayName: `${index}` }),
      ),
    );
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(answers.map(({ provider }) => provider?.providerId)).size).toBe(1);
    expect(new Set(answers.map(({ provider }) => provider?.etag)).size).toBe(50);
    const actions = (await auditOf(answers[0]?.provider?.providerId ?? "")).map(({ action }) => action);
    expect(actions).toEqual(["provider.create", ...Array(49).fill("provider.update")]);
  });
});

describe("changing a provider", () => {
  it("changes what is said, and keeps the rest", async () => {
    const before = await upsert({ credentials: apiKey(KEY), metadata: { a: 1 }, displayName: "Mine" });
    const { provider, created } = await providers.upsertProvider({ name: before.name, displayName: "Ours" });
    expect(created).toBe(false);
    expect(provider).toMatchObject({
      providerId: before.providerId,
      number: before.number,
      displayName: "Ours",
      metadata: { a: 1 },
      hasCredentials: true,
    });
    expect(provider?.etag).not.toBe(before.etag);
    expect(await auditOf(before.providerId)).toEqual([
      {
        action: "provider.create",
        facts: { name: before.name, fields: "displayName,endpointUrl,credentials,metadata" },
      },
      { action: "provider.update", facts: { name: before.name, fields: "displayName" } },
    ]);
  });

  it("clears what a mask names, and nothing else", async () => {
    const { name } = await upsert({ credentials: apiKey(KEY), metadata: { a: 1 }, displayName: "Mine" });
    const paths = ["credentials", "metadata", "display_name"];
    const { provider } = await providers.upsertProvider({
      name,
      updateMask: { paths },
      endpointUrl: "https://x.example",
    });
    expect(provider).toMatchObject({ displayName: name, metadata: {}, hasCredentials: false, credentialsHint: "" });
    expect(provider?.endpointUrl).toContain("llm-");
  });

  it("refuses another type, and what is newer than the caller knows", async () => {
    const { name, etag } = await upsert();
    expect(await problemIn(upsert({ name, providerType: Llm_ProviderType.OPENAI }))).toMatchObject({
      fields: [{ field: "providerType" }],
    });
    await upsert({ name, etag });
    expect(await problemIn(upsert({ name, etag }))).toMatchObject({ code: "Aborted", reason: "ETAG_MISMATCH" });
    expect(await problemIn(upsert({ etag }))).toMatchObject({ code: "NotFound", reason: "PROVIDER_NOT_FOUND" });
  });

  it.each<{ name: string; said: Said }>([
    { name: "nothing of them", said: {} },
    { name: "a mask", said: { credentials: apiKey("***") } },
  ])("never lets stored credentials follow a moved endpoint: $name", async ({ said }) => {
    const { name, endpointUrl } = await upsert({ credentials: apiKey(KEY) });
    const move = { name, endpointUrl: "https://evil.example.com/v1", ...said };
    expect(await problemIn(providers.upsertProvider(move))).toMatchObject({
      code: "FailedPrecondition",
      reason: "CREDENTIALS_REQUIRED",
    });
    expect((await providers.getProvider({ name })).provider?.endpointUrl).toBe(endpointUrl);
    await providers.upsertProvider({ ...move, credentials: apiKey("sk-new-0123456789abcdef") });
    // The same place in other words is no move.
    await providers.upsertProvider({ name, endpointUrl: "https://EVIL.example.com:443/v1/" });
  });

  it("moves freely without credentials", async () => {
    const { name } = await upsert();
    const { provider } = await providers.upsertProvider({ name, endpointUrl: "https://elsewhere.example.com/v1" });
    expect(provider?.endpointUrl).toBe("https://elsewhere.example.com/v1");
  });
});

describe("finding providers", () => {
  it("takes the name or the id, and knows nothing of strangers", async () => {
    const { name, providerId } = await upsert();
    const stranger = server.client((await server.addAccount("OWNER")).apiKey).providers;
    for (const ref of [name, providerId, providerId.toUpperCase()]) {
      expect((await providers.getProvider({ name: ref })).provider?.providerId).toBe(providerId);
      for (const call of ["getProvider", "deleteProvider", "testProvider", "listProviderModels"] as const) {
        expect(await problemIn(stranger[call]({ name: ref }) as Promise<unknown>)).toMatchObject({
          code: "NotFound",
          reason: "PROVIDER_NOT_FOUND",
        });
      }
    }
    expect(await problemIn(stranger.upsertProvider({ name: providerId }))).toMatchObject({
      reason: "PROVIDER_NOT_FOUND",
    });
    const { provider: theirs } = await stranger.upsertProvider({ name, endpointUrl: "https://theirs.example.com/v1" });
    expect(theirs?.providerId).not.toBe(providerId);
  });

  it("reaches another's by an ADMIN's permissions only, and then by owner or id", async () => {
    const { name, providerId } = await upsert();
    const admin = server.client(server.adminKey).providers;
    expect(await problemIn(admin.getProvider({ name }))).toMatchObject({ reason: "PROVIDER_NOT_FOUND" });
    expect((await admin.getProvider({ name, ownerId: accountId })).provider?.providerId).toBe(providerId);
    const { provider } = await admin.upsertProvider({ name: providerId, displayName: "by the admin" });
    expect(provider).toMatchObject({ ownerId: accountId, displayName: "by the admin" });
    const nobody = { name, ownerId: randomUUID(), endpointUrl: "https://a.example.com/v1" };
    expect(await problemIn(admin.upsertProvider(nobody))).toMatchObject({ fields: [{ field: "ownerId" }] });
    const other = (await server.addAccount("OWNER")).accountId;
    expect(await problemIn(providers.getProvider({ name, ownerId: other }))).toMatchObject({
      reason: "PERMISSION_MISSING",
    });
  });

  it.each([
    { role: "VIEWER" as const, may: ["get"] },
    { role: "MEMBER" as const, may: ["get", "upsert", "test"] },
  ])("lets a $role $may", async ({ role, may }) => {
    const { name } = await upsert();
    const client = server.client(await server.addKey(accountId, role)).providers;
    const results = {
      get: () => client.getProvider({ name }),
      upsert: () => client.upsertProvider({ name: newName(), endpointUrl: "https://a.example.com/v1" }),
      test: () => client.testProvider({ name }),
      delete: () => client.deleteProvider({ name }),
    };
    const allowed: string[] = [];
    for (const [verb, call] of Object.entries(results)) {
      const isAllowed = await call().then(
        () => true,
        () => false,
      );
      if (isAllowed) allowed.push(verb);
    }
    expect(allowed).toEqual(may);
  });
});

describe("listing providers", () => {
  let lister: Patchbay["providers"];
  beforeAll(async () => {
    lister = server.client((await server.addAccount("OWNER")).apiKey).providers;
    const said = [
      { name: "c-first", displayName: "Zulu", endpointUrl: "https://b.example.com/v1" },
      { name: "a-second", displayName: "Mike", endpointUrl: "https://c.example.com/v1" },
      { name: "b-third", displayName: "alpha 100%", endpointUrl: "https://a.example.com/v1" },
    ];
    for (const one of said) await lister.upsertProvider(one);
    await lister.upsertProvider({ name: "c-first", metadata: { touched: true } });
  });

  const namesOf = (list: { providers: { name: string }[] }) => list.providers.map(({ name }) => name[0]).join("");

  it.each([
    { orderBy: OrderBy.CREATED_AT, expected: "cab" },
    { orderBy: OrderBy.UPDATED_AT, expected: "abc" },
    { orderBy: OrderBy.NAME, expected: "abc" },
    { orderBy: OrderBy.DISPLAY_NAME, expected: "acb" },
    { orderBy: OrderBy.ENDPOINT_URL, expected: "bca" },
    { orderBy: OrderBy.NUMBER, expected: "cab" },
  ])("is ordered by $orderBy, in pages, both ways", async ({ orderBy, expected }) => {
    for (const direction of [Direction.ASC, Direction.DESC]) {
      let pageToken = "";
      let seen = "";
      for (let pages = 0; pages < 3; pages++) {
        const page = await lister.listProviders({ orderBy, direction, pageSize: 1, pageToken });
        seen += namesOf(page);
        pageToken = page.nextPageToken;
      }
      expect(seen).toBe(direction === Direction.ASC ? expected : [...expected].reverse().join(""));
      expect(pageToken).toBe("");
    }
  });

  it.each([
    { search: "FIRST", expected: "c" },
    { search: "mike", expected: "a" },
    { search: "a.example", expected: "b" },
    { search: "100%", expected: "b" },
    { search: "example.com", expected: "cab" },
    { search: "_", expected: "" },
  ])("looks for $search in name, display name and base URL", async ({ search, expected }) => {
    expect(namesOf(await lister.listProviders({ search }))).toBe(expected);
  });

  it("leaves out an offset and counts all", async () => {
    const page = await lister.listProviders({ offset: 1, pageSize: 1, includeTotalSize: true });
    expect([namesOf(page), page.totalSize]).toEqual(["a", 3]);
    expect((await lister.listProviders({ search: "mike", includeTotalSize: true })).totalSize).toBe(1);
    expect((await lister.listProviders({})).totalSize).toBeUndefined();
    const rest = await lister.listProviders({ pageSize: 1, pageToken: page.nextPageToken });
    expect(namesOf(rest)).toBe("b");
  });

  it("takes a page token for its own list only", async () => {
    const { nextPageToken } = await lister.listProviders({ pageSize: 1 });
    const other = lister.listProviders({ pageSize: 1, pageToken: nextPageToken, search: "a" });
    expect(await problemIn(other)).toMatchObject({ reason: "PAGE_TOKEN_INVALID" });
    const both = lister.listProviders({ offset: 1, pageToken: nextPageToken });
    expect(await problemIn(both)).toMatchObject({ reason: "INVALID_REQUEST" });
  });
});
