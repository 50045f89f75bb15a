import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server as HttpServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ApiKey_Role as Role } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { Budget_Period as Period } from "../../../gen/patchbay/v1/budget_pb.ts";
import { readConfig } from "../../config/config.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { llmRequest } from "../../test/service/llm-requests.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";

const COST = 30_000_000n;
const SECRET = `whsec_${randomBytes(32).toString("base64")}`;

/** What a receiver was told, and by which headers. */
interface Told {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly message: { type: string; data: Record<string, unknown> };
}

/** Whoever the operator has told; it refuses as often as it is asked to. */
class Receiver {
  readonly told: Told[] = [];
  refusals = 0;
  readonly #server: HttpServer;

  constructor() {
    this.#server = createServer(async (request, response) => {
      const body = (await Array.fromAsync(request)).join("");
      const refuses = this.refusals-- > 0;
      if (!refuses) this.told.push({ headers: request.headers, body, message: JSON.parse(body) });
      response.writeHead(refuses ? 503 : 204).end();
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  about(holderId: string): Told[] {
    return this.told.filter(({ message }) => message.data.holderId === holderId);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

let upstream: ScriptedUpstream;
let receiver: Receiver;
let server: TestServer;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  receiver = new Receiver();
  const settings = { LIMIT_WEBHOOK_URL: await receiver.listen(), LIMIT_WEBHOOK_SECRET: SECRET };
  server = await startServer({ EGRESS_ALLOW: upstream.url, ...settings });
});
afterAll(async () => {
  await server.stop();
  await receiver.close();
  await upstream.close();
});

/** A key with limits, and how to chat with it. */
async function limited(limits: object, modelIdentifier: string = randomUUID()) {
  const { apiKey, accountId } = await server.addAccount("OWNER");
  const owner = server.client(apiKey);
  const price = { input: "0", output: "10" };
  const request = llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier, price });
  const llmId = (await owner.llms.createLlm(request)).llm?.llmId ?? "";
  const made = await owner.access.createApiKey({ displayName: "x", role: Role.MEMBER, limits });
  const client = server.client(made.key);
  const chat = ({ message = "Hi", maxTokens = 3 } = {}) =>
    client.chat.chat({ llmId, message, samplingParams: { maxTokens } });
  return { apiKeyId: made.apiKey?.apiKeyId ?? "", accountId, chat, owner };
}

const PATIENCE = { timeout: 20_000, interval: 100 };

describe("the webhook for limits", () => {
  it("is told once that a budget is near and once that it is reached, signed as Standard Webhooks have it", async () => {
    const other = await server.startAnother();
    try {
      const { apiKeyId, accountId, chat } = await limited({ budget: { amount: 5n * COST, period: Period.MONTH } });
      for (let count = 0; count < 3; count++) await chat();
      await chat();
      await expect.poll(() => receiver.about(apiKeyId).length, PATIENCE).toBe(1);
      await chat();
      await expect.poll(() => receiver.about(apiKeyId).length, PATIENCE).toBe(2);
      await chat().catch(() => {});
      const [near, reached] = receiver.about(apiKeyId);
      expect(near?.message).toMatchObject({
        type: "limit.near",
        data: { holder: "API_KEY", accountId, limit: "BUDGET", threshold: 80, used: "120000000", usedUsd: "0.00012" },
      });
      expect(reached?.message).toMatchObject({ type: "limit.reached", data: { threshold: 100 } });
      for (const { headers, body } of [near, reached] as Told[]) {
        const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature } = headers;
        const key = Buffer.from(SECRET.slice("whsec_".length), "base64");
        expect(signature).toBe(`v1,${createHmac("sha256", key).update(`${id}.${at}.${body}`).digest("base64")}`);
        expect(Math.abs(Number(at) * 1_000 - Date.now())).toBeLessThan(60_000);
      }
      // Both servers have looked again by then.
      await new Promise((resolve) => setTimeout(resolve, 5_500));
      expect(receiver.about(apiKeyId), "and never again in the same period").toHaveLength(2);
    } finally {
      await other.stop();
    }
  });

  it("is told nothing of what a refused call would have used, and of the crossing when it comes", async () => {
    const { apiKeyId, chat } = await limited({ budget: { amount: 5n * COST, period: Period.MONTH } });
    await expect(chat({ maxTokens: 16 })).rejects.toThrow("more than the whole of the budget of API key");
    for (let count = 0; count < 3; count++) await chat();
    await expect(chat({ maxTokens: 7 })).rejects.toThrow("has $0.00006 left");
    await chat();
    await expect.poll(() => receiver.about(apiKeyId).length, PATIENCE).toBe(1);
    const [near] = receiver.about(apiKeyId);
    expect(near?.message).toMatchObject({ type: "limit.near", data: { used: "120000000" } });

    const tokens = await limited({ tokensPerMinute: 100n });
    await tokens.chat();
    await expect(tokens.chat({ message: "word ".repeat(90) })).rejects.toThrow("100 tokens a minute, and has");
    const told = (await server.store
      .fork()
      .execute("select from limit_notice where holder_name = ?", [tokens.apiKeyId])) as unknown[];
    expect(told).toEqual([]);
  });

  it("is told of calls at the same time as they come near, and when as many are under way as may be", async () => {
    const { apiKeyId, chat } = await limited({ parallelCalls: 5 }, "slow");
    await Promise.all(Array.from({ length: 5 }, () => chat()));
    await expect.poll(() => receiver.about(apiKeyId).length, PATIENCE).toBe(2);
    const told = receiver.about(apiKeyId).map(({ message }) => message.data);
    expect(told.map(({ threshold }) => threshold).sort()).toEqual([100, 80]);
    // The fifth may be under way before it is told of the fourth.
    for (const { used } of told) expect(["4", "5"]).toContain(used);
  });

  it("is told what it did not take the first time, under the same id, also by another server", async () => {
    receiver.refusals = 1;
    const { apiKeyId, chat } = await limited({ budget: { amount: COST, period: Period.DAY } });
    await chat();
    await expect.poll(() => receiver.refusals, PATIENCE).toBeLessThan(1);
    const kept = await server.store
      .fork()
      .execute<{ id: string }[]>("select id from limit_notice where holder_name = ?", [apiKeyId]);
    expect(kept).toHaveLength(2);
    // As if the server had ended before it could try again.
    await server.store.fork().execute("update limit_notice set next_try_at = now() where next_try_at is not null");
    const other = await server.startAnother();
    await expect.poll(() => receiver.about(apiKeyId).length, PATIENCE).toBe(2);
    await other.stop();
    const ids = receiver.about(apiKeyId).map(({ headers }) => headers["webhook-id"]);
    expect(ids.sort()).toEqual(kept.map(({ id }) => id).sort());
    expect(server.log.map(({ message }) => message).join()).toContain("LIMIT_WEBHOOK_URL answers with HTTP 503");
    expect(JSON.stringify(server.log)).not.toContain(SECRET.slice(6));
  });

  it("is told anew of a budget that was raised, when it is near and reached again, and not for what still holds", async () => {
    const month = { period: Period.MONTH };
    const { apiKeyId, chat, owner } = await limited({ budget: { amount: 2n * COST, ...month } });
    const told = () =>
      receiver
        .about(apiKeyId)
        .map(({ message: { data } }) => `${data.threshold} % of ${Number(data.allowed) / Number(COST)}`);
    for (let count = 0; count < 2; count++) await chat();
    const first = ["80 % of 2", "100 % of 2"];
    await expect.poll(() => told().sort(), PATIENCE).toEqual(first.toSorted());
    for (const amount of [4n * COST, 3n * COST, 4n * COST])
      await owner.access.updateApiKey({ apiKeyId, limits: { budget: { amount, ...month } } });
    for (let count = 0; count < 2; count++) await chat();
    await expect.poll(() => told().sort(), PATIENCE).toEqual([...first, "80 % of 4", "100 % of 4"].sort());
    // Of 4.5, the four that are spent are still more than four fifths.
    await owner.access.updateApiKey({ apiKeyId, limits: { budget: { amount: (9n * COST) / 2n, ...month } } });
    const rows = (await server.store
      .fork()
      .execute("select threshold from limit_notice where holder_name = ?", [apiKeyId])) as { threshold: number }[];
    expect(rows.map(({ threshold }) => threshold)).toEqual([80]);
  });

  it("is told of rates, once in an hour", async () => {
    const { apiKeyId, chat } = await limited({ requestsPerMinute: 5 });
    for (let count = 0; count < 8; count++) await chat().catch(() => {});
    await expect.poll(() => receiver.about(apiKeyId).length, PATIENCE).toBe(2);
    const told = receiver.about(apiKeyId).map(({ message }) => `${message.data.limit} ${message.data.threshold}`);
    expect(told.sort()).toEqual(["REQUESTS_PER_MINUTE 100", "REQUESTS_PER_MINUTE 80"]);
  });
});

describe("its settings", () => {
  const url = "https://hooks.example.com/patchbay";
  it.each([
    [{ LIMIT_WEBHOOK_URL: url }, "LIMIT_WEBHOOK_SECRET must be whsec_"],
    [{ LIMIT_WEBHOOK_URL: url, LIMIT_WEBHOOK_SECRET: "whsec_c2hvcnQ=" }, "24 to 64 random bytes"],
    [{ LIMIT_WEBHOOK_SECRET: SECRET }, "without LIMIT_WEBHOOK_URL"],
    [{ LIMIT_WEBHOOK_URL: "hooks", LIMIT_WEBHOOK_SECRET: SECRET }, "LIMIT_WEBHOOK_URL cannot be used"],
  ])("are refused by their names: %j", (settings, advice) => {
    expect(() => readConfig(settings as Record<string, string>)).toThrow(advice);
  });
});
