import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { Budget_Period } from "../../../gen/patchbay/v1/budget_pb.ts";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, type LlmRequest, llmRequest } from "../../test/service/llm-requests.ts";
import { says, sends } from "../../test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

const KEY = "sk-canary-0123456789abcdef";
let upstream: ScriptedUpstream;
let server: TestServer;
let patchbay: Patchbay;
let key: string;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url });
  key = (await server.addAccount("OWNER")).apiKey;
  patchbay = server.client(key);
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

async function create(said: LlmRequest = {}): Promise<string> {
  const { llm } = await patchbay.llms.createLlm(
    llmRequest({ endpointUrl: `${upstream.url}/v1`, credentials: apiKey(KEY), ...said }),
  );
  return llm?.llmId ?? "";
}

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

describe("a chat completion", () => {
  it("is passed through, whole", async () => {
    const llmId = await create({ modelIdentifier: "one-model", price: { input: "1", output: "2" } });
    const body = `{"messages":[{"role":"user","content":"hi","x":1}], "model":"one-model" , "unknown": [1.50, "é\\u0041"]}`;
    const response = await post("/v1/chat/completions", body);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ object: "chat.completion" });
    expect(response.headers.get("patchbay-llm-id")).toBe(llmId);
    expect(Number(response.headers.get("patchbay-cost-usd"))).toBeGreaterThan(0);
    expect(upstream.requests.at(-1)?.text).toBe(body);
    expect(upstream.requests.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
  });

  it("is passed through, streamed, with what it cost in a comment before its end", async () => {
    await create({ modelIdentifier: "streaming", price: { input: "1", output: "2" } });
    const asked = { model: "streaming", stream: true, messages: [{ role: "user", content: "x" }] };
    const response = await post("/v1/chat/completions", asked);
    const text = await response.text();
    expect(text).toMatch(/: patchbay-cost-usd: 0\.\d+\n: patchbay-usage-source: REPORTED\n\ndata: \[DONE\]\n\n$/);
    expect(text).toContain('"content":"world"');
    // It was asked for by us.
    expect(upstream.requests.at(-1)?.body.stream_options).toEqual({ include_usage: true });
    expect(text).not.toContain('"usage"');
  });

  it("shows the usage to those who ask for it", async () => {
    const asked = { model: "streaming", stream: true, stream_options: { include_usage: true }, messages: [] };
    const text = await (await post("/v1/chat/completions", asked)).text();
    expect(text).toContain('"usage":{');
    expect(upstream.requests.at(-1)?.text).toBe(JSON.stringify(asked));
  });

  it("names the likeliest of the names there are to those who write another", async () => {
    await create({ modelIdentifier: "known-model" });
    const response = await post("/v1/chat/completions", { model: "knwon-model", messages: [] });
    expect(response.status).toBe(404);
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect(await response.json()).toEqual({
      error: {
        message: 'no Llm goes by the name "knwon-model"; did you mean "known-model"?',
        type: "invalid_request_error",
        param: null,
        code: "model_not_found",
        request_id: response.headers.get("x-request-id"),
      },
    });
  });

  it.each(["api_base", "base_url", "models", "Model", "extra_headers"])(
    "is refused when it says where it goes: %s",
    async (name) => {
      const response = await post("/v1/chat/completions", { model: "known-model", messages: [], [name]: "x" });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { param: name } });
    },
  );

  it.each(["", "[]", "{", '{"model": "a"', '"x"'])("is refused when it is no object: %j", async (body) => {
    expect((await post("/v1/chat/completions", body)).status).toBe(400);
  });
});

describe("a message", () => {
  it("is passed through, whole and streamed, with the caller's version and betas", async () => {
    await create({ modelIdentifier: "claude", providerType: Llm_ProviderType.ANTHROPIC });
    const headers = { "anthropic-version": "2026-10-21", "anthropic-beta": "a,b", "x-unknown": "1" };
    const whole = await post("/v1/messages", { model: "claude", max_tokens: 3, messages: [] }, headers);
    expect(whole.headers.get("request-id")).toBe(whole.headers.get("x-request-id"));
    expect(await whole.json()).toMatchObject({ type: "message" });
    const sent = upstream.requests.at(-1)?.headers ?? {};
    expect(sent).toMatchObject({ "anthropic-version": "2026-10-21", "anthropic-beta": "a,b", "x-api-key": KEY });
    expect(sent["x-unknown"]).toBeUndefined();
    const asked = { model: "claude", stream: true, max_tokens: 3, messages: [] };
    const text = await (await post("/v1/messages?beta=true", asked)).text();
    expect(text).toMatch(/: patchbay-usage-source: REPORTED\n\nevent: message_stop\n/);
  });

  it("is refused in the words of its API", async () => {
    const response = await post("/v1/messages", { model: "nope" });
    expect([response.status, await response.json()]).toMatchObject([
      404,
      { type: "error", error: { type: "not_found_error" } },
    ]);
  });
});

describe("models", () => {
  const list = async (query: string, headers: Record<string, string> = {}) =>
    (await fetch(`${server.url}/v1/models${query}`, { headers: { "x-api-key": key, ...headers } })).json();

  it("are listed in the form of OpenAI", async () => {
    const { object, data } = (await list("")) as { object: string; data: { id: string }[] };
    expect(object).toBe("list");
    expect(data.map(({ id }) => id)).toContain("one-model");
    expect(await list("/one-model")).toMatchObject({ id: "one-model", object: "model" });
  });

  it("tell the most tokens of a reply, as is known of the model, before the owner's default", async () => {
    const llm = { modelIdentifier: "gpt-4.1", providerType: Llm_ProviderType.OPENAI };
    await create({ ...llm, defaultSamplingParams: { maxTokens: 7 } });
    await create({ modelIdentifier: "nobody-knows", defaultSamplingParams: { maxTokens: 7 } });
    expect(await list("/gpt-4.1")).toMatchObject({ context_length: 1_047_576, max_output_tokens: 32_768 });
    expect(await list("/nobody-knows")).toMatchObject({ max_output_tokens: 7 });
    expect(await list("/gpt-4.1", { "anthropic-version": "2023-06-01" })).toMatchObject({ max_tokens: 32_768 });
  });

  it("are listed in the form of Anthropic to those who name its version, page by page", async () => {
    const version = { "anthropic-version": "2023-06-01" };
    const first = await list("?limit=1", version);
    expect(first).toMatchObject({ data: [{ type: "model" }], has_more: true });
    const rest = await list(`?limit=100&after_id=${(first as { last_id: string }).last_id}`, version);
    expect(rest).toMatchObject({ has_more: false });
  });
});

it("a wish for a WebSocket is refused at once, and HEAD finds somebody there", async () => {
  const { request } = await import("node:http");
  const status = await new Promise((resolve) => {
    const headers = { connection: "Upgrade", upgrade: "websocket", authorization: `Bearer ${key}` };
    request(`${server.url}/v1/responses`, { headers }, ({ statusCode }) => resolve(statusCode)).end();
  });
  expect(status).toBe(426);
  expect((await fetch(server.url, { method: "HEAD" })).status).toBe(200);
});

describe("a reply in the words of another API", () => {
  const clients = () => ({
    openai: new OpenAI({ baseURL: `${server.url}/v1`, apiKey: key, maxRetries: 0 }),
    anthropic: new Anthropic({ baseURL: server.url, apiKey: key, maxRetries: 0 }),
  });

  it("comes to OpenAI's client from Anthropic's endpoint", async () => {
    await create({
      modelIdentifier: "claude-2",
      providerType: Llm_ProviderType.ANTHROPIC,
      price: { input: "1", output: "2" },
    });
    const { openai } = clients();
    const messages = [{ role: "user" as const, content: "hi" }];
    const { data, response } = await openai.chat.completions
      .create({ model: "claude-2", messages, seed: 1 })
      .withResponse();
    expect(data.choices[0]?.message.content).toBe("Hello, world");
    expect(data.usage?.completion_tokens).toBe(3);
    expect(response.headers.get("patchbay-dropped")).toBe("seed");
    expect(upstream.requests.at(-1)?.path).toBe("/v1/messages");
    const stream = openai.chat.completions.stream({ model: "claude-2", messages });
    expect((await stream.finalChatCompletion()).choices[0]?.message.content).toBe("Hello, world");
    expect((await openai.responses.create({ model: "claude-2", input: "hi" })).output_text).toBe("Hello, world");
  });

  it("comes to Anthropic's client from OpenAI's endpoint, and so does an estimate of tokens", async () => {
    await create({ modelIdentifier: "gpt-2" });
    const { anthropic } = clients();
    const asked = { model: "gpt-2", max_tokens: 9, messages: [{ role: "user" as const, content: "hi" }] };
    expect((await anthropic.messages.create(asked)).content).toMatchObject([{ type: "text", text: "Hello, world" }]);
    const streamed = await anthropic.messages.stream(asked).finalMessage();
    expect(streamed).toMatchObject({
      content: [{ text: "Hello, world" }],
      stop_reason: "end_turn",
      usage: { output_tokens: 3 },
    });
    const { input_tokens } = await anthropic.messages.countTokens({ model: "gpt-2", messages: asked.messages });
    expect(input_tokens).toBeGreaterThan(0);
  });

  it("has one line for each event, to whoever takes U+2028 for the end of one, too", async () => {
    const llmId = await create({ modelIdentifier: "separated" });
    const said = "one\u2028two\u0085three";
    upstream.script(says(said), says(said), says(said));
    const asked = { model: "separated", stream: true, max_tokens: 9, messages: [{ role: "user", content: "hi" }] };
    const events = await post("/v1/messages", asked);
    const accept = { accept: "text/event-stream" };
    const ours = await post(`/v1/llms/${llmId}:streamChat`, { message: "hi" }, accept);
    const lines = await post(`/v1/llms/${llmId}:streamChat`, { message: "hi" });
    for (const text of [await events.text(), await ours.text(), await lines.text()]) {
      expect(text).toContain("one\\u2028two\\u0085three");
      expect(text).not.toMatch(/[\u0085\u2028]/);
    }
  });
});

describe("an error", () => {
  const ask = async (path: string, model: string, more = {}) => {
    const said =
      path === "/v1/responses" ? { input: "hi" } : { messages: [{ role: "user", content: "hi" }], max_tokens: 5 };
    const response = await post(path, { model, ...said, ...more });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };

  it("of a budget of nothing stops programs at once, and says so", async () => {
    const llmId = await create({ modelIdentifier: "dear", price: { input: "1", output: "2" } });
    await patchbay.budgets.setBudget({ llmId, amountUsd: "0", period: Budget_Period.MONTH });
    const statuses: Record<string, number> = { "/v1/chat/completions": 402, "/v1/messages": 402, "/v1/responses": 400 };
    for (const [path, status] of Object.entries(statuses)) {
      const refused = await ask(path, "dear");
      expect([path, refused.status, refused.headers.get("x-should-retry")]).toEqual([path, status, "false"]);
      expect(refused.text).toMatch(
        /the chat may cost .*, and budget .* is \$0: take an Llm that costs nothing; or raise or delete it/,
      );
    }
  });

  it.each([
    { model: "busy", status: 429, repeats: true },
    { model: "broken", status: 503, repeats: true },
    { model: "unauthorized", status: 400, repeats: false },
    { model: "missing-model", status: 400, repeats: false },
  ])("of the endpoint is $status of $model, in our words", async ({ model, status, repeats }) => {
    await create({ modelIdentifier: model });
    for (const path of ["/v1/chat/completions", "/v1/messages"]) {
      const refused = await ask(path, model);
      expect(refused.status).toBe(status);
      expect(refused.headers.has("retry-after")).toBe(repeats);
      expect(refused.text).not.toMatch(/sk-canary|nginx/);
    }
  });

  it.each([
    {
      what: "a parameter",
      error: { message: "Unsupported parameter: 'seed' is not supported with this model.", param: "seed" },
      named: { parameter: "seed" },
      reason: "UPSTREAM_PARAMETER_REFUSED",
    },
    {
      what: "a feature",
      error: { message: "some/model does not support tools" },
      named: { parameter: "tools", feature: "tools" },
      reason: "UPSTREAM_FEATURE_REFUSED",
    },
  ])("names what is refused: $what", async ({ error, named, reason }) => {
    const llmId = await create({ modelIdentifier: `refuses ${named.parameter}` });
    const body = JSON.stringify({ error: { type: "invalid_request_error", code: "unsupported_parameter", ...error } });
    upstream.setModel(`refuses ${named.parameter}`, sends(body, { "content-type": "application/json" }, 400));
    const problem = await problemIn(patchbay.chat.chat({ llmId, message: "hi" }));
    expect(problem).toMatchObject({ reason, metadata: named });
    for (const path of ["/v1/chat/completions", "/v1/messages"]) {
      const { status, text } = await ask(path, llmId);
      expect([status, text]).toEqual([400, expect.stringContaining(named.parameter)]);
      if (path !== "/v1/messages") expect(JSON.parse(text).error.param).toBe(named.parameter);
    }
  });

  it.each([
    { what: "a path", path: "/v1/messages/nowhere", headers: {}, status: 404 },
    { what: "an encoding", path: "/v1/messages", headers: { "content-encoding": "lzma" }, status: 415 },
    { what: "a path", path: "/v1/chat/nowhere", headers: {}, status: 404 },
  ])("of $what has the id of the call, as all others do ($path)", async ({ path, headers, status }) => {
    const response = await post(path, {}, headers);
    const id = response.headers.get("x-request-id");
    const body = (await response.json()) as { request_id?: string; error: { request_id?: string } };
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect([response.status, body.request_id ?? body.error.request_id]).toEqual([status, id]);
    if (path.startsWith("/v1/messages")) expect(response.headers.get("request-id")).toBe(id);
  });

  it("of a name that cannot be stored is that of an unknown one", async () => {
    for (const path of ["/v1/chat/completions", "/v1/messages", "/v1/responses"]) {
      expect((await ask(path, "some\0model")).status).toBe(404);
    }
    const headers = { authorization: `Bearer ${key}` };
    expect((await fetch(`${server.url}/v1/models/some%00model`, { headers })).status).toBe(404);
  });

  it("after a stream has begun is its last event", async () => {
    await create({ modelIdentifier: "cut" });
    const passed = await ask("/v1/chat/completions", "cut", { stream: true });
    expect(passed.text).toMatch(/\n\ndata: \{"error":\{"message":"[^"]+","type":"server_error"[^\n]*\}\n\n$/);
    const translated = await ask("/v1/messages", "cut", { stream: true });
    expect(translated.text).toMatch(
      /\n\nevent: error\ndata: \{"type":"error","error":\{"type":"\w+","message":"[^\n]*\n\n$/,
    );
  });

  it("tells that an endpoint of Responses has nothing else", async () => {
    const llmId = await create({ modelIdentifier: "only-responses", apiPath: "/responses" });
    for (const path of ["/v1/chat/completions", "/v1/messages"]) {
      const refused = await ask(path, llmId);
      expect([refused.status, refused.text]).toEqual([400, expect.stringContaining("does not have")]);
    }
  });

  it("of a key is that of the API", async () => {
    for (const path of ["/v1/chat/completions", "/v1/messages", "/v1/responses"]) {
      const response = await fetch(`${server.url}${path}`, {
        method: "POST",
        headers: { authorization: "Bearer nope" },
        body: "{}",
      });
      expect([path, response.status]).toEqual([path, 401]);
      expect(await response.json()).toMatchObject({ error: { message: expect.any(String) } });
    }
  });
});

describe("the usage row of a call", () => {
  it("has the labels that the caller gives, and the owner's go first", async () => {
    const llmId = await create({ modelIdentifier: "labelled", labels: { team: "owner" } });
    const asked = { model: "labelled", messages: [], user: "ann", metadata: { team: "other", task: "x" } };
    await post("/v1/chat/completions", asked, { "x-litellm-tags": "nightly, env=prod" });
    const [row] = await server.store
      .fork()
      .execute("select labels, outcome from reply_usage where llm_id = ?", [llmId]);
    expect(row).toMatchObject({
      outcome: "COMPLETED",
      labels: { team: "owner", task: "x", user: "ann", nightly: "true", env: "prod" },
    });
  });

  it("is there once for a stream that its caller leaves", async () => {
    const llmId = await create({ modelIdentifier: "slow" });
    const controller = new AbortController();
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "slow", stream: true, messages: [{ role: "user", content: "x" }] }),
      signal: controller.signal,
    });
    await response.body?.getReader().read();
    controller.abort();
    const rows = () => server.store.fork().execute("select outcome from reply_usage where llm_id = ?", [llmId]);
    await expect.poll(rows).toEqual([{ outcome: "CANCELLED" }]);
  });
});
