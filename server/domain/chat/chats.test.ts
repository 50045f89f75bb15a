import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { ToolChoice_Mode } from "../../../gen/patchbay/v1/chat_form_pb.ts";
import { Llm_Status } from "../../../gen/patchbay/v1/llm_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, type LlmRequest, llmRequest } from "../../test/service/llm-requests.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

const KEY = "sk-canary-0123456789abcdef";
const PROMPT = "prompt-canary";

let upstream: ScriptedUpstream;
let server: TestServer;
let patchbay: Patchbay;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url });
  patchbay = server.client((await server.addAccount("OWNER")).apiKey);
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

async function create(said: LlmRequest = {}): Promise<string> {
  const { llm } = await patchbay.llms.createLlm(
    llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: randomUUID(), credentials: apiKey(KEY), ...said }),
  );
  return llm?.llmId ?? "";
}

describe("a chat", () => {
  it("sends the key where the Llm says, and the defaults that the chat does not override", async () => {
    const llmId = await create({
      credentials: { apiKey: { ...apiKey(KEY).apiKey, headerName: "X-Custom", prefix: "Token " } },
      defaultSamplingParams: { temperature: 0.5, maxTokens: 7, stopSequences: ["END"] },
    });
    await patchbay.chat.chat({ llmId, message: PROMPT, samplingParams: { temperature: 0 } });
    const { body, headers } = upstream.requests.at(-1) ?? {};
    expect(body).toMatchObject({
      temperature: 0,
      max_tokens: 7,
      stop: ["END"],
      messages: [{ role: "user", content: PROMPT }],
    });
    expect([headers?.["x-custom"], headers?.authorization]).toEqual([`Token ${KEY}`, undefined]);
  });

  it("sends nothing of ours to an Llm without credentials", async () => {
    const llmId = await create({ credentials: undefined as never });
    await patchbay.chat.chat({ llmId, message: PROMPT });
    const { headers = {} } = upstream.requests.at(-1) ?? {};
    expect(Object.keys(headers).sort()).toEqual([
      "accept",
      "accept-encoding",
      "connection",
      "content-length",
      "content-type",
      "host",
      "user-agent",
    ]);
  });

  it.each([
    { said: { toolChoice: { mode: ToolChoice_Mode.REQUIRED } }, field: "toolChoice.mode" },
    {
      said: { toolChoice: { mode: ToolChoice_Mode.TOOL, tool: "f" }, tools: [{ name: "g" }] },
      field: "toolChoice.tool",
    },
    { said: { requestId: "x" }, field: "requestId" },
  ])("names the field of what does not fit together: $field", async ({ said, field }) => {
    const problem = await problemIn(patchbay.chat.chat({ message: PROMPT, ...said }));
    expect(problem).toMatchObject({ code: "InvalidArgument", fields: [{ field }] });
  });

  it.each([
    { model: "unauthorized", code: "FailedPrecondition", reason: "UPSTREAM_KEY_REFUSED" },
    { model: "missing-model", code: "FailedPrecondition", reason: "UPSTREAM_MODEL_NOT_FOUND" },
    { model: "busy", code: "ResourceExhausted", reason: "UPSTREAM_RATE_LIMITED" },
    { model: "broken", code: "Unavailable", reason: "UPSTREAM_UNAVAILABLE" },
    { model: "html", code: "Unavailable", reason: "UPSTREAM_BAD_REPLY" },
    { model: "hangup", code: "Unavailable", reason: "UPSTREAM_UNAVAILABLE" },
    { model: "echo-key", code: "FailedPrecondition", reason: "UPSTREAM_KEY_REFUSED" },
  ])("says why $model is refused, and neither key nor prompt", async ({ model, code, reason }) => {
    const llmId = await create({ modelIdentifier: model });
    const problem = await problemIn(patchbay.chat.chat({ llmId, message: PROMPT }));
    expect(problem).toMatchObject({ code, reason, metadata: { llmId } });
    expect(JSON.stringify(problem)).not.toMatch(/sk-canary|prompt-canary|nginx/);
    expect(JSON.stringify(server.log)).not.toMatch(/sk-canary|prompt-canary/);
  });

  it("never opens credentials whose row points elsewhere, and says so from then on", async () => {
    const llmId = await create();
    await server.store.fork().execute("update llm set endpoint_url = ? where id = ?", [`${upstream.url}/evil`, llmId]);
    const before = upstream.requests.length;
    expect(await problemIn(patchbay.chat.chat({ llmId, message: PROMPT }))).toMatchObject({
      code: "FailedPrecondition",
      reason: "CREDENTIALS_UNREADABLE",
    });
    expect(await problemIn(patchbay.llms.testLlm({ llmId }))).toMatchObject({ reason: "CREDENTIALS_UNREADABLE" });
    expect(upstream.requests.length).toBe(before);
    const { llms } = await patchbay.llms.listLlms({ status: Llm_Status.CREDENTIALS_UNREADABLE });
    expect(llms.map((llm) => llm.llmId)).toEqual([llmId]);
    const { llm } = await patchbay.llms.updateLlm({ llmId, credentials: apiKey("sk-new-0123456789abcdef") });
    expect(llm?.status).toBe(Llm_Status.UNTESTED);
    await patchbay.chat.chat({ llmId, message: PROMPT });
  });

  it("uses an ADMIN's reach only for what is named", async () => {
    const llmId = await create();
    const admin = server.client(server.adminKey);
    await admin.chat.chat({ llmId, message: PROMPT });
    await patchbay.llms.setDefaultLlm({ llmId });
    expect(await problemIn(admin.chat.chat({ message: PROMPT }))).toMatchObject({ reason: "DEFAULT_LLM_NOT_SET" });
  });

  it.each([
    { name: "neither a message nor messages", request: {} },
    { name: "both", request: { message: "a", messages: [{ role: 2 as const, content: "b" }] } },
    { name: "a message without a role", request: { messages: [{ content: "b" }] } },
    {
      name: "content and parts",
      request: {
        messages: [{ role: 2 as const, content: "b", parts: [{ part: { case: "text" as const, value: "c" } }] }],
      },
    },
    { name: "a temperature of 3", request: { message: "a", samplingParams: { temperature: 3 } } },
  ])("refuses $name", async ({ request }) => {
    expect(await problemIn(patchbay.chat.chat({ llmId: randomUUID(), ...request }))).toMatchObject({
      code: "InvalidArgument",
      reason: "INVALID_REQUEST",
    });
  });
});

describe("what is held in memory for chats", () => {
  const askedWith = async (llmId: string) => {
    await patchbay.chat.chat({ llmId, message: PROMPT });
    return upstream.requests.at(-1)?.headers.authorization;
  };

  it("is never older than the last change of the Llm", async () => {
    const llmId = await create();
    expect(await askedWith(llmId)).toBe(`Bearer ${KEY}`);
    for (const key of ["sk-second-key", "sk-third-key"]) {
      await patchbay.llms.updateLlm({ llmId, credentials: apiKey(key) });
      expect(await askedWith(llmId)).toBe(`Bearer ${key}`);
    }
    await patchbay.llms.deleteLlm({ llmId });
    expect(await problemIn(askedWith(llmId))).toMatchObject({ reason: "LLM_NOT_FOUND" });
  });

  it("is nobody's but the owner's", async () => {
    const llmId = await create();
    await askedWith(llmId);
    const stranger = server.client((await server.addAccount("OWNER")).apiKey);
    const problems = [llmId, randomUUID()].map((id) => problemIn(stranger.chat.chat({ llmId: id, message: PROMPT })));
    expect(await Promise.all(problems)).toMatchObject([{ reason: "LLM_NOT_FOUND" }, { reason: "LLM_NOT_FOUND" }]);
  });

  it("follows the default", async () => {
    const [first, second] = [await create(), await create()];
    for (const llmId of [first, second, first]) {
      await patchbay.llms.setDefaultLlm({ llmId });
      expect((await patchbay.chat.chat({ message: PROMPT })).llmId).toBe(llmId);
    }
    await patchbay.llms.deleteLlm({ llmId: first });
    expect(await problemIn(patchbay.chat.chat({ message: PROMPT }))).toMatchObject({ reason: "DEFAULT_LLM_NOT_SET" });
  });
});
