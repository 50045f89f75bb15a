import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { ToolChoice_Mode, ResponseFormat_Type as Type } from "../../../gen/patchbay/v1/chat_form_pb.ts";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { Notice_Code } from "../../../gen/patchbay/v1/notice_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, type LlmRequest, llmRequest } from "../../test/service/llm-requests.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

const KEY = "sk-canary-0123456789abcdef";

let upstream: ScriptedUpstream;
let elsewhere: ScriptedUpstream;
let server: TestServer;
let patchbay: Patchbay;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  elsewhere = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: `${upstream.url},${elsewhere.url}` });
  patchbay = server.client((await server.addAccount("OWNER")).apiKey);
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
  await elsewhere.close();
});

const { ANTHROPIC, OPENAI, VLLM } = Llm_ProviderType;

async function create(said: LlmRequest = {}) {
  const request = { endpointUrl: `${upstream.url}/v1`, modelIdentifier: randomUUID(), credentials: apiKey(KEY) };
  const { llm, statuses } = await patchbay.llms.createLlm(llmRequest({ ...request, ...said }));
  return { llmId: llm?.llmId ?? "", clientConfig: llm?.clientConfig, statuses };
}

describe("a client configuration", () => {
  it.each([
    {
      providerType: OPENAI,
      clientConfig: { seed: 7, extra_body: { service_tier: "flex" }, headers: { "OpenAI-Project": "p-1" } },
      body: { seed: 7, service_tier: "flex", stream: undefined },
      headers: { "openai-project": "p-1", authorization: `Bearer ${KEY}` },
    },
    {
      providerType: ANTHROPIC,
      clientConfig: {
        thinking: { type: "enabled", budget_tokens: 1024 },
        headers: { "anthropic-beta": "b-1", "Anthropic-Version": "2099-01-01" },
      },
      body: { thinking: { type: "enabled", budget_tokens: 1024 } },
      headers: { "anthropic-beta": "b-1", "anthropic-version": "2099-01-01", "x-api-key": KEY },
    },
  ])("goes with every request, that of a test too", async ({ providerType, clientConfig, body, headers }) => {
    const { llmId } = await create({ providerType, clientConfig });
    await patchbay.chat.chat({ llmId, message: "Hi" });
    await patchbay.llms.testLlm({ llmId });
    await patchbay.llms.testConnection({ llmId, modelIdentifier: "another" });
    const chat = upstream.requests.at(-3);
    expect(chat?.body).toMatchObject(JSON.parse(JSON.stringify(body)));
    for (const call of upstream.requests.slice(-3)) {
      expect(call.headers).toMatchObject(headers);
      expect(call.body).toMatchObject(clientConfig.thinking ? { thinking: clientConfig.thinking } : { seed: 7 });
    }
  });

  it("gives way to what a chat says itself", async () => {
    const { llmId } = await create({ clientConfig: { response_format: { type: "json_object" } } });
    await patchbay.chat.chat({ llmId, message: "Hi" });
    expect(upstream.requests.at(-1)?.body).toMatchObject({ response_format: { type: "json_object" } });
    await patchbay.chat.chat({ llmId, message: "Hi", responseFormat: { type: Type.TEXT } });
    expect(upstream.requests.at(-1)?.body).toMatchObject({ response_format: { type: "text" } });
  });

  it("keeps what the API is not known to take, sends none of it, and says so", async () => {
    const clientConfig = { timeout: 30, future: { a: [1] }, headers: { "X-Forwarded-For": "1.2.3.4" } };
    const made = await create({ clientConfig });
    expect(made.clientConfig).toEqual(clientConfig);
    const said = {
      code: Notice_Code.CLIENT_CONFIG_NOT_SENT,
      message: expect.stringContaining("timeout, future, headers.X-F"),
    };
    expect(made.statuses).toContainEqual(expect.objectContaining(said));
    await patchbay.chat.chat({ llmId: made.llmId, message: "Hi" });
    const { body = {}, headers = {} } = upstream.requests.at(-1) ?? {};
    expect(Object.keys(body)).toEqual(["model", "messages"]);
    expect(headers).not.toHaveProperty("x-forwarded-for");
    const updated = await patchbay.llms.updateLlm({ llmId: made.llmId, clientConfig: { seed: 1 } });
    expect(updated.statuses.map(({ code }) => code)).not.toContain(Notice_Code.CLIENT_CONFIG_NOT_SENT);
  });

  it.each(["base_url", "api_base", "baseURL", "authorization", "api_key", "model", "messages", "stream"])(
    "that says %s is refused, wherever it stands, and goes nowhere",
    async (name) => {
      const { llmId } = await create();
      const nested = { provider: { only: [{ [name]: elsewhere.url }] } };
      for (const [clientConfig, path] of [
        [{ [name]: elsewhere.url }, name],
        [{ extraBody: { [name]: elsewhere.url } }, `extraBody.${name}`],
        [nested, `provider.only[0].${name}`],
      ] as const) {
        const field = { field: `clientConfig.${path}` };
        const created = await problemIn(create({ clientConfig }));
        expect(created).toMatchObject({ code: "InvalidArgument", reason: "INVALID_REQUEST", fields: [field] });
        expect(await problemIn(patchbay.llms.updateLlm({ llmId, clientConfig }))).toMatchObject({ fields: [field] });
      }
      // As a row from before the rule may have it.
      const clientConfig = JSON.stringify({ ...nested, [name]: elsewhere.url, seed: 3, headers: { [name]: "x" } });
      await server.store.fork().execute("update llm set client_config = ? where id = ?", [clientConfig, llmId]);
      await expect
        .poll(() => patchbay.chat.chat({ llmId, message: "Hi" }).then(() => upstream.requests.at(-1)?.body))
        .toMatchObject({ seed: 3 });
      const { text = "", body = {}, headers = {} } = upstream.requests.at(-1) ?? {};
      expect(Object.keys(body)).toEqual(["seed", "model", "messages"]);
      expect([text.includes(elsewhere.url), headers.authorization]).toEqual([false, `Bearer ${KEY}`]);
      expect(elsewhere.requests).toEqual([]);
    },
  );
});

describe("sampling parameters", () => {
  const samplingParams = {
    temperature: 0.1,
    topP: 0.2,
    topK: 3,
    frequencyPenalty: 1,
    presencePenalty: 1,
    maxTokens: 9,
    stopSequences: ["END"],
  };

  it.each([
    { providerType: VLLM, takes: false, left: ["max_tokens", "stop"] },
    { providerType: ANTHROPIC, takes: false, left: ["max_tokens", "stop_sequences"] },
    {
      providerType: VLLM,
      takes: true,
      left: ["max_tokens", "temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "stop"],
    },
    {
      providerType: VLLM,
      takes: undefined,
      left: ["max_tokens", "temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "stop"],
    },
  ])("are held back from a model that takes none ($providerType, $takes)", async ({ providerType, takes, left }) => {
    const capabilities = takes === undefined ? {} : { supportsSamplingParameters: takes };
    const { llmId } = await create({ providerType, capabilities });
    await patchbay.chat.chat({ llmId, message: "Hi", samplingParams });
    const { model: _, messages: __, ...rest } = upstream.requests.at(-1)?.body ?? {};
    expect(Object.keys(rest).sort()).toEqual(left.toSorted());
  });
});

describe("the form of a chat", () => {
  const tools = [{ name: "f" }];

  it("that an API has not is refused before anything is sent", async () => {
    const { llmId } = await create({ providerType: ANTHROPIC });
    const sent = upstream.requests.length;
    const chat = patchbay.chat.chat({ llmId, message: "Hi", responseFormat: { type: Type.JSON_OBJECT } });
    expect(await problemIn(chat)).toMatchObject({ code: "InvalidArgument", reason: "RESPONSE_FORMAT_NOT_SUPPORTED" });
    expect(upstream.requests.length).toBe(sent);
  });

  it.each([
    { name: "a schema that is missing", said: { responseFormat: { type: Type.JSON_SCHEMA } } },
    { name: "a schema without use", said: { responseFormat: { type: Type.TEXT, jsonSchema: { schema: {} } } } },
    { name: "no form", said: { responseFormat: {} } },
    { name: "a tool without a name", said: { tools, toolChoice: { mode: ToolChoice_Mode.TOOL } } },
    { name: "a tool that is not there", said: { tools, toolChoice: { mode: ToolChoice_Mode.TOOL, tool: "g" } } },
    { name: "any tool of none", said: { toolChoice: { mode: ToolChoice_Mode.REQUIRED } } },
  ])("is refused: $name", async ({ said }) => {
    const { llmId } = await create();
    expect(await problemIn(patchbay.chat.chat({ llmId, message: "Hi", ...said }))).toMatchObject({
      reason: "INVALID_REQUEST",
    });
  });
});
