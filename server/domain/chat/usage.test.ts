import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { UsageSource } from "../../../gen/patchbay/v1/usage_pb.ts";
import {
  QueryUsageRequest_GroupBy as GroupBy,
  type QueryUsageRequestSchema,
} from "../../../gen/patchbay/v1/usage_service_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { type LlmRequest, llmRequest } from "../../test/service/llm-requests.ts";
import { says, sends } from "../../test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

const PROMPT = "prompt-canary: how are you today?";
/** A dollar for a million tokens of the prompt, two for the reply. */
const PRICE = { input: "1", output: "2" };

let upstream: ScriptedUpstream;
let server: TestServer;
let patchbay: Patchbay;
let accountId: string;
let key: string;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url });
  const account = await server.addAccount("OWNER");
  accountId = account.accountId;
  key = account.apiKey;
  patchbay = server.client(key);
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

async function create(said: LlmRequest = {}): Promise<string> {
  const request = llmRequest({
    endpointUrl: `${upstream.url}/v1`,
    modelIdentifier: randomUUID(),
    price: PRICE,
    ...said,
  });
  return (await patchbay.llms.createLlm(request)).llm?.llmId ?? "";
}

type Row = Record<string, unknown>;

const rowsOf = (llmId: string) =>
  server.store.fork().execute<Row[]>("select * from reply_usage where llm_id = ? order by created_at", [llmId]);

const llmOf = async (llmId: string) => (await patchbay.llms.getLlm({ llmId })).llm;

/** An OpenAI reply with these counts. */
const repliesWith = (usage: object) =>
  sends(
    JSON.stringify({ model: "m\u0000", choices: [{ message: { content: "Hi there" }, finish_reason: "stop" }], usage }),
    { "content-type": "application/json" },
  );

describe("a reply's usage", () => {
  it("is a row with who, what and how much, before the reply is answered", async () => {
    const llmId = await create({ labels: { team: "ai" } });
    const reply = await patchbay.chat.chat({ llmId, message: PROMPT });
    const input = Number(reply.usage?.inputTokens);
    const cost = BigInt(input * 1_000_000 + 3 * 2_000_000);
    expect(reply).toMatchObject({ cost, usageSource: UsageSource.REPORTED, overBudget: false, sessionId: "" });
    const rows = await rowsOf(llmId);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      owner_id: accountId,
      account_id: accountId,
      api_key_id: key.slice(8, 24),
      session_id: null,
      turn_id: null,
      provider_type: "CUSTOM_OPENAI_COMPATIBLE",
      labels: { team: "ai" },
      input_tokens: String(input),
      output_tokens: "3",
      cache_read_tokens: null,
      source: "REPORTED",
      outcome: "COMPLETED",
      first_token_ms: null,
      cost: String(cost),
      price_source: "owner",
    });
    expect(rows[0]?.request_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.stringify(await server.store.fork().execute("select * from reply_usage"))).not.toContain("canary");
    expect(await llmOf(llmId)).toMatchObject({ totalCost: cost, unpricedReplies: 0n, price: PRICE });
  });

  it("is there when the end of a stream arrives, with the time of the first token", async () => {
    const llmId = await create();
    const atEnds: unknown[] = [];
    for await (const { event } of patchbay.chat.streamChat({ llmId, message: PROMPT })) {
      if (event.case === "end") atEnds.push({ said: event.value, rows: await rowsOf(llmId) });
    }
    const [row] = await rowsOf(llmId);
    const cost = BigInt(String(row?.cost));
    expect(atEnds).toMatchObject([
      {
        said: { usageSource: UsageSource.REPORTED, cost },
        rows: [{ outcome: "COMPLETED", source: "REPORTED", cost: String(cost) }],
      },
    ]);
    expect(row?.first_token_ms).toBeLessThanOrEqual(Number(row?.latency_ms));
    expect(await rowsOf(llmId)).toHaveLength(1);
  });

  it.each([
    {
      name: "bills what was cached at its own rate",
      usage: { prompt_tokens: 100, completion_tokens: 10, prompt_tokens_details: { cached_tokens: 60 } },
      price: { ...PRICE, cacheRead: "0.1" },
      cost: 66_000_000n,
    },
    {
      name: "bills what was cached as the rest of the prompt where it has no rate: it costs no more",
      usage: { prompt_tokens: 100, completion_tokens: 10, prompt_tokens_details: { cached_tokens: 60 } },
      price: PRICE,
      cost: 120_000_000n,
    },
    {
      name: "bills reasoning as the rest of the reply unless it has a rate",
      usage: { prompt_tokens: 1, completion_tokens: 10, completion_tokens_details: { reasoning_tokens: 4 } },
      price: PRICE,
      cost: 21_000_000n,
    },
    {
      name: "bills reasoning at its rate",
      usage: { prompt_tokens: 1, completion_tokens: 10, completion_tokens_details: { reasoning_tokens: 4 } },
      price: { ...PRICE, reasoning: "3" },
      cost: 25_000_000n,
    },
    {
      name: "costs nothing where that is the price",
      usage: { prompt_tokens: 9, completion_tokens: 9 },
      price: { input: "0", output: "0" },
      cost: 0n,
    },
  ])("$name", async ({ usage, price, cost }) => {
    const llmId = await create({ price });
    upstream.script(repliesWith(usage));
    const reply = await patchbay.chat.chat({ llmId, message: PROMPT });
    expect([reply.cost, reply.usageSource]).toEqual([cost, UsageSource.REPORTED]);
    const unpriced = cost === undefined ? 1n : 0n;
    expect(await llmOf(llmId)).toMatchObject({ totalCost: cost ?? 0n, unpricedReplies: unpriced });
  });

  it.each([
    { name: "does not count", usage: {} },
    {
      name: "writes zeros in the place of a count",
      usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    },
    { name: "counts nothing of the prompt", usage: { prompt_tokens: 0, completion_tokens: 1 } },
    { name: "writes what is no number", usage: { prompt_tokens: null, completion_tokens: "2" } },
  ])("is estimated, and says so, where the provider $name", async ({ usage }) => {
    const llmId = await create();
    upstream.script(repliesWith(usage));
    const reply = await patchbay.chat.chat({ llmId, message: PROMPT });
    expect(reply.usageSource).toBe(UsageSource.ESTIMATED);
    expect(Number(reply.usage?.inputTokens)).toBeGreaterThan(5);
    expect(Number(reply.usage?.outputTokens)).toBeLessThan(5);
    expect(reply.cost).toBe(
      (reply.usage?.inputTokens ?? 0n) * 1_000_000n + (reply.usage?.outputTokens ?? 0n) * 2_000_000n,
    );
  });

  it("is priced by the catalog where the owner says nothing, and unpriced where that knows nothing", async () => {
    const known = await create({
      price: undefined as never,
      providerType: Llm_ProviderType.OPENAI,
      modelIdentifier: "gpt-4o",
    });
    const unknown = await create({ price: undefined as never });
    const reply = await patchbay.chat.chat({ llmId: known, message: PROMPT });
    expect(reply.cost).toBe((reply.usage?.inputTokens ?? 0n) * 2_500_000n + 30_000_000n);
    expect((await rowsOf(known))[0]?.price_source).toMatch(/genai-prices/);
    expect((await patchbay.chat.chat({ llmId: unknown, message: PROMPT })).cost).toBeUndefined();
    expect((await rowsOf(unknown))[0]).toMatchObject({ cost: null, price_source: null, outcome: "COMPLETED" });
    expect(await llmOf(unknown)).toMatchObject({ totalCost: 0n, unpricedReplies: 1n });
  });
});

describe("what did not become a whole reply", () => {
  it.each([
    { name: "OpenAI's", providerType: Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE },
    { name: "Anthropic's, which has counted the prompt", providerType: Llm_ProviderType.ANTHROPIC },
  ])("is recorded once with what is known when a stream is cut: $name", async ({ providerType }) => {
    const llmId = await create({ modelIdentifier: "cut", providerType });
    await problemIn(Array.fromAsync(patchbay.chat.streamChat({ llmId, message: PROMPT })));
    const rows = await rowsOf(llmId);
    expect(rows).toMatchObject([{ outcome: "FAILED", source: "ESTIMATED" }]);
    expect(Number(rows[0]?.output_tokens)).toBeGreaterThan(0);
    expect(Number(rows[0]?.cost)).toBe(Number(rows[0]?.input_tokens) * 1e6 + Number(rows[0]?.output_tokens) * 2e6);
    const reported = upstream.requests.at(-1)?.tokens.input;
    const isReported = Number(rows[0]?.input_tokens) === reported;
    expect(isReported).toBe(providerType === Llm_ProviderType.ANTHROPIC);
  });

  it("has no number where nothing is known", async () => {
    const llmId = await create({ modelIdentifier: "silent" });
    await problemIn(patchbay.chat.chat({ llmId, message: PROMPT }, { timeoutMs: 300 }));
    await expect.poll(() => rowsOf(llmId)).toHaveLength(1);
    expect((await rowsOf(llmId))[0]).toMatchObject({ outcome: "CANCELLED", output_tokens: null, cost: null });
    expect(await llmOf(llmId)).toMatchObject({ totalCost: 0n, unpricedReplies: 1n });
  });

  it.each(["unauthorized", "missing-model", "busy", "broken"])(
    "is no reply and no cost when the provider refuses: %s",
    async (modelIdentifier) => {
      const llmId = await create({ modelIdentifier });
      await problemIn(patchbay.chat.chat({ llmId, message: PROMPT }));
      expect(await rowsOf(llmId)).toMatchObject([{ outcome: "REFUSED", cost: null, input_tokens: null, source: null }]);
      expect(await llmOf(llmId)).toMatchObject({ totalCost: 0n, unpricedReplies: 0n });
      const { rows } = await patchbay.usage.queryUsage({ llmId });
      expect(rows).toMatchObject([{ replies: 0n, refusedCalls: 1n, unpricedReplies: 0n }]);
    },
  );
});

describe("a call that was sent, and never answered", () => {
  it("is a reply that failed: whether it was billed is not known", async () => {
    const llmId = await create({ modelIdentifier: "hangup" });
    await problemIn(patchbay.chat.chat({ llmId, message: PROMPT }));
    expect(await rowsOf(llmId)).toMatchObject([{ outcome: "FAILED" }]);
    const { rows } = await patchbay.usage.queryUsage({ llmId });
    expect(rows).toMatchObject([{ replies: 1n, refusedCalls: 0n }]);
  });
});

describe("when usage cannot be written", () => {
  it("a stream ends as UNAVAILABLE when the database goes away, and its usage is written when it comes back", async () => {
    const { host, user, database } = server.database.address;
    const llmId = await create({ modelIdentifier: "slow" });
    const events: (string | undefined)[] = [];
    const postgres = new Client({ host, user, database: "postgres" });
    await postgres.connect();
    const reading = (async () => {
      for await (const { event } of patchbay.chat.streamChat({ llmId, message: PROMPT })) {
        events.push(event.case);
        if (event.case !== "start") continue;
        await postgres.query(`alter database ${database} allow_connections false`);
        await postgres.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [database]);
      }
    })();
    try {
      expect(await problemIn(reading)).toMatchObject({ code: "Unavailable", reason: "STORE_UNAVAILABLE" });
    } finally {
      await postgres.query(`alter database ${database} allow_connections true`);
      await postgres.end();
    }
    expect(events.at(-1)).toBe("textDelta");
    await expect.poll(() => rowsOf(llmId).then((rows) => rows.length), { timeout: 5_000 }).toBe(1);
    expect(await rowsOf(llmId)).toMatchObject([{ outcome: "COMPLETED" }]);
  });

  it("nothing is answered as if it were", async () => {
    const llmId = await create();
    const em = server.store.fork();
    await em.execute("alter table llm_total rename to llm_total_away");
    try {
      const problem = await problemIn(patchbay.chat.chat({ llmId, message: PROMPT }));
      expect(problem.code).toBe("Internal");
      const events: (string | undefined)[] = [];
      const reading = (async () => {
        for await (const { event } of patchbay.chat.streamChat({ llmId, message: PROMPT })) events.push(event.case);
      })();
      expect((await problemIn(reading)).code).toBe("Internal");
      expect(events).not.toContain("end");
    } finally {
      await em.execute("alter table llm_total_away rename to llm_total");
    }
    expect(await rowsOf(llmId)).toEqual([]);
  });

  it("one bad reply does not take the others of its group along", async () => {
    const good = await create();
    upstream.setModel("fine-words", says("a", "b"));
    const em = server.store.fork();
    await em.execute("alter table reply_usage add constraint no_bad check (model <> 'bad-model')");
    try {
      const bad = await create({ modelIdentifier: "bad-model" });
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, (_, n) => patchbay.chat.chat({ llmId: n % 10 === 0 ? bad : good, message: PROMPT })),
      );
      expect(results.filter(({ status }) => status === "rejected")).toHaveLength(2);
      expect(await rowsOf(good)).toHaveLength(18);
    } finally {
      await em.execute("alter table reply_usage drop constraint no_bad");
    }
  });
});

describe("usage, summed up", () => {
  it("is exact when many chat at once, by Llm, owner, day and label", async () => {
    const one = await create({ labels: { team: "a", env: "prod" } });
    const two = await create({ labels: { team: "b" } });
    await Promise.all(
      Array.from({ length: 60 }, (_, n) => patchbay.chat.chat({ llmId: n % 3 === 0 ? one : two, message: PROMPT })),
    );
    const [sum] = await server.store
      .fork()
      .execute("select sum(cost)::text as cost, count(*)::int as rows from reply_usage where llm_id = ?", [two]);
    expect(sum?.rows).toBe(40);
    const day = new Date().toISOString().slice(0, 10);
    const asked = {
      llmId: two,
      groupBy: [GroupBy.DAY, GroupBy.LLM, GroupBy.OWNER, GroupBy.LABEL],
      labelKey: "team",
      startDay: day,
      endDay: day,
    };
    const { rows } = await patchbay.usage.queryUsage(asked);
    expect(rows).toMatchObject([
      {
        day,
        llmId: two,
        ownerId: accountId,
        labelValue: "b",
        replies: 40n,
        outputTokens: 120n,
        cost: BigInt(sum?.cost),
      },
    ]);
    expect((await llmOf(two))?.totalCost).toBe(BigInt(sum?.cost));
    const labelled = await patchbay.usage.queryUsage({ labels: { team: "a", env: "prod" } });
    expect(labelled.rows).toMatchObject([{ replies: 20n, llmId: "", day: "" }]);

    await patchbay.llms.updateLlm({ llmId: two, mergeLabels: { labels: { team: "c" } } });
    await patchbay.chat.chat({ llmId: two, message: PROMPT });
    const teams = { llmId: two, groupBy: [GroupBy.LABEL], labelKey: "team", pageSize: 1 };
    const first = await patchbay.usage.queryUsage(teams);
    const second = await patchbay.usage.queryUsage({ ...teams, pageToken: first.nextPageToken });
    expect([first, second].flatMap(({ rows }) => rows.map(({ labelValue, replies }) => [labelValue, replies]))).toEqual(
      [
        ["b", 40n],
        ["c", 1n],
      ],
    );
    expect(second.nextPageToken).toBe("");
    await patchbay.llms.deleteLlm({ llmId: two });
    expect((await patchbay.usage.queryUsage({ llmId: two })).rows).toMatchObject([{ replies: 41n }]);
  });

  it("is nobody else's to see", async () => {
    const llmId = await create();
    await patchbay.chat.chat({ llmId, message: PROMPT });
    const stranger = server.client((await server.addAccount("OWNER")).apiKey);
    expect((await stranger.usage.queryUsage({ llmId })).rows).toMatchObject([{ replies: 0n }]);
    expect(await problemIn(stranger.usage.queryUsage({ ownerId: accountId }))).toMatchObject({
      reason: "PERMISSION_MISSING",
    });
    const admin = server.client(server.adminKey);
    expect((await admin.usage.queryUsage({ llmId })).rows).toMatchObject([{ replies: 1n }]);
  });

  it.each<{ name: string; request: Partial<MessageInitShape<typeof QueryUsageRequestSchema>> }>([
    { name: "a day that is none", request: { startDay: "2026-02-30" } },
    { name: "a label to group by without a key", request: { groupBy: [GroupBy.LABEL] } },
    { name: "a key without grouping by it", request: { labelKey: "team" } },
  ])("refuses $name", async ({ request }) => {
    expect(await problemIn(patchbay.usage.queryUsage(request as object))).toMatchObject({ reason: "INVALID_REQUEST" });
  });
});

describe("a price", () => {
  it("is changed as a whole, cleared, and kept when another field changes", async () => {
    const llmId = await create();
    await patchbay.llms.updateLlm({ llmId, description: "x" });
    expect((await llmOf(llmId))?.price).toMatchObject(PRICE);
    await patchbay.llms.updateLlm({ llmId, price: { output: "0.000001" } });
    expect((await llmOf(llmId))?.price).toMatchObject({ output: "0.000001" });
    expect((await llmOf(llmId))?.price?.input).toBeUndefined();
    await patchbay.llms.updateLlm({ llmId, price: {} });
    expect((await llmOf(llmId))?.price).toBeUndefined();
    await patchbay.llms.updateLlm({ llmId, price: PRICE });
    await patchbay.llms.updateLlm({ llmId, updateMask: { paths: ["price"] } });
    expect((await llmOf(llmId))?.price).toBeUndefined();
  });

  it.each(["-1", "1e3", "1.0000001", "abc", "1000000", ""])("of %j is none", async (input) => {
    expect(await problemIn(create({ price: { input } }))).toMatchObject({ reason: "INVALID_REQUEST" });
  });
});
