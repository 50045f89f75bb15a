import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { timedUuid } from "../../base/uuids.ts";
import { hashOf, verifyChains } from "../../domain/access/audit-log.ts";
import { createDatabase, type TestDatabase } from "../../test/store/databases.ts";
import { appendAuditEvent } from "../queries/audit.ts";
import { appendChange, changesAfter, placeChanges } from "../queries/changes.ts";
import type { ReplyRecord } from "../queries/usage/entry.ts";
import { Ledger } from "../queries/usage/ledger.ts";
import { Store } from "../store.ts";
import { dropPartitions } from "./drop.ts";
import { makePartitions, type Retention, sortUsage } from "./partitions.ts";

const DAY_MS = 86_400_000;
const KEEP = { usageDays: 0, changeHours: 24 * 36_500, auditDays: 0 };
const at = (day: string) => new Date(`${day}T12:00:00Z`);

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

const rows = <Row>(sql: string, values: unknown[] = []) => store.fork().execute<Row[]>(sql, values);
const drop = (retention: Retention, now: Date) =>
  store.withSession("test", (session) => dropPartitions(session, retention, now));
const whereIs = async (table: string) =>
  (await rows<{ part: string }>(`select distinct tableoid::regclass::text as part from ${table} order by 1`)).map(
    ({ part }) => part,
  );

function replyAt(createdAt: Date, id = timedUuid(createdAt.getTime())): ReplyRecord {
  const unknown = { inputTokens: 1, cacheReadTokens: undefined, cacheWriteTokens: undefined, outputTokens: 2 };
  const who = {
    ownerId: randomUUID(),
    llmId: randomUUID(),
    routeId: undefined,
    accountId: randomUUID(),
    apiKeyId: "key",
    subject: undefined,
  };
  const what = {
    model: "m",
    providerType: "OPENAI",
    labels: {},
    reasoningTokens: undefined,
    source: "REPORTED" as const,
  };
  const rest = { outcome: "COMPLETED" as const, latencyMs: 1, firstTokenMs: undefined, priceSource: undefined };
  const where = { requestId: "r", sessionId: undefined, turnId: undefined, cost: 3n, priceDate: undefined };
  return { id, createdAt, ...unknown, ...who, ...what, ...rest, ...where };
}

describe("usage", () => {
  const write = async (...replies: ReplyRecord[]) => {
    const ledger = new Ledger(store, () => {});
    for (const reply of replies) await ledger.write({ reply, hasReserved: false });
    await ledger.close();
  };
  beforeEach(() => rows("truncate reply_usage, daily_usage"));

  it("goes into the partition of its month, which is there before it is needed", async () => {
    await makePartitions(store.fork(), at("2031-05-10"));
    await write(replyAt(at("2031-05-31")), replyAt(at("2031-06-01")), replyAt(at("2031-07-31")));
    expect(await whereIs("reply_usage")).toEqual(["reply_usage_2031_05", "reply_usage_2031_06", "reply_usage_2031_07"]);
    expect(await makePartitions(store.fork(), at("2031-05-11"))).toBeLessThan(10);
    expect(await makePartitions(store.fork(), at("2031-05-11"))).toBe(0);
  });

  it("is counted once when it is written again", async () => {
    const reply = replyAt(at("2031-05-20"));
    await write(reply, reply);
    expect(await rows("select replies::int from daily_usage")).toEqual([{ replies: 1 }]);
  });

  it("is moved into a partition that comes late, and so is what an older server writes", async () => {
    const late = replyAt(at("2032-02-02"));
    const old = [replyAt(at("2024-03-01"), randomUUID()), replyAt(at("2024-03-02"), randomUUID())];
    await write(late, ...old);
    expect(await whereIs("reply_usage")).toEqual(["reply_usage_unsorted"]);
    await makePartitions(store.fork(), at("2032-02-10"));
    expect(await sortUsage(store.fork())).toBe(2);
    expect(await sortUsage(store.fork())).toBe(0);
    expect(await whereIs("reply_usage")).toEqual(["reply_usage_2024_03", "reply_usage_2032_02"]);
    const [row] = await rows<{ ids: string }>(
      "select string_agg(id::text, ' ' order by created_at) as ids from reply_usage",
    );
    expect(row?.ids).toContain(late.id);
  });

  it("is dropped by the month when it is older than it is kept, and its sums stay", async () => {
    await makePartitions(store.fork(), at("2033-01-10"));
    await write(replyAt(at("2033-01-10")), replyAt(at("2033-02-10")));
    const now = at("2033-03-05");
    const keep = { ...KEEP, usageDays: 30 };
    expect(await drop(keep, at("2033-02-10"))).toBeGreaterThanOrEqual(0);
    await drop(keep, now);
    expect(await whereIs("reply_usage")).toEqual(["reply_usage_2033_02"]);
    const [sum] = await rows<{ replies: number }>("select sum(replies)::int as replies from daily_usage");
    expect(sum?.replies).toBe(2);
  });

  it("is written while somebody reads a month that is to be dropped, which goes as soon as they are gone", async () => {
    await makePartitions(store.fork(), at("2034-01-10"));
    await write(replyAt(at("2034-01-10")));
    await store.withSession("reader", async (reader) => {
      await reader.query("begin");
      await reader.query("select from reply_usage_2034_01");
      const dropped = drop({ ...KEEP, usageDays: 30 }, at("2034-03-05"));
      const taken = `select count(*)::int from pg_locks
        where relation = 'reply_usage'::regclass and mode = 'AccessExclusiveLock'`;
      const waits = `select (${taken}) as taken from pg_locks
        where not granted and relation = 'reply_usage_2034_01'::regclass`;
      await expect.poll(() => rows(waits), { timeout: 20_000 }).toEqual([{ taken: 0 }]);
      await write(replyAt(at("2034-02-10")));
      await reader.query("rollback");
      expect(await dropped).toBeGreaterThan(0);
    });
    expect(await whereIs("reply_usage")).toEqual(["reply_usage_2034_02"]);
  });
});

describe("changes", () => {
  it("are dropped by the day, and whoever would resume behind them is told", async () => {
    const change = { noun: "llm", resourceId: randomUUID(), ownerId: randomUUID(), kind: "updated" };
    const day = new Date(Date.now() + 40 * DAY_MS);
    await makePartitions(store.fork(), day);
    await appendChange(store.fork(), change);
    await rows("update change set happened_at = ?", [day]);
    await appendChange(store.fork(), change);
    await placeChanges(store.fork());
    const before = await changesAfter(store.fork(), { noun: "llm", ownerId: undefined }, 0, 10);
    expect(before.changes).toHaveLength(2);
    // So late that the day is over; the first partition has an end, too, and goes with it.
    await drop({ ...KEEP, changeHours: 24 }, new Date(day.getTime() + 3 * DAY_MS));
    const { changes, forgotten } = await changesAfter(store.fork(), { noun: "llm", ownerId: undefined }, 0, 10);
    expect(changes).toEqual([]);
    expect(forgotten).toBe(before.changes.at(-1)?.position);
  });
});

describe("the audit log", () => {
  it("is verified from where it is kept, when what is older was dropped", async () => {
    const account = randomUUID();
    const append = () => appendAuditEvent(store.fork(), account, JSON.stringify(EVENT));
    await append();
    await append();
    const now = new Date(Date.now() + 100 * DAY_MS);
    await makePartitions(store.fork(), now);
    await drop({ ...KEEP, auditDays: 30 }, now);
    expect(await rows("select 1 from audit_event where account_id = ?", [account])).toEqual([]);
    await append();
    for await (const verdict of verifyChains(store.rows)) {
      expect(verdict).toMatchObject({ accountId: account, sequence: 3, unstorable: undefined });
    }
    await rows("update audit_event set hash = ? where account_id = ?", [
      hashOf(Buffer.alloc(0), { sequence: 3, record: "x" }),
      account,
    ]);
    for await (const verdict of verifyChains(store.rows)) expect(verdict.unstorable).toMatch(/event 3/);
  });
});

const EVENT = { action: "llm.create", resourceType: "llm", resourceId: "one" };
