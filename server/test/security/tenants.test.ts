/** Two accounts, the same endpoint: neither's key, reply or Llm ever reaches the other. A13 and A14. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { startServer, type TestServer } from "../server/test-server.ts";
import { apiKey, llmRequest } from "../service/llm-requests.ts";
import { ScriptedUpstream } from "../upstream/scripted-upstream.ts";
import { problemIn } from "../wire/expect-problem.ts";

const CALLS = 1_000;
const AT_ONCE = 20;

let upstream: ScriptedUpstream;
let server: TestServer;
beforeAll(async () => {
  // Answers with what it was told, so that a reply shows whose it is.
  upstream = await ScriptedUpstream.start({
    otherwise: ({ headers, body, dialect, model, response, tokens }) => {
      const [message] = body.messages as { content: string }[];
      response.writeHead(200, { "content-type": "application/json" });
      const reply = dialect.reply(model, `${model} ${message?.content}`, tokens);
      setTimeout(() => response.end(JSON.stringify(reply)), headers.authorization?.endsWith("0") ? 2 : 0);
    },
  });
  server = await startServer({ EGRESS_ALLOW: upstream.url });
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

async function addTenant(name: string) {
  const client = server.client((await server.addAccount("OWNER")).apiKey);
  const said = { endpointUrl: `${upstream.url}/v1`, modelIdentifier: name, credentials: apiKey(`sk-${name}-0`) };
  const { llm } = await client.llms.createLlm(llmRequest(said));
  return { name, client, llmId: llm?.llmId ?? "" };
}

describe("two tenants of one endpoint", () => {
  it(`A13 over ${CALLS} interleaved chats, and a change of both keys in the middle, no key and no reply crosses`, async () => {
    const tenants = [await addTenant("alpha"), await addTenant("beta")] as const;
    const waiting = Array.from({ length: CALLS }, (_, index) => index);
    const wrong: string[] = [];
    const work = async () => {
      for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
        const { name, client, llmId } = tenants[index % 2 === 0 ? 0 : 1];
        const { message } = await client.chat.chat({ llmId, message: `call ${index}` });
        if (message?.content !== `${name} call ${index}`) wrong.push(`${name} ${index}: ${message?.content}`);
        if (index === CALLS / 2 || index === CALLS / 2 + 1) {
          await client.llms.updateLlm({ llmId, credentials: apiKey(`sk-${name}-1`) });
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    expect(wrong).toEqual([]);
    const pairs = upstream.requests.map(({ model, headers }) => `${model}: ${headers.authorization}`);
    expect([pairs.length, new Set(pairs)]).toEqual([
      CALLS,
      new Set(["alpha", "beta"].flatMap((name) => [`${name}: Bearer sk-${name}-0`, `${name}: Bearer sk-${name}-1`])),
    ]);
    const ports = (name: string) => upstream.requests.filter(({ model }) => model === name).map(({ port }) => port);
    expect(new Set(ports("alpha")).intersection(new Set(ports("beta")))).toEqual(new Set());
    // Who has changed a key is not called with the old one any more.
    const last = [...pairs].reverse();
    for (const { name, client, llmId } of tenants) {
      await client.chat.chat({ llmId, message: "after" });
      expect(upstream.requests.at(-1)?.headers.authorization).toBe(`Bearer sk-${name}-1`);
      expect(last.find((pair) => pair.startsWith(name))).toBe(`${name}: Bearer sk-${name}-1`);
    }
  });
});

describe("A14 an Llm of somebody else", () => {
  const uses: { name: string; use: (patchbay: Patchbay, llmId: string) => Promise<unknown> }[] = [
    { name: "a chat", use: ({ chat }, llmId) => chat.chat({ llmId, message: "m" }) },
    { name: "a streamed chat", use: ({ chat }, llmId) => Array.fromAsync(chat.streamChat({ llmId, message: "m" })) },
    { name: "a test", use: ({ llms }, llmId) => llms.testLlm({ llmId }) },
    { name: "a test with changes", use: ({ llms }, llmId) => llms.testConnection({ llmId, modelIdentifier: "m" }) },
    { name: "a ping", use: ({ pings }, llmId) => pings.pingOnce({ llmId }) },
    { name: "pings", use: ({ pings }, llmId) => Array.fromAsync(pings.pingStream({ llmId, count: 1 })) },
    { name: "a read", use: ({ llms }, llmId) => llms.getLlm({ llmId }) },
    { name: "an update", use: ({ llms }, llmId) => llms.updateLlm({ llmId, endpointUrl: `${upstream.url}/thief` }) },
    { name: "a default", use: ({ llms }, llmId) => llms.setDefaultLlm({ llmId }) },
    { name: "a deletion", use: ({ llms }, llmId) => llms.deleteLlm({ llmId }) },
  ];

  it.each(uses)("A14 is not there, for $name: as if nobody had it, and its key is not used", async ({ use }) => {
    const { llmId } = await addTenant(`owner-${randomUUID()}`);
    const stranger = server.client((await server.addAccount("OWNER")).apiKey);
    const before = upstream.requests.length;
    const missingId = randomUUID();
    const [foreign, missing] = [await problemIn(use(stranger, llmId)), await problemIn(use(stranger, missingId))];
    const plain = (problem: object, id: string) =>
      JSON.stringify({ ...problem, requestId: "" }).replaceAll(id, "the id");
    expect(plain(foreign, llmId)).toBe(plain(missing, missingId));
    expect(foreign).toMatchObject({ code: "NotFound", reason: "LLM_NOT_FOUND" });
    expect(upstream.requests.length).toBe(before);
  });
});
