import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeUnless, findProgram } from "../clients/program.ts";
import { type Rig, startRig } from "../clients/rig.ts";
import { type CurlAnswer, runExample } from "./curl.ts";
import { readCopy, readExamples, readPage } from "./page.ts";
import { missingIn } from "./shape.ts";

const missing = findProgram("curl") ? undefined : "the lines of the reference pages: no curl on PATH";

let rig: Rig;
let integrationId = "";
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.stop());

const PATH = "/v1/llm-providers";

/** Calls as a program would that knows this API only. */
async function call(method: string, path: string, body?: object, apiKey = rig.apiKey): Promise<CurlAnswer> {
  const answer = await fetch(rig.server.url + PATH + path, {
    method,
    headers: { "x-discolike-key": apiKey, "content-type": "application/json" },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}

const custom = (said: object = {}) => ({
  integration_name: "Self-hosted",
  provider: "custom",
  api_key: "sk-integration-0123456789",
  model_name: `model-${Math.random()}`,
  base_url: rig.endpointUrl,
  ...said,
});

describeUnless(missing)("the page of contract 000", () => {
  it("is what our copy of it says", () => expect(readPage("000") ?? readCopy("000")).toEqual(readCopy("000")));

  it("works, line by line", async () => {
    const examples = readExamples("000");
    const created = examples.find(({ words }) => words.some((word) => word.includes("Claude Sonnet")));
    const order = [created, ...examples.filter((example) => example !== created)];
    // The line that changes one is about GPT-4o, which no line makes.
    const gpt = await call("POST", "/config", { integration_name: "GPT-4o", provider: "openai", model_name: "gpt-4" });
    integrationId = String(gpt.json.integration_id);
    // Deleting comes last, or nothing would be there to test.
    const isDelete = (words: readonly string[] = []) => words.includes("DELETE");
    for (const example of order.toSorted((a, b) => Number(isDelete(a?.words)) - Number(isDelete(b?.words)))) {
      const answer = await runExample(example ?? { words: [] }, [
        ["https://api.discolike.com", rig.server.url],
        ["API_KEY", rig.apiKey],
        ["{integration_id}", integrationId],
      ]);
      expect([answer.status, missingIn(answer.json, example?.answer ?? {})], example?.words.join(" ")).toEqual([
        200,
        [],
      ]);
    }
  });
});

describe("an integration", () => {
  it("is an Llm, and an Llm is an integration", async () => {
    const { json } = await call("POST", "/config", custom({ integration_name: "Here" }));
    const { llms } = rig.server.client(rig.apiKey);
    const { llm } = await llms.getLlm({ llmId: String(json.integration_id) });
    expect(llm).toMatchObject({ displayName: "Here", endpointUrl: rig.endpointUrl, hasCredentials: true });
    await llms.updateLlm({ llmId: llm?.llmId ?? "", displayName: "There" });
    expect((await call("GET", `/config/${llm?.llmId}`)).json).toEqual({
      integration_id: llm?.llmId,
      integration_name: "There",
      provider: "custom",
      api_key: "*****",
      model_name: llm?.modelIdentifier,
      base_url: rig.endpointUrl,
      supports_web_search: false,
      is_default: false,
      model_deprecated: false,
    });
  });

  it("keeps its key when a change leaves it out or sends back the mask, and what was read can be written", async () => {
    const { json } = await call("POST", "/config", custom());
    const path = `/config/${json.integration_id}`;
    const read = await call("GET", path);
    const written = await call("PUT", path, { ...read.json, integration_name: "Renamed" });
    expect(written).toMatchObject({ status: 200, json: { message: expect.stringContaining("Renamed") } });
    await rig.server.client(rig.apiKey).chat.chat({ llmId: String(json.integration_id), message: "Hi" });
    expect(rig.upstream.requests.at(-1)?.headers.authorization).toBe("Bearer sk-integration-0123456789");
  });

  it("does not take its key to another base_url", async () => {
    const { json } = await call("POST", "/config", custom());
    const moved = await call("PUT", `/config/${json.integration_id}`, { base_url: "https://elsewhere.example.com" });
    expect(moved).toMatchObject({
      status: 400,
      json: { error: { details: [{ reason: "CREDENTIALS_REQUIRED" }, {}] } },
    });
  });

  it("is refused as a duplicate, with a wrong provider, without a base_url, with a field nobody knows", async () => {
    const request = custom();
    await call("POST", "/config", request);
    expect((await call("POST", "/config", request)).status).toBe(409);
    expect((await call("POST", "/config", custom({ provider: "mistral" }))).status).toBe(400);
    expect((await call("POST", "/config", custom({ base_url: null }))).status).toBe(400);
    expect((await call("POST", "/config", custom({ apikey: "sk" }))).status).toBe(400);
  });

  it("is tested before it is saved, and says what is wrong", async () => {
    const tested = await call("POST", "/test-connection", custom());
    expect(tested).toEqual({ status: 200, json: { status: "success", message: "Connection to custom successful" } });
    const failed = await call("POST", "/test-connection", custom({ model_name: "missing-model" }));
    expect(failed).toMatchObject({ status: 200, json: { status: "error" } });
    expect(String(failed.json.message)).toContain("does not serve the model");
  });

  it("becomes the default, by those who may; a MEMBER may neither that nor delete", async () => {
    const { json } = await call("POST", "/config", custom());
    const path = `/config/${json.integration_id}`;
    const member = await rig.server.addKey(rig.accountId, "MEMBER");
    for (const refused of [
      await call("POST", `${path}/set-default`, {}, member),
      await call("DELETE", path, undefined, member),
    ]) {
      expect(refused.status).toBe(403);
    }
    expect((await call("POST", `${path}/set-default`)).status).toBe(200);
    expect((await call("GET", path)).json.is_default).toBe(true);
    expect((await call("DELETE", path)).status).toBe(200);
    expect((await call("GET", path)).status).toBe(404);
  });

  it("is listed to its account only", async () => {
    const other = await rig.server.addAccount("OWNER");
    expect((await call("GET", "/config", undefined, other.apiKey)).json).toMatchObject({ providers: [] });
    await call("POST", "/config", custom(), other.apiKey);
    const { json } = await call("GET", "/config", undefined, other.apiKey);
    expect(json.providers).toHaveLength(1);
    expect(json.mtime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect((await call("GET", "/config", undefined, rig.server.adminKey)).json.providers).toEqual([]);
    expect((await call("GET", "/config", undefined, "none")).status).toBe(401);
  });
});
