import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPatchbay } from "../../../client/llm.ts";
import { describeError } from "../../base/log.ts";
import { makeApiKey } from "../../domain/access/api-key-format.ts";
import { ServerProcess } from "../../test/server/server-process.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey as credentials, llmRequest } from "../../test/service/llm-requests.ts";
import { createDatabase } from "../../test/store/databases.ts";
import { SURFACES } from "../../test/surfaces.ts";
import { refuses } from "../../test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { startCollector } from "../../test/wire/collector.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

const REQUEST_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let server: TestServer;
let account: { accountId: string; apiKey: string };
beforeAll(async () => {
  server = await startServer();
  account = await server.addAccount("OWNER");
});
afterAll(() => server.stop());

/** The line of the log that a request id leads to; there is exactly one, written when the answer is out. */
async function lineOf(requestId: string) {
  expect(requestId).toMatch(REQUEST_ID);
  const lines = () => server.log.filter(({ facts, message }) => facts.requestId === requestId && message === "call");
  await expect.poll(lines).toHaveLength(1);
  return lines()[0]?.facts;
}

describe("the log", () => {
  it.each(SURFACES)("has the request id of an answer and of an error over $name", async ({ name, open }) => {
    const { patchbay, close } = open(server.url, account.apiKey);
    const protocol = name.split(" ")[0]?.toLowerCase();
    const { accountId } = account;
    const known = { protocol, accountId, apiKeyId: expect.any(String), ms: expect.any(Number) };

    let header = new Headers();
    await patchbay.llms.listLlms({}, { onHeader: (received) => (header = received) });
    expect(await lineOf(header.get("x-request-id") ?? "")).toMatchObject({
      ...known,
      rpc: "patchbay.v1.LlmService/ListLlms",
      code: "Ok",
    });

    const problem = await problemIn(patchbay.llms.getLlm({ llmId: crypto.randomUUID() }));
    expect(await lineOf(problem.requestId)).toMatchObject({
      ...known,
      rpc: "patchbay.v1.LlmService/GetLlm",
      code: "NotFound",
      httpStatus: protocol === "rest" ? 404 : undefined,
    });
    close();
  });

  it.each([
    { what: "an unknown path", method: "GET", path: "/v1/nowhere", status: 404, rpc: "none" },
    { what: "a wrong method", method: "PUT", path: "/v1/llms", status: 405, rpc: "none" },
    {
      what: "a wrong media type",
      method: "POST",
      path: "/v1/llms",
      status: 415,
      rpc: "patchbay.v1.LlmService/CreateLlm",
    },
    {
      what: "a wrong media type of an rpc",
      method: "POST",
      path: "/patchbay.v1.LlmService/GetLlm",
      status: 415,
      rpc: "patchbay.v1.LlmService/GetLlm",
    },
  ])("has $what, which no interceptor sees", async ({ method, path, status, rpc }) => {
    const headers = { authorization: `Bearer ${account.apiKey}`, "content-type": "text/xml" };
    const body = method === "GET" ? null : "<a/>";
    const response = await fetch(server.url + path, { method, headers, body });
    expect(response.status).toBe(status);
    expect(await lineOf(response.headers.get("x-request-id") ?? "")).toMatchObject({ rpc });
  });

  it("knows whose key it is that may not do what it asks for, and nobody without one", async () => {
    const viewer = server.client(await server.addKey(account.accountId, "VIEWER"));
    const refused = await problemIn(viewer.llms.createLlm(llmRequest()));
    expect(await lineOf(refused.requestId)).toMatchObject({ code: "PermissionDenied", accountId: account.accountId });
    const unknown = await problemIn(server.client(makeApiKey().reveal()).llms.listLlms({}));
    expect(await lineOf(unknown.requestId)).toMatchObject({ code: "Unauthenticated", accountId: undefined });
  });

  it("holds no key and no prompt, and neither do metrics and traces", async () => {
    const [key, prompt, echo] = ["sk-canary-0123456789abcdef", "canary-prompt", "canary-echo"];
    const upstream = await ScriptedUpstream.start();
    const collector = await startCollector();
    const watched = await startServer({ EGRESS_ALLOW: upstream.url, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    const { apiKey } = await watched.addAccount("OWNER");
    upstream.setModel("echoing", refuses(400, {}, `${echo}: ${key} may not say ${prompt}`));
    const { llms, chat } = watched.client(apiKey);
    for (const model of ["fine", "echoing", "html", "cut"]) {
      const endpointUrl = `${upstream.url}/v1`;
      const request = llmRequest({ endpointUrl, modelIdentifier: model, credentials: credentials(key) });
      const llmId = (await llms.createLlm(request)).llm?.llmId ?? "";
      await chat.chat({ llmId, message: prompt }).catch(() => {});
      await Array.fromAsync(chat.streamChat({ llmId, message: prompt })).catch(() => {});
      await llms.testLlm({ llmId });
    }
    await fetch(`${watched.url}/v1/${key}?key=${apiKey}&prompt=${prompt}`);
    const metrics = await (await fetch(`${watched.url}/metrics`)).text();
    await watched.stop();
    expect(
      upstream.requests.some(({ text, headers }) => text.includes(prompt) && headers.authorization?.includes(key)),
    ).toBe(true);
    const log = JSON.stringify(watched.log, (_, value) => (value instanceof Error ? describeError(value) : value));
    for (const text of [log, metrics, collector.text()]) {
      expect(text.length).toBeGreaterThan(1_000);
      for (const secret of [key, prompt, echo, apiKey]) expect(text).not.toContain(secret);
    }
    await collector.close();
    await upstream.close();
  });
});

describe("the process", () => {
  it("has written all lines, each as one of JSON, when it ends", async () => {
    const database = await createDatabase();
    const folder = mkdtempSync(join(tmpdir(), "patchbay-log-"));
    const apiKey = makeApiKey().reveal();
    const child = new ServerProcess({
      DATABASE_URL: database.url,
      KEYRING_FILE: join(folder, "keyring"),
      BOOTSTRAP_API_KEY: apiKey,
      SHUTDOWN_GRACE_SECONDS: "0",
    });
    const { llms } = createPatchbay({ url: await child.url(), apiKey });
    const ids = await Promise.all(
      Array.from({ length: 50 }, async () => (await problemIn(llms.getLlm({ llmId: crypto.randomUUID() }))).requestId),
    );
    expect(await child.end("SIGTERM")).toBe(0);
    // The end of the process may be heard of before its last words.
    await expect.poll(() => child.stderr).toContain('"stopping"');
    const lines = child.stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const written = lines.filter(({ msg }) => msg === "call").map(({ requestId }) => requestId);
    expect(written.sort()).toEqual(ids.sort());
    await database.drop();
    rmSync(folder, { recursive: true });
  });
});
