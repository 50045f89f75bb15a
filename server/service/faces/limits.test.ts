import { randomUUID } from "node:crypto";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ApiKey_Role as Role } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { Budget_Period as Period } from "../../../gen/patchbay/v1/budget_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { llmRequest } from "../../test/service/llm-requests.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";

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

/** A key with limits, and an Llm `mine` that it may use. */
async function limited(limits: object, modelIdentifier: string = randomUUID()): Promise<string> {
  const { apiKey } = await server.addAccount("OWNER");
  const owner = server.client(apiKey);
  const price = { input: "1", output: "10" };
  await owner.llms.createLlm(llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier, price, alias: "mine" }));
  return (await owner.access.createApiKey({ displayName: "x", role: Role.MEMBER, limits })).key;
}

/** The SDKs, and the statuses of the calls that they made. */
function programs(apiKey: string) {
  const statuses: number[] = [];
  const counting: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    statuses.push(response.status);
    return response;
  };
  const openai = new OpenAI({ apiKey, baseURL: `${server.url}/v1`, fetch: counting });
  const anthropic = new Anthropic({ apiKey, baseURL: server.url, fetch: counting });
  const messages = [{ role: "user" as const, content: "Hi" }];
  return {
    statuses,
    completion: () => openai.chat.completions.create({ model: "mine", messages }),
    response: () => openai.responses.create({ model: "mine", input: "Hi" }),
    message: () => anthropic.messages.create({ model: "mine", messages, max_tokens: 3 }),
  };
}

describe("a budget of a key that is spent", () => {
  it.each([
    ["OpenAI's SDK, chat completions", "completion", 402],
    ["OpenAI's SDK, responses", "response", 400],
    ["Anthropic's SDK", "message", 402],
  ] as const)("stops %s at its first call, with a sentence that says what to do", async (_, call, status) => {
    const key = await limited({ budget: { amountUsd: "0", period: Period.MONTH } });
    const program = programs(key);
    const error = await program[call]().then(
      () => undefined,
      (thrown) => thrown,
    );
    expect(program.statuses).toEqual([status]);
    expect(String(error?.message)).toMatch(/the budget of API key \w{16} is \$0: .*Ask the owners of the account/);
  });
});

describe("a rate of a key that is used up", () => {
  it("has SDKs call again when there is room", async () => {
    const key = await limited({ parallelCalls: 1 }, "slow");
    const [one, two] = [programs(key), programs(key)];
    await Promise.all([one.completion(), two.message()]);
    const statuses = [...one.statuses, ...two.statuses];
    expect(statuses.filter((status) => status === 200)).toHaveLength(2);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
  });

  it("says when it begins anew, in the way of each API", async () => {
    const key = await limited({ requestsPerMinute: 1 });
    await programs(key).completion();
    for (const [path, headers] of [
      ["/v1/chat/completions", {}],
      ["/v1/responses", {}],
      ["/v1/embeddings", {}],
      ["/v1/messages", { "anthropic-version": "2023-06-01" }],
      ["/v1/llms/mine:chat", {}],
    ] as const) {
      const body = JSON.stringify(
        path.includes(":chat") ? { message: "Hi" } : { model: "mine", messages: [], input: "Hi" },
      );
      const said = { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers };
      const response = await fetch(`${server.url}${path}`, { method: "POST", headers: said, body });
      expect(response.status, path).toBe(429);
      const wait = Number(response.headers.get("retry-after"));
      expect(wait, path).toBeGreaterThan(0);
      expect(wait, path).toBeLessThanOrEqual(60);
      expect(response.headers.get("x-should-retry"), path).toBeNull();
      expect(await response.text()).toMatch(/may take 1 call of models a minute, and has; it begins anew at/);
    }
  });
});
