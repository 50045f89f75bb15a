import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { askAsDocumented, operationsOf, readDocument, SchemaJudge } from "../../test/wire/openapi.ts";

const document = readDocument();
const operations = operationsOf(document);
const judge = new SchemaJudge(document);

let upstream: ScriptedUpstream;
let server: TestServer;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url });
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

interface Call {
  readonly llmId?: string;
  readonly query?: string;
  readonly body?: object;
  readonly accept?: string;
  readonly apiKey?: string;
}

/** Calls an operation of the document and returns the answer, which must fit what the document says of it. */
async function call(operationId: string, { llmId = "", query = "", body, accept, apiKey }: Call = {}) {
  const found = operations.find(({ operation }) => operation.operationId === operationId);
  if (!found) throw new Error(`the document has no ${operationId}`);
  const { httpMethod, path, operation } = found;
  const response = await fetch(server.url + path.replace("{llmId}", llmId) + query, {
    method: httpMethod.toUpperCase(),
    headers: {
      authorization: `Bearer ${apiKey ?? server.adminKey}`,
      ...(accept && { accept }),
      ...(body && { "content-type": "application/json" }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const status = String(response.status) in operation.responses ? String(response.status) : "default";
  const type = response.headers.get("content-type") ?? "";
  const messages = readMessages(type, await response.text());
  const place = ["paths", path, httpMethod, "responses", status, "content", type, "schema"];
  expect(messages.flatMap((message) => judge.faults(place, message))).toEqual([]);
  expect(messages).not.toEqual([]);
  return { status: response.status, messages };
}

function readMessages(type: string, text: string) {
  const lines = type === "application/json" ? [text] : text.split("\n").filter((line) => line !== "");
  return lines
    .filter((line) => !line.startsWith("event:") && line !== "data: {}")
    .map((line) => JSON.parse(line.replace(/^data: /, "")));
}

function draft(modelIdentifier: string) {
  return {
    displayName: modelIdentifier,
    providerType: "CUSTOM_OPENAI_COMPATIBLE",
    endpointUrl: `${upstream.url}/v1`,
    modelIdentifier,
  };
}

async function createLlm(modelIdentifier = `model-${randomUUID()}`): Promise<string> {
  const { messages } = await call("LlmService_CreateLlm", { body: draft(modelIdentifier) });
  return messages[0].llm.llmId;
}

describe("what the server answers is what the document says, for", () => {
  it("the registry", async () => {
    const llmId = await createLlm();
    const answers = [
      await call("LlmService_GetLlm", { llmId }),
      await call("LlmService_ListLlms", { query: "?pageSize=1&orderBy=CREATED_AT" }),
      await call("LlmService_UpdateLlm", { llmId, body: { mergeLabels: { labels: { team: "ai" } } } }),
      await call("LlmService_ListLlms", { query: "?labels[team]=ai" }),
      await call("LlmService_UpdateLlm_2", { llmId, body: { updateMask: "description" } }),
      await call("LlmService_SetDefaultLlm", { llmId }),
      await call("LlmService_TestLlm", { llmId }),
      await call("LlmService_GetLlm", { llmId }),
      await call("LlmService_TestConnection", { body: { llmId, modelIdentifier: "missing-model" } }),
      await call("LlmService_DeleteLlm", { llmId }),
    ];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(answers[3]?.messages[0].llms).toHaveLength(1);
  });

  it("a chat", async () => {
    const llmId = await createLlm();
    await call("LlmService_SetDefaultLlm", { llmId });
    const body = { message: "Hello" };
    expect((await call("ChatService_Chat", { llmId, body })).status).toBe(200);
    expect((await call("ChatService_Chat_2", { body })).status).toBe(200);
  });

  it.each(["application/x-ndjson", "text/event-stream"])("a stream as %s", async (accept) => {
    const llmId = await createLlm();
    const { messages } = await call("ChatService_StreamChat", { llmId, accept, body: { message: "Hello" } });
    expect(messages[0]).toHaveProperty("start");
    expect(messages.at(-1)).toHaveProperty("end");
  });

  it("a stream that fails", async () => {
    const llmId = await createLlm("cut");
    const { messages } = await call("ChatService_StreamChat", { llmId, body: { message: "Hello" } });
    expect(messages.at(-1)).toHaveProperty("error");
  });

  it("refusals", async () => {
    const llmId = await createLlm("twice");
    const statuses = [
      await call("LlmService_CreateLlm", { body: {} }),
      await call("LlmService_CreateLlm", { body: { ...draft("typo"), modelName: "" } }),
      await call("LlmService_ListLlms", { query: "?pageToken=nonsense" }),
      await call("LlmService_ListLlms", { apiKey: "pb_live_nonsense" }),
      await call("LlmService_GetLlm", { llmId: randomUUID() }),
      await call("LlmService_CreateLlm", { body: draft("twice") }),
      await call("LlmService_DeleteLlm", { llmId, query: "?etag=stale" }),
      await call("ChatService_Chat", { llmId: await createLlm("busy"), body: { message: "Hello" } }),
    ].map(({ status }) => status);
    expect(statuses).toEqual([400, 400, 400, 401, 404, 409, 409, 429]);
  });
});

/** Asks a path of another API's face. */
async function ask(method: string, path: string, body?: object, apiKey = server.adminKey) {
  const { status, messages } = await askAsDocumented(server, method, path, { body, apiKey });
  return { status, json: messages[0] };
}

describe("what the face of another API answers is what the document says, for", () => {
  const url = () => `${upstream.url}/v1`;

  it("integrations, and their errors", async () => {
    const config = "/v1/llm-providers/config";
    const made = {
      integration_name: "A",
      provider: "custom",
      model_name: randomUUID(),
      base_url: url(),
      api_key: "sk-1",
    };
    const { json } = await ask("POST", config, made);
    const one = `${config}/${json.integration_id}`;
    const statuses = [
      await ask("GET", config),
      await ask("GET", one),
      await ask("PUT", one, { integration_name: "B" }),
      await ask("POST", `${one}/set-default`),
      await ask("POST", "/v1/llm-providers/test-connection", { ...made, integration_name: undefined }),
      await ask("POST", config, made),
      await ask("POST", config, { ...made, provider: "nope" }),
      await ask("GET", config, undefined, "nonsense"),
      await ask("DELETE", one),
      await ask("GET", one),
    ].map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 409, 400, 401, 200, 404]);
    expect((await ask("GET", one)).json).toMatchObject({ detail: expect.any(String), error: { code: 404 } });
  });

  it("providers with a chat, and their errors", async () => {
    const made = { name: "A", provider: "custom", model: randomUUID(), baseUrl: url(), apiKey: "sk-2" };
    const { json } = await ask("POST", "/llm-providers", made);
    const one = `/llm-providers/${json.data.id}`;
    const statuses = [
      await ask("GET", "/llm-providers"),
      await ask("GET", one),
      await ask("PATCH", one, { name: "B" }),
      await ask("POST", `${one}/test`),
      await ask("POST", `${one}/chat`, { message: "Hello" }),
      await ask("POST", "/llm-providers", made),
      await ask("POST", "/llm-providers", { ...made, provider: "nope" }),
      await ask("GET", "/llm-providers", undefined, "nonsense"),
      await ask("DELETE", one),
      await ask("GET", one),
    ].map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 409, 400, 401, 200, 404]);
  });

  it("providers by name, and their errors", async () => {
    const made = { name: `p-${randomUUID()}`, apiKey: "sk-3", metadata: { baseUrl: url() } };
    const one = `/api/providers/${made.name}`;
    const statuses = [
      await ask("POST", "/api/providers", made),
      await ask("GET", "/api/providers"),
      await ask("GET", one),
      await ask("POST", "/api/providers", { name: made.name }),
      await ask("GET", "/api/providers", undefined, "nonsense"),
      await ask("DELETE", one),
      await ask("GET", one),
      await ask("POST", `${one}/test`),
    ].map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 200, 400, 401, 200, 404, 404]);
  });
});
