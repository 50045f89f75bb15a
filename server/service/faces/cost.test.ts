import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { type LlmRequest, llmRequest } from "../../test/service/llm-requests.ts";
import type { Behaviour } from "../../test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";

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

/** Answers with a reply of OpenAI's API that says this of itself. */
function completion(said: object, headers: Record<string, string> = {}): Behaviour {
  return ({ isStreamed, response, model }) => {
    response.writeHead(200, { "content-type": isStreamed ? "text/event-stream" : "application/json", ...headers });
    const end = { finish_reason: "stop" };
    if (!isStreamed) {
      response.end(JSON.stringify({ model, choices: [{ message: { content: "Hi" }, ...end }], ...said }));
      return;
    }
    const chunks = [{ choices: [{ delta: { content: "Hi" } }] }, { choices: [{ delta: {}, ...end }] }, said];
    const events = chunks.map((chunk) => `data: ${JSON.stringify({ model, choices: [], ...chunk })}\n\n`);
    response.end(`${events.join("")}data: [DONE]\n\n`);
  };
}

/** Answers with a reply of Anthropic's API with this usage. */
function message(usage: object): Behaviour {
  return ({ isStreamed, response, model }) => {
    response.writeHead(200, { "content-type": isStreamed ? "text/event-stream" : "application/json" });
    const head = { type: "message", role: "assistant", model, usage };
    if (!isStreamed) {
      response.end(JSON.stringify({ ...head, content: [{ type: "text", text: "Hi" }], stop_reason: "end_turn" }));
      return;
    }
    const events = [
      { type: "message_start", message: { ...head, content: [] } },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
      { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hi" } },
      { type: "content_block_stop", index: 0 },
      { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 100 } },
      { type: "message_stop" },
    ];
    response.end(events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(""));
  };
}

const COUNTS = { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100 };
const ANTHROPIC = { input_tokens: 1_000, output_tokens: 100 };
const PRICE = { input: "1", output: "2" };
const { OPENAI, LITELLM_PROXY, OPEN_ROUTER } = Llm_ProviderType;

interface Case {
  readonly name: string;
  readonly llm: LlmRequest;
  readonly says: Behaviour;
  /** In pico-dollars; undefined: nothing proves it. */
  readonly cost: bigint | undefined;
}

const gpt = { providerType: OPENAI, modelIdentifier: "gpt-4.1" };
const claude = { providerType: Llm_ProviderType.ANTHROPIC, modelIdentifier: "claude-sonnet-4-5" };
const cases: Case[] = [
  { name: "the list's price", llm: gpt, says: completion({ usage: COUNTS }), cost: 2_800_000_000n },
  {
    name: "half of it in the flex tier",
    llm: gpt,
    says: completion({ usage: COUNTS, service_tier: "flex" }),
    cost: 1_400_000_000n,
  },
  {
    name: "nothing that is known in the priority tier",
    llm: gpt,
    says: completion({ usage: COUNTS, service_tier: "priority" }),
    cost: undefined,
  },
  {
    name: "less for what was cached",
    llm: gpt,
    says: completion({ usage: { ...COUNTS, prompt_tokens_details: { cached_tokens: 1_000 } } }),
    cost: 1_300_000_000n,
  },
  {
    name: "twice the input for what is cached for an hour",
    llm: claude,
    says: message({
      ...ANTHROPIC,
      cache_creation_input_tokens: 1_000,
      cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 1_000 },
    }),
    cost: 3_000_000_000n + 6_000_000_000n + 1_500_000_000n,
  },
  {
    name: "what the aggregator says",
    llm: { providerType: OPEN_ROUTER, modelIdentifier: "a/b" },
    says: completion({ usage: { ...COUNTS, cost: 0.0123 } }),
    cost: 12_300_000_000n,
  },
  {
    name: "what LiteLLM's headers say",
    llm: { providerType: LITELLM_PROXY, modelIdentifier: "some" },
    says: completion({ usage: COUNTS }, { "x-litellm-response-cost": "0.004" }),
    cost: 4_000_000_000n,
  },
  {
    name: "nothing that is known of a fallback's reply",
    llm: { providerType: LITELLM_PROXY, modelIdentifier: "some", price: PRICE },
    says: completion({ usage: COUNTS }, { "x-litellm-attempted-fallbacks": "1" }),
    cost: undefined,
  },
];

describe.each(cases)("a reply costs $name", ({ llm, says, cost }) => {
  let alias: string;
  beforeAll(async () => {
    alias = `c-${randomUUID().slice(0, 8)}`;
    // Only an address tells one from another of the same model.
    const endpointUrl = `${upstream.url}/${alias}/v1`;
    await patchbay.llms.createLlm(llmRequest({ ...llm, alias, endpointUrl, credentials: undefined as never }));
  });

  const viaFace = async (stream: boolean) => {
    upstream.script(says);
    const path = llm.providerType === Llm_ProviderType.ANTHROPIC ? "/v1/messages" : "/v1/chat/completions";
    const response = await fetch(server.url + path, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ model: alias, stream, max_tokens: 9, messages: [{ role: "user", content: "Hi" }] }),
    });
    const text = await response.text();
    const said = stream ? /: patchbay-cost-usd: ([\d.]+)/.exec(text)?.[1] : response.headers.get("patchbay-cost-usd");
    return said ? BigInt(Math.round(Number(said) * 1e12)) : undefined;
  };

  it("in a chat, whole and streamed", async () => {
    upstream.script(says, says);
    expect((await patchbay.chat.chat({ llmId: alias, message: "Hi" })).cost).toBe(cost);
    const events = await Array.fromAsync(patchbay.chat.streamChat({ llmId: alias, message: "Hi" }));
    const end = events.at(-1)?.event;
    expect(end?.case === "end" && end.value.cost).toBe(cost);
  });

  it("passed through, whole and streamed", async () => {
    expect([await viaFace(false), await viaFace(true)]).toEqual([cost, cost]);
  });
});
