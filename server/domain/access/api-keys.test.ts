import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";
import { makeApiKey, parseApiKey } from "./api-key-format.ts";

describe("an API key", () => {
  it("is well-formed, and never the same twice", () => {
    const keys = Array.from({ length: 200 }, () => makeApiKey().reveal());
    expect(new Set(keys).size).toBe(200);
    for (const key of keys) expect(parseApiKey(key)?.id).toBe(key.slice("pb_live_".length, "pb_live_".length + 16));
  });

  it("does not print", () => {
    const key = makeApiKey();
    for (const text of [String(key), JSON.stringify({ key }), inspect({ key }), `${key}`]) {
      expect(text).not.toContain(key.reveal());
      expect(text).toContain("[secret]");
    }
  });

  it("is not one with any character changed", () => {
    const key = makeApiKey().reveal();
    for (let index = 0; index < key.length; index++) {
      const changed = key.slice(0, index) + (key[index] === "x" ? "y" : "x") + key.slice(index + 1);
      expect(parseApiKey(changed), changed).toBeUndefined();
    }
  });

  it.each(["", "pb_", "sk-1234", "pb_live_x_y", "Bearer", `pb_live_${"a".repeat(59)}_000000`])("is not %s", (text) => {
    expect(parseApiKey(text)).toBeUndefined();
  });
});

describe("authentication", () => {
  let server: TestServer;
  let accountId: string;
  let apiKey: string;
  beforeAll(async () => {
    server = await startServer();
    ({ accountId, apiKey } = await server.addAccount("OWNER"));
  });
  afterAll(() => server.stop());

  const get = (headers: Record<string, string>) => fetch(`${server.url}/v1/llms`, { headers });

  it("takes a key in any of its headers", async () => {
    for (const headers of [
      { authorization: `Bearer ${apiKey}` },
      { authorization: `bearer  ${apiKey}` },
      { "x-api-key": apiKey },
      { "x-discolike-key": apiKey },
    ]) {
      expect((await get(headers)).status).toBe(200);
    }
  });

  it("says the same to every key that is not valid", async () => {
    const expired = await server.addKey(accountId, "OWNER");
    const revoked = await server.addKey(accountId, "OWNER");
    const em = server.store.fork();
    await em.execute("update api_key set expires_at = now() where id = ?", [parseApiKey(expired)?.id]);
    await em.execute("update api_key set revoked_at = now() where id = ?", [parseApiKey(revoked)?.id]);
    const attempts = [
      { authorization: `Bearer ${makeApiKey().reveal()}` },
      { authorization: `Bearer ${expired}` },
      { authorization: `Bearer ${revoked}` },
      { "x-api-key": "no-key-of-anybody-1234" },
      { "x-api-key": "' or 1=1 --" },
    ];
    const answers = await Promise.all(
      attempts.map(async (headers) => {
        const response = await get(headers as Record<string, string>);
        const text = (await response.text()).replace(/"requestId":"[^"]+"/, "");
        return `${response.status} ${response.headers.get("www-authenticate")} ${text}`;
      }),
    );
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toMatch(/^401 Bearer .*API_KEY_REFUSED/);
  });

  it.each([
    {
      name: "nothing",
      headers: () => ({}),
      says: "an API key is needed; send it in the header `authorization: Bearer",
    },
    {
      name: "an empty variable",
      headers: () => ({ authorization: "Bearer " }),
      says: "is a variable of your shell empty?",
    },
    { name: "no Bearer", headers: () => ({ authorization: apiKey }), says: "write Bearer and the key" },
    { name: "another scheme", headers: () => ({ authorization: `Basic ${apiKey}` }), says: "write Bearer and the key" },
    {
      name: "an ellipsis",
      headers: () => ({ authorization: "Bearer pb_live_..." }),
      says: "is not whole, or misspelt",
    },
    {
      name: "a key without its end",
      headers: () => ({ authorization: `Bearer ${apiKey.slice(0, -3)}` }),
      says: "is not whole, or misspelt",
    },
    {
      name: "the id of one key and the rest of another",
      headers: () => ({ authorization: `Bearer ${apiKey.slice(0, 24)}${makeApiKey().reveal().slice(24)}` }),
      says: "is not whole, or misspelt",
    },
    { name: "quotes", headers: () => ({ authorization: `Bearer "${apiKey}"` }), says: "stands between quotes" },
    { name: "Bearer twice", headers: () => ({ authorization: `Bearer Bearer ${apiKey}` }), says: "there twice" },
    { name: "Bearer in x-api-key", headers: () => ({ "x-api-key": `Bearer ${apiKey}` }), says: "leave it out here" },
    { name: "a variable", headers: () => ({ authorization: "Bearer $KEY" }), says: "nothing has replaced" },
    {
      name: "a variable of CI",
      headers: () => ({ authorization: "Bearer $".concat("{{ secrets.KEY }}") }),
      says: "nothing has",
    },
    { name: "a placeholder", headers: () => ({ authorization: "Bearer <your key>" }), says: "what an example has" },
    { name: "undefined", headers: () => ({ authorization: "Bearer undefined" }), says: "a program writes" },
    {
      name: "a vendor's key",
      headers: () => ({ authorization: `Bearer sk-proj-${apiKey.slice(8)}` }),
      says: "vendors",
    },
    { name: "another header", headers: () => ({ "api-key": apiKey }), says: "the header api-key is not looked at" },
    { name: "two words", headers: () => ({ authorization: `Bearer key ${apiKey}` }), says: "more than one word" },
    {
      name: "two keys",
      headers: () => ({ authorization: `Bearer ${apiKey}`, "x-api-key": makeApiKey().reveal() }),
      says: "two headers have different API keys",
    },
  ])("says what stands where the key belongs: $name", async ({ headers, says }) => {
    const response = await get(headers());
    const text = await response.text();
    expect(text).toContain(says);
    expect(text).toContain('"API_KEY_REFUSED"');
    expect(response.status).toBe(401);
    expect(text).not.toContain(apiKey.slice(8, -3));
  });

  it("survives 2,000 invented headers", async () => {
    for (let batch = 0; batch < 20; batch++) {
      const statuses = await Promise.all(
        Array.from({ length: 100 }, async () => {
          const text = randomBytes(40)
            .toString("latin1")
            .replace(/[^\x21-\x7e\x80-\xff]/g, "'");
          return (await get({ authorization: `Bearer ${text}` })).status;
        }),
      );
      expect(new Set(statuses)).toEqual(new Set([401]));
    }
  });

  it("tells a VIEWER which permission is missing, before it looks at anything", async () => {
    const viewer = server.client(await server.addKey(accountId, "VIEWER"));
    expect(await problemIn(viewer.llms.deleteLlm({ llmId: "not even a UUID" }))).toMatchObject({
      code: "PermissionDenied",
      reason: "PERMISSION_MISSING",
      metadata: { permission: "DELETE_LLM_OWN" },
    });
    await viewer.llms.listLlms({});
  });

  it.each([
    { role: "MEMBER" as const, rpc: "setDefaultLlm" as const, permission: "SET_DEFAULT_LLM_OWN" },
    { role: "MEMBER" as const, rpc: "deleteLlm" as const, permission: "DELETE_LLM_OWN" },
    { role: "VIEWER" as const, rpc: "testLlm" as const, permission: "TEST_LLM_OWN" },
    { role: "VIEWER" as const, rpc: "updateLlm" as const, permission: "UPDATE_LLM_OWN" },
  ])("does not let a $role call $rpc", async ({ role, rpc, permission }) => {
    const client = server.client(await server.addKey(accountId, role)).llms;
    const call = client[rpc] as (request: { llmId: string }) => Promise<unknown>;
    expect((await problemIn(call({ llmId: accountId }))).metadata).toEqual({ permission });
  });
});
