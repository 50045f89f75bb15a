import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeUnless, findProgram } from "../clients/program.ts";
import { startServer, type TestServer } from "../server/test-server.ts";
import { servesModels } from "../upstream/models.ts";
import { ScriptedUpstream } from "../upstream/scripted-upstream.ts";
import { type CurlAnswer, runExample } from "./curl.ts";
import { readCopy, readExamples, readPage } from "./page.ts";
import { missingIn } from "./shape.ts";

const KEY = "sk-named-0123456789abcdef";
const missing = findProgram("curl") ? undefined : "the lines of the reference pages: no curl on PATH";

let upstream: ScriptedUpstream;
let server: TestServer;
let account: Awaited<ReturnType<TestServer["addAccount"]>>;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start({ apiKey: KEY });
  upstream.setModels(servesModels("some-model"));
  server = await startServer({ EGRESS_ALLOW: upstream.url });
  account = await server.addAccount("OWNER");
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

/** Calls as a program would that knows this API only. */
async function call(method: string, path = "", body?: object, apiKey = account.apiKey): Promise<CurlAnswer> {
  const answer = await fetch(`${server.url}/api/providers${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}

let count = 0;

/** A provider of its own, whose name is the answer. */
async function create(said: object = {}, metadata: object = {}): Promise<string> {
  const name = `named-${++count}`;
  await call("POST", "", { name, apiKey: KEY, metadata: { baseUrl: `${upstream.url}/v1`, ...metadata }, ...said });
  return name;
}

describeUnless(missing)("the page of contract 001", () => {
  it("is what our copy of it says", () => expect(readPage("001") ?? readCopy("001")).toEqual(readCopy("001")));

  it("works, line by line", async () => {
    const examples = readExamples("001");
    // What is to be got must have been made, and what is deleted comes last.
    const rank = (words: readonly string[]) => (words.includes("DELETE") ? 2 : words.includes("-d") ? 0 : 1);
    for (const { words, answer: documented = {} } of examples.toSorted((a, b) => rank(a.words) - rank(b.words))) {
      const answer = await runExample({ words }, [
        ["http://localhost:3100", server.url],
        ["https://api.openai.com", upstream.url],
        ["your-token", account.apiKey],
        ["sk-...", KEY],
      ]);
      expect([answer.status, missingIn(answer.json, documented)], words.join(" ")).toEqual([200, []]);
    }
  });
});

describe("the change that the page's own program makes", () => {
  it("keeps the key, and makes nothing", async () => {
    const name = await create();
    const changed = await call("PUT", `/${name}`, { displayName: "Put" });
    expect(changed).toMatchObject({ status: 200, json: { provider: { name, displayName: "Put" } } });
    expect(await call("POST", `/${name}/test`, {})).toMatchObject({ status: 200, json: { success: true } });
    expect(await call("PUT", `/${name}`, { baseUrl: "https://elsewhere.example.com/v1" })).toMatchObject({
      status: 400,
    });
    const again = { apiKey: KEY, metadata: { displayName: "Again" } };
    expect((await call("PUT", `/${name}`, again)).json).toMatchObject({ provider: { displayName: "Again" } });
    expect((await call("PUT", "/no-such", { displayName: "x" })).json).toMatchObject({ code: "PROVIDER_NOT_FOUND" });
  });
});

describe("a provider by name", () => {
  it("is a Provider, with a number, and with whatever else it was given", async () => {
    const name = await create({}, { displayName: "Mine", team: { deep: [1] } });
    const { providers } = server.client(account.apiKey);
    const { provider } = await providers.getProvider({ name });
    expect(provider).toMatchObject({
      name,
      displayName: "Mine",
      metadata: { team: { deep: [1] } },
      hasCredentials: true,
    });
    await providers.upsertProvider({ name, displayName: "Ours" });
    expect((await call("GET", `/${name}`)).json).toEqual({
      provider: {
        id: provider?.number,
        name,
        displayName: "Ours",
        baseUrl: `${upstream.url}/v1`,
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
        updatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
      },
    });
  });

  it("is updated by the same call, and keeps what is not said", async () => {
    const name = await create({}, { displayName: "First", team: "ai" });
    expect((await call("POST", "", { name, apiKey: `${KEY}-new` })).status).toBe(200);
    expect((await call("GET", `/${name}`)).json).toMatchObject({ provider: { displayName: "First" } });
    expect((await server.client(account.apiKey).providers.getProvider({ name })).provider?.metadata).toEqual({
      team: "ai",
    });
  });

  it("is searched, sorted and counted", async () => {
    const other = await server.addAccount("OWNER");
    const make = (name: string) =>
      call("POST", "", { name, apiKey: "k", metadata: { baseUrl: "https://x.example.com" } }, other.apiKey);
    for (const name of ["b-one", "a-two", "c-three"]) await make(name);
    const names = async (query: string) => {
      const { json } = await call("GET", query, undefined, other.apiKey);
      return [(json.providers as { name: string }[]).map(({ name }) => name), json.total];
    };
    expect(await names("?sortBy=name&sortOrder=desc")).toEqual([["c-three", "b-one", "a-two"], 3]);
    expect(await names("?sortBy=name&limit=1&offset=1")).toEqual([["b-one"], 3]);
    expect(await names("?search=three")).toEqual([["c-three"], 1]);
  });

  it.each([
    ["?sortBy=createdAt;drop", "sortBy"],
    ["?sortBy=constructor", "sortBy"],
    ["?sortOrder=asc;%20select%20pg_sleep(5)", "sortOrder"],
  ])("is not sorted by %s", async (query, field) => {
    expect(await call("GET", query)).toMatchObject({
      status: 400,
      json: { code: "INVALID_REQUEST", error: expect.stringContaining(field) },
    });
  });

  it("is tested, and a connection that fails is an error here", async () => {
    const name = await create();
    expect(await call("POST", `/${name}/test`)).toEqual({
      status: 200,
      json: { success: true, message: "Provider connection successful" },
    });
    const wrong = await create({ apiKey: "sk-wrong" });
    expect(await call("POST", `/${wrong}/test`)).toEqual({
      status: 400,
      json: { error: "Provider connection failed: Invalid API key", code: "CONNECTION_FAILED" },
    });
  });

  it("answers every refusal in the words of the page", async () => {
    const name = await create();
    const { llms } = server.client(account.apiKey);
    await llms.createLlm({ displayName: "User", modelIdentifier: "m", providerType: 7, providerId: name });
    for (const [answer, status, code, error] of [
      [await call("GET", "/missing"), 404, "PROVIDER_NOT_FOUND", "Provider not found"],
      [await call("DELETE", "/missing"), 404, "PROVIDER_NOT_FOUND", "Provider not found"],
      [await call("POST", "", { name: "x" }), 400, "MISSING_FIELDS", "name and apiKey are required"],
      [await call("POST", "", { apiKey: "x" }), 400, "MISSING_FIELDS", "name and apiKey are required"],
      [await call("POST", "", { name: "x", apiKey: "a b" }), 400, "INVALID_API_KEY", "Invalid API key format"],
      [await call("DELETE", `/${name}`), 400, "PROVIDER_IN_USE", expect.any(String)],
      [await call("GET", "", undefined, "none"), 401, "API_KEY_REFUSED", expect.any(String)],
      [await call("GET", "/a/b/c"), 404, "ROUTE_NOT_FOUND", expect.any(String)],
    ] as const) {
      expect(answer).toEqual({ status, json: { error, code } });
    }
  });
});
