import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { cpuTimeOf, FamilyCpu } from "../../bench/measure/cpu.ts";
import { QueryUsageRequest_GroupBy as GroupBy } from "../../gen/patchbay/v1/usage_service_pb.ts";
import { firstUuidAt, timedUuid } from "../../server/base/uuids.ts";
import { dropPartitions } from "../../server/store/partitions/drop.ts";
import { Store } from "../../server/store/store.ts";
import type { OwnPostgres } from "../torture/own-postgres.ts";
import { type GrownDatabase, monthsAgo } from "./grown-database.ts";
import { LLMS } from "./seed.ts";

const CHATS = 200;
const AT_ONCE = 8;
const SUMS = 10;
const DAY_MS = 86_400_000;

/** Chats of two servers, turn by turn, so that both meet the same machine. */
export async function compareChats(
  postgres: OwnPostgres,
  none: GrownDatabase,
  many: GrownDatabase,
  turns: number,
): Promise<string> {
  const chat = async ({ patchbay, llmId }: GrownDatabase) => {
    let left = CHATS;
    const chatAgain = async () => {
      while (left-- > 0) await patchbay.chat.chat({ llmId, message: "what does it cost?" });
    };
    await Promise.all(Array.from({ length: AT_ONCE }, chatAgain));
  };
  return compare("a chat", postgres, [none, many], turns, CHATS, chat);
}

/** Sums over a year, by Llm and in one. */
export async function compareSums(
  postgres: OwnPostgres,
  million: GrownDatabase,
  many: GrownDatabase,
  turns: number,
): Promise<string> {
  const startDay = monthsAgo(12).toISOString().slice(0, 10);
  const ask = async ({ patchbay }: GrownDatabase, groupBy: GroupBy[], count: number) => {
    for (let times = 0; times < SUMS; times++) {
      const { rows } = await patchbay.usage.queryUsage({ startDay, groupBy, pageSize: 1_000 });
      if (rows.length < count) throw new Error(`${rows.length} sums, and there should be ${count}`);
    }
  };
  const byLlm = (database: GrownDatabase) => ask(database, [GroupBy.LLM], LLMS);
  const inOne = (database: GrownDatabase) => ask(database, [], 1);
  const pair = [million, many] as const;
  return [
    await compare("a year's usage by Llm", postgres, pair, turns, SUMS, byLlm),
    await compare("a year's usage in one sum", postgres, pair, turns, SUMS, inOne),
  ].join("\n");
}

/** Drops the oldest month as housekeeping does, while rows are inserted one after the other. */
export async function dropOldestMonth({ url }: GrownDatabase, rows: number): Promise<string> {
  const store = await Store.open({ url }, console.error);
  const writer = await Store.open({ url }, console.error);
  const waits: number[] = [];
  let isOver = false;
  const insert = async () => {
    const asked = `insert into reply_usage
      select (jsonb_populate_record(null::reply_usage, to_jsonb(reply) || jsonb_build_object('id', $1::text))).*
      from (select * from reply_usage where id > $2 limit 1) as reply`;
    while (!isOver) {
      const startedAt = performance.now();
      await writer.pool.query(asked, [timedUuid(Date.now()), firstUuidAt(monthsAgo(1).getTime())]);
      waits.push(performance.now() - startedAt);
      await pause(5);
    }
  };
  const inserting = insert().catch((error) => console.error(`not inserted: ${error.message}`));
  try {
    await pause(3_000);
    const before = waits.splice(0);
    const keptMs = Date.now() - monthsAgo(12).getTime() - 1;
    const retention = { usageDays: keptMs / DAY_MS, changeHours: 1e6, auditDays: 0 };
    const startedAt = performance.now();
    let dropped = 0;
    let tries = 0;
    for (; dropped === 0 && tries < 50; tries++) {
      dropped = await store
        .withSession("growth", (session) => dropPartitions(session, retention))
        .catch((error) => {
          console.error(`not dropped: ${error.message}`);
          return 0;
        });
    }
    const tookMs = Math.round(performance.now() - startedAt);
    await pause(200);
    return (
      `${dropped} month of ${rows} rows was dropped in ${tookMs} ms and ${tries} tries; an insert took ` +
      `${told(waits)} meanwhile, and ${told(before)} before`
    );
  } finally {
    isOver = true;
    await inserting;
    await writer.close();
    await store.close();
  }
}

/** What a piece of work costs in CPU time of the server and of PostgreSQL, and in time: medians of the turns. */
async function compare(
  name: string,
  postgres: OwnPostgres,
  databases: readonly [GrownDatabase, GrownDatabase],
  turns: number,
  pieces: number,
  work: (database: GrownDatabase) => Promise<void>,
): Promise<string> {
  const postmaster = Number(readFileSync(join(postgres.folder, "postmaster.pid"), "utf8").split("\n")[0]);
  const family = new FamilyCpu(postmaster);
  const results = databases.map((database) => ({ database, cpuMs: [] as number[], tookMs: [] as number[] }));
  for (let turn = 0; turn <= turns; turn++) {
    for (const { database, cpuMs, tookMs } of results) {
      const pid = database.server.child.pid as number;
      const cpu = () => (cpuTimeOf(pid).runNs + family.read().runNs) / 1e6;
      const [cpuBefore, startedAt] = [cpu(), performance.now()];
      await work(database);
      if (turn === 0) continue; // Warms up.
      cpuMs.push((cpu() - cpuBefore) / pieces);
      tookMs.push((performance.now() - startedAt) / pieces);
    }
  }
  const [small, large] = results.map(({ cpuMs, tookMs }) => ({ cpu: median(cpuMs), took: median(tookMs) }));
  if (!small || !large) return "";
  return (
    `${name}: ${small.cpu.toFixed(2)} and ${large.cpu.toFixed(2)} ms of CPU (${(large.cpu / small.cpu).toFixed(2)} times), ` +
    `${small.took.toFixed(1)} and ${large.took.toFixed(1)} ms`
  );
}

function told(times: readonly number[]): string {
  return `${median(times).toFixed(1)} ms (at most ${Math.max(...times).toFixed(0)}, of ${times.length})`;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
