import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { askAsDocumented, operationsOf, type PlacedOperation, readDocument } from "../../test/wire/openapi.ts";

const operations = operationsOf(readDocument());
const NOBODY = "00000000-0000-4000-8000-000000000000";

/** Refuses every other key: by less nothing is proven. */
const upstream = await ScriptedUpstream.start({ apiKey: "sk-5" });
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ EGRESS_ALLOW: upstream.url });
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

/** The operations that answered with a reply. */
const replied = new Set<string>();

const draft = (more: object = {}) => ({
  displayName: "Demo",
  providerType: "CUSTOM_OPENAI_COMPATIBLE",
  endpointUrl: "patchbay:demo",
  modelIdentifier: "demo",
  apiPath: `/${randomUUID()}/chat/completions`,
  ...more,
});

/** Asks what must answer with a reply; the first message of it. */
async function use(method: string, path: string, body?: object) {
  const { operationId, status, messages } = await askAsDocumented(server, method, path, { body });
  expect(status, `${method} ${path} ${JSON.stringify(messages)}`).toBe(200);
  replied.add(operationId);
  return messages[0];
}

describe("every operation of /openapi.json", () => {
  it("replies as the document says", async () => {
    const { llm } = await use("POST", "/v1/llms", draft({ apiPath: "", alias: "demo" }));
    const one = `/v1/llms/${llm.llmId}`;
    for (const path of ["/v1/llms", one, `/v1/llms:batchGet?llmIds=${llm.llmId}`, `${one}/models`, "/v1/llms:watch"]) {
      await use("GET", path);
    }
    for (const method of ["PATCH", "PUT"]) await use(method, one, { description: method });
    for (const verb of ["setDefault", "test", "ping", "pingStream"]) await use("POST", `${one}:${verb}`, {});
    await use("POST", "/v1/llms:testConnection", draft());
    const sessionId = randomUUID();
    for (const at of [one, "/v1/llms"]) {
      for (const verb of ["chat", "streamChat"]) await use("POST", `${at}:${verb}`, { message: "Hello", sessionId });
    }
    for (const path of ["", `/${sessionId}`, `/${sessionId}/turns`]) await use("GET", `/v1/sessions${path}`);
    await use("DELETE", `/v1/sessions/${sessionId}`);
    await use("GET", "/v1/usage?groupBy=DAY&groupBy=LLM");
    for (const way of ["once", "stream"]) await use("POST", `/v1/ping:${way}`, { targetId: llm.llmId });
    await use("DELETE", one);
    await use("POST", `${one}:undelete`, {});
  });

  it("replies as the document says of credentials that are exchanged", async () => {
    const key = (inlineSecret: string) => ({ credentials: { apiKey: { inlineSecret } } });
    const { llm } = await use("POST", "/v1/llms", draft(key("sk-one")));
    const one = `/v1/llms/${llm.llmId}`;
    await use("POST", `${one}:addPendingCredentials`, key("sk-two"));
    await use("POST", `${one}:promoteCredentials`, { force: true });
    await use("POST", `${one}:revertCredentials`, {});
    await use("POST", `${one}:retireCredentials`, { slot: "PREVIOUS" });
  });

  it("replies as the document says of Providers, routes and budgets", async () => {
    const { displayName, providerType, endpointUrl } = draft();
    await use("PUT", "/v1/providers/demo", { displayName, providerType, endpointUrl });
    for (const path of ["", "/demo", "/demo/models"]) await use("GET", `/v1/providers${path}`);
    await use("POST", "/v1/providers/demo:test", {});
    await use("DELETE", "/v1/providers/demo");

    const { llm } = await use("POST", "/v1/llms", draft());
    const route = { name: "both", tiers: [{ targets: [{ llmId: llm.llmId }] }] };
    const { routeId } = await use("POST", "/v1/routes", route);
    const one = `/v1/routes/${routeId}`;
    for (const path of ["/v1/routes", one, "/v1/routes:watch"]) await use("GET", path);
    for (const method of ["PATCH", "PUT"]) await use(method, one, { displayName: method });
    await use("POST", `${one}:explain`, {});
    await use("DELETE", one);

    const budget = { llmId: llm.llmId, amountUsd: "25", period: "MONTH" };
    const { budgetId } = await use("POST", "/v1/budgets", budget);
    for (const path of ["", `/${budgetId}`]) await use("GET", `/v1/budgets${path}`);
    await use("DELETE", `/v1/budgets/${budgetId}`);
  });

  it("replies as the document says of accounts, keys and what was done", async () => {
    await use("GET", "/v1/caller");
    const { accountId } = await use("POST", "/v1/accounts", { displayName: "Team" });
    const account = `/v1/accounts/${accountId}`;
    for (const path of ["/v1/accounts", account]) await use("GET", path);
    for (const method of ["PATCH", "PUT"]) await use(method, account, { displayName: method });
    const { apiKey } = await use("POST", "/v1/apiKeys", { displayName: "Key", role: "MEMBER" });
    const key = `/v1/apiKeys/${apiKey.apiKeyId}`;
    for (const path of ["/v1/apiKeys", key]) await use("GET", path);
    for (const method of ["PATCH", "PUT"]) await use(method, key, { displayName: method });
    await use("POST", `${key}:roll`, {});
    await use("POST", `${key}:revoke`, {});
    await use("DELETE", account);
    for (const path of ["", ":export"]) await use("GET", `/v1/auditEvents${path}`);
  });

  it("replies as the document says of the APIs of others", async () => {
    const config = "/v1/llm-providers/config";
    const connection = { provider: "custom", model_name: "demo", base_url: "patchbay:demo", api_key: "sk-3" };
    const { integration_id: id } = await use("POST", config, { integration_name: "A", ...connection });
    for (const path of [config, `${config}/${id}`]) await use("GET", path);
    await use("PUT", `${config}/${id}`, { integration_name: "B" });
    await use("POST", `${config}/${id}/set-default`);
    await use("POST", "/v1/llm-providers/test-connection", connection);
    await use("DELETE", `${config}/${id}`);

    const provider = { name: "A", provider: "custom", model: "demo", baseUrl: "patchbay:demo", apiKey: "sk-4" };
    const { data } = await use("POST", "/llm-providers", provider);
    const one = `/llm-providers/${data.id}`;
    for (const path of ["/llm-providers", one]) await use("GET", path);
    await use("PATCH", one, { name: "B" });
    await use("POST", `${one}/test`);
    await use("POST", `${one}/chat`, { message: "Hello" });
    await use("DELETE", one);

    const named = "/api/providers/named";
    await use("POST", "/api/providers", { name: "named", apiKey: "sk-5", metadata: { baseUrl: `${upstream.url}/v1` } });
    for (const path of ["/api/providers", named]) await use("GET", path);
    await use("PUT", named, { displayName: "Named" });
    await use("POST", `${named}/test`);
    await use("DELETE", named);
  });

  it("was asked above", () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(ids.filter((id) => !replied.has(id))).toEqual([]);
  });

  const at = ({ httpMethod, path }: PlacedOperation): [string, string] => [
    httpMethod.toUpperCase(),
    path.replaceAll(/\{[^}]*\}/g, NOBODY),
  ];

  it.each(operations.map(at))("refuses as the document says: %s %s", async (method, path) => {
    const body = /^(POST|PUT|PATCH)$/.test(method) ? { nonsense: 1 } : undefined;
    expect((await askAsDocumented(server, method, path, { apiKey: "pb_live_nonsense" })).status).toBe(401);
    const query = body ? "" : "?nonsense=1";
    expect([400, 404]).toContain((await askAsDocumented(server, method, path + query, { body })).status);
  });
});
