import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { llmRequest } from "../../test/service/llm-requests.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";
import { makeApiKey } from "./api-key-format.ts";

const SETTINGS = { TESTS_PER_MINUTE: "50", UNKNOWN_KEYS_PER_MINUTE: "20", CLIENT_ADDRESS_HEADER: "X-Forwarded-For" };
const BLOCKED = { providerType: Llm_ProviderType.VLLM, endpointUrl: "http://127.0.0.1:9", modelIdentifier: "m" };

let servers: TestServer[];
beforeAll(async () => {
  const first = await startServer(SETTINGS);
  const second = await startServer({ ...SETTINGS, ...first.settings });
  servers = [first, second];
});
afterAll(async () => {
  for (const server of [...servers].reverse()) await server.stop();
});

describe("a limit", () => {
  it("is one for all servers: of 200 tests at two of them, 50 are admitted", async () => {
    const { apiKey } = await (servers[0] as TestServer).addAccount("OWNER");
    const results = await Promise.allSettled(
      Array.from({ length: 200 }, (_, n) => (servers[n % 2] as TestServer).client(apiKey).llms.testConnection(BLOCKED)),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(50);
  });

  it("says what it is, when to try again, and which setting moves it", async () => {
    const { apiKey } = await (servers[0] as TestServer).addAccount("OWNER");
    const { llms } = (servers[0] as TestServer).client(apiKey);
    for (let n = 0; n < 50; n++) await llms.testConnection(BLOCKED);
    const problem = await problemIn(llms.testConnection(BLOCKED));
    expect(problem).toMatchObject({
      code: "ResourceExhausted",
      reason: "RATE_LIMITED",
      metadata: { setting: "TESTS_PER_MINUTE" },
      message: expect.stringContaining("50 a minute"),
    });
    expect(problem.retryAfterMs).toBeGreaterThan(0);
    expect(problem.retryAfterMs).toBeLessThanOrEqual(60_000);
    const answer = await fetch(`${servers[0]?.url}/v1/llms:testConnection`, {
      method: "POST",
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
      body: "{}",
    });
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    // Reading is not testing.
    expect((await llms.listLlms({})).llms).toEqual([]);
  });
});

describe("a limit of bytes", () => {
  it("counts what chats say, whichever protocol says it", async () => {
    const server = await startServer({ CHAT_BYTES_PER_MINUTE: "1000" });
    try {
      const { apiKey } = await server.addAccount("OWNER");
      const { llms, chat } = server.client(apiKey);
      const { llm } = await llms.createLlm(llmRequest());
      const say = (bytes: number) => problemIn(chat.chat({ llmId: llm?.llmId ?? "", message: "x".repeat(bytes) }));
      // The endpoint is not there; what matters is who is asked.
      expect((await say(600)).reason).not.toBe("RATE_LIMITED");
      expect(await say(600)).toMatchObject({ reason: "RATE_LIMITED", metadata: { setting: "CHAT_BYTES_PER_MINUTE" } });
    } finally {
      await server.stop();
    }
  });
});

describe("C7 an address that guesses API keys", () => {
  const get = async (apiKey: string, address: string) => {
    const headers = { authorization: `Bearer ${apiKey}`, "x-forwarded-for": `203.0.113.9, ${address}` };
    return (await fetch(`${servers[0]?.url}/v1/llms`, { headers })).status;
  };

  it("is refused after so many, but for keys that are known; other addresses and malformed keys do not count", async () => {
    const { apiKey } = await (servers[0] as TestServer).addAccount("OWNER");
    expect(await get(apiKey, "198.51.100.1")).toBe(200);
    for (let n = 0; n < 30; n++) expect(await get("pb_live_malformed", "198.51.100.1")).toBe(401);
    const statuses: number[] = [];
    for (let n = 0; n < 25; n++) statuses.push(await get(makeApiKey().reveal(), "198.51.100.1"));
    expect([statuses.filter((status) => status === 401).length, statuses.at(-1)]).toEqual([20, 429]);
    expect(await get(apiKey, "198.51.100.1")).toBe(200);
    expect(await get(makeApiKey().reveal(), "198.51.100.2")).toBe(401);
    // Of IPv6, the network counts.
    for (let n = 0; n < 21; n++) await get(makeApiKey().reveal(), `2001:db8:1:2::${n}`);
    expect(await get(makeApiKey().reveal(), "2001:db8:1:2:ffff::1")).toBe(429);
    expect(await get(makeApiKey().reveal(), "2001:db8:1:3::1")).toBe(401);
  });
});
