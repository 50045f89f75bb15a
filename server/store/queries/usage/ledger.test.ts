import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { timedUuid } from "../../../base/uuids.ts";
import { createDatabase, type TestDatabase } from "../../../test/store/databases.ts";
import { Store } from "../../store.ts";
import type { Entry, ReplyRecord } from "./entry.ts";
import { Ledger } from "./ledger.ts";

let database: TestDatabase;
let store: Store;
beforeAll(async () => {
  database = await createDatabase();
  store = await Store.open(database.address, () => {});
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

const OWNER = randomUUID();

function reply(llmId: string, said: Partial<ReplyRecord> = {}): ReplyRecord {
  return {
    ...{ id: timedUuid(Date.now()), ownerId: OWNER, llmId, accountId: OWNER, apiKeyId: "key", subject: undefined },
    ...{
      requestId: "r",
      routeId: undefined,
      sessionId: undefined,
      turnId: undefined,
      model: "m",
      providerType: "OPENAI",
      labels: {},
    },
    ...{ inputTokens: 2, cacheReadTokens: undefined, cacheWriteTokens: undefined, outputTokens: 5 },
    ...{ reasoningTokens: undefined, source: "REPORTED", outcome: "COMPLETED", latencyMs: 1, firstTokenMs: undefined },
    ...{ cost: 3n, priceSource: undefined, priceDate: undefined, createdAt: new Date() },
    ...said,
  };
}

const entryOf = (reply: ReplyRecord, hasReserved = false): Entry => ({ reply, hasReserved });

/** Sums of an Llm, and what it cost. */
async function sumsOf(llmId: string) {
  const [sums] = await store.fork().execute(
    `select sum(daily.replies)::int as replies, sum(daily.refused_calls)::int as refused, sum(output_tokens)::int as output,
       sum(daily.cost)::int as cost, (select cost from llm_total where llm_id = ?)::int as total,
       (select count(*) from reply_usage where llm_id = ?)::int as rows
     from daily_usage daily where llm_id = ?`,
    [llmId, llmId, llmId],
  );
  return sums;
}

/** The ways in which replies come to be written; each is a statement of its own. */
const ways: { name: string; write: (ledger: Ledger, replies: readonly ReplyRecord[]) => Promise<unknown> }[] = [
  {
    name: "one after the other",
    write: async (ledger, replies) => {
      for (const one of replies) await ledger.write(entryOf(one));
    },
  },
  { name: "together", write: (ledger, replies) => Promise.all(replies.map((one) => ledger.write(entryOf(one)))) },
  {
    name: "of which something was reserved",
    write: (ledger, replies) => Promise.all(replies.map((one) => ledger.write(entryOf(one, true)))),
  },
];

describe.each(ways)("replies that are written $name", ({ write }) => {
  it("add to the same sums, once, however often they are written", async () => {
    const warnings: string[] = [];
    const ledger = new Ledger(store, (message) => warnings.push(message));
    const llmId = randomUUID();
    const first = reply(llmId);
    const refused = reply(llmId, { outcome: "REFUSED", cost: undefined, source: undefined, outputTokens: undefined });
    await write(ledger, [first, refused]);
    // The first of them is there: its connection was lost before that was heard.
    await write(ledger, [first, reply(llmId), reply(llmId, { cost: undefined }), refused]);
    await ledger.close();
    expect(await sumsOf(llmId)).toEqual({ replies: 3, refused: 1, output: 15, cost: 6, total: 6, rows: 4 });
    expect(warnings).toEqual([]);
  });

  it("are all counted when several servers write at the same time", async () => {
    const llmIds = Array.from({ length: 3 }, () => randomUUID());
    const ledgers = Array.from({ length: 4 }, () => new Ledger(store, () => {}));
    await Promise.all(
      ledgers.map((ledger) =>
        write(
          ledger,
          [...llmIds, ...llmIds].map((llmId) => reply(llmId)),
        ),
      ),
    );
    await Promise.all(ledgers.map((ledger) => ledger.close()));
    for (const llmId of llmIds) expect(await sumsOf(llmId)).toMatchObject({ replies: 8, cost: 24, total: 24, rows: 8 });
  });
});
