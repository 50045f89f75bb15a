import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeUnless, findProgram } from "../clients/program.ts";
import { type Rig, startRig } from "../clients/rig.ts";
import { type CurlAnswer, runExample } from "./curl.ts";
import { readCopy, readExamples, readPage } from "./page.ts";
import { missingIn } from "./shape.ts";

const missing = findProgram("curl") ? undefined : "the lines of the reference pages: no curl on PATH";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.stop());

/** Calls as a program would that knows this API only. */
async function call(method: string, path = "", body?: object, apiKey = rig.apiKey): Promise<CurlAnswer> {
  const answer = await fetch(`${rig.server.url}/llm-providers${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}

const custom = (said: object = {}) => ({
  name: "Self-hosted",
  provider: "custom",
  apiKey: "sk-provider-0123456789",
  model: `model-${Math.random()}`,
  baseUrl: rig.endpointUrl,
  ...said,
});

async function create(said: object = {}) {
  const { json } = await call("POST", "", custom(said));
  return json.data as { id: string; model: string; [name: string]: unknown };
}

describeUnless(missing)("the page of contract 002", () => {
  it("is what our copy of it says", () => expect(readPage("002") ?? readCopy("002")).toEqual(readCopy("002")));

  it("works, line by line", async () => {
    const { id } = await create();
    for (const example of readExamples("002")) {
      const answer = await runExample(example, [
        ["https://api.almyty.com", rig.server.url],
        ["$TOKEN", rig.apiKey],
        ["{id}", id],
        ["optional-session-uuid", "7d0c5a3e-2f0e-4a0e-9a53-0f7f0f6a1c11"],
      ]);
      expect([answer.status, missingIn(answer.json, example.answer ?? {})], example.words.join(" ")).toEqual([200, []]);
    }
  });
});

describe("what the program of contract 002 sends", () => {
  it("is a type, and a configuration with the key in it, which is shown to nobody", async () => {
    const configuration = {
      apiKey: "sk-configured-0123456789",
      model: `m-${Math.random()}`,
      baseUrl: rig.endpointUrl,
      temperature: 0.5,
    };
    const { status, json } = await call("POST", "", { name: "Typed", type: "custom", configuration });
    expect(status).toBe(200);
    const { id, ...data } = json.data as { id: string };
    expect(data).toMatchObject({ provider: "custom", model: configuration.model, configuration: { temperature: 0.5 } });
    expect(JSON.stringify(json)).not.toContain("sk-configured");
    expect((await call("POST", `/${id}/test`)).json).toMatchObject({ success: true });
    expect(await call("POST", "", { name: "x", type: "nope" })).toMatchObject({ status: 400 });
    expect(await call("POST", "", { name: "x" })).toMatchObject({ status: 400, json: { success: false } });
  });

  it("is a conversation of messages, in a session that a text names", async () => {
    const { id } = await create();
    const messages = [{ role: "user", content: "Hello" }];
    const sessionId = "my session";
    const first = await call("POST", `/${id}/chat`, { messages, sessionId });
    expect(first).toMatchObject({ status: 200, json: { data: { sessionId } } });
    expect(await call("POST", `/${id}/chat`, { message: "And then?", sessionId })).toMatchObject({ status: 200 });
    const sent = rig.upstream.requests.at(-1)?.body.messages as { content: string }[];
    expect(sent.map(({ content }) => content)).toEqual(expect.arrayContaining(["Hello", "And then?"]));
    expect(await call("POST", `/${id}/chat`, { message: "a", messages })).toMatchObject({ status: 400 });
  });
});

describe("a provider with a chat", () => {
  it("is an Llm, with its configuration as defaults", async () => {
    const configuration = { temperature: 0.7, maxTokens: 4096, stopSequences: ["END"], custom: { deep: [1] } };
    const { id } = await create({ configuration });
    const { llm } = await rig.server.client(rig.apiKey).llms.getLlm({ llmId: id });
    expect(llm).toMatchObject({
      defaultSamplingParams: { temperature: 0.7, maxTokens: 4096, stopSequences: ["END"] },
      clientConfig: { custom: { deep: [1] } },
    });
    const read = await call("GET", `/${id}`);
    expect(read.json).toMatchObject({
      success: true,
      data: { id, provider: "custom", status: "active", configuration },
    });
    const wrong = await call("POST", "", custom({ configuration: { temperature: "hot" } }));
    expect(wrong).toMatchObject({ status: 400, json: { success: false, fields: ["configuration.temperature"] } });
  });

  it("is changed in part, keeps its key, and does not take it elsewhere", async () => {
    const { id } = await create();
    const changed = await call("PATCH", `/${id}`, { name: "Renamed" });
    expect(changed).toMatchObject({ status: 200, json: { success: true, data: { name: "Renamed" } } });
    expect((await call("POST", `/${id}/chat`, { message: "Hi" })).json).toMatchObject({
      success: true,
      data: { message: "Hello, world", outputTokens: 3 },
    });
    expect(rig.upstream.requests.at(-1)?.headers.authorization).toBe("Bearer sk-provider-0123456789");
    expect(await call("PATCH", `/${id}`, { baseUrl: "https://elsewhere.example.com" })).toMatchObject({
      status: 400,
      json: { success: false, code: "CREDENTIALS_REQUIRED", error: expect.stringContaining("credentials") },
    });
  });

  it("tells in the headers of a reply that its model ends", async () => {
    const { id } = await create({ provider: "openai", model: "gpt-4-turbo-preview" });
    const { headers } = await fetch(`${rig.server.url}/llm-providers/${id}/chat`, {
      method: "POST",
      headers: { authorization: `Bearer ${rig.apiKey}`, "content-type": "application/json" },
      body: '{"message": "Hi"}',
    });
    expect([headers.get("patchbay-model-state"), headers.get("patchbay-model-successor")]).toEqual([
      "RETIRED",
      "gpt-5",
    ]);
  });

  it("remembers a session, and says in dollars what a reply and all of them cost", async () => {
    const { id } = await create();
    await rig.server.client(rig.apiKey).llms.updateLlm({ llmId: id, price: { input: "0", output: "250000" } });
    const sessionId = randomUUID();
    const { json } = await call("POST", `/${id}/chat`, { message: "Hi", sessionId });
    expect(json.data).toMatchObject({ sessionId, cost: 0.75 });
    await call("POST", `/${id}/chat`, { message: "Again", sessionId });
    expect(rig.upstream.requests.at(-1)?.body.messages).toMatchObject([
      { content: "Hi" },
      { content: "Hello, world" },
      { content: "Again" },
    ]);
    expect((await call("GET", `/${id}`)).json).toMatchObject({ data: { totalCost: 1.5 } });
  });

  it("is tested, and its status says what came of it", async () => {
    const good = await create();
    expect((await call("POST", `/${good.id}/test`)).json).toMatchObject({
      success: true,
      data: { status: "ok", responseTime: expect.any(Number) },
    });
    const bad = await create({ model: "missing-model" });
    expect((await call("POST", `/${bad.id}/test`)).json).toMatchObject({
      success: false,
      data: { status: "failed", model: "missing-model", message: expect.stringContaining("does not serve") },
    });
    expect((await call("GET", `/${bad.id}`)).json).toMatchObject({ data: { status: "error" } });
  });

  it("has a model without saying so, unless it is custom", async () => {
    const { json } = await call("POST", "", { name: "O", provider: "openai", apiKey: "sk-1234567890" });
    expect(json).toMatchObject({ data: { model: "gpt-4o", baseUrl: null } });
    expect((await call("POST", "", custom({ model: undefined }))).status).toBe(400);
  });

  it("answers every refusal in its envelope", async () => {
    const request = custom();
    await call("POST", "", request);
    for (const [answer, status, code] of [
      [await call("POST", "", request), 409, "LLM_DUPLICATE"],
      [await call("GET", "/7d0c5a3e-2f0e-4a0e-9a53-0f7f0f6a1c11"), 404, "LLM_NOT_FOUND"],
      [await call("GET", "/nonsense"), 400, "INVALID_REQUEST"],
      [await call("GET", "", undefined, "none"), 401, "API_KEY_REFUSED"],
      [await call("PUT", "/7d0c5a3e-2f0e-4a0e-9a53-0f7f0f6a1c11", {}), 405, "METHOD_NOT_ALLOWED"],
      [await call("GET", "/a/b/c"), 404, "ROUTE_NOT_FOUND"],
      [await call("POST", "", custom({ typo: 1 })), 400, "INVALID_REQUEST"],
      [await call("DELETE", `/${(await create()).id}`, undefined, await viewer()), 403, "PERMISSION_MISSING"],
    ] as const) {
      expect(answer).toMatchObject({ status, json: { success: false, code, error: expect.any(String) } });
    }
  });

  const viewer = () => rig.server.addKey(rig.accountId, "VIEWER");
});
