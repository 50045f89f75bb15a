import { Client } from "pg";
import { HttpClient } from "../../load/http1.ts";
import { type Call, closedLoop } from "../../load/loops.ts";
import type { Finding } from "../../measure/finding.ts";
import { printResults } from "../../measure/print.ts";
import { type Contender, measure, type Plan, type Results } from "../../measure/rounds.ts";
import type { PatchbayServer } from "../../stage/patchbay.ts";
import type { Row } from "../row.ts";
import { deepPageTokens, type TokenMaker } from "./deep-page-token.ts";
import { COMMON_WORD, OWNERS, RARE_WORD, seedMillion } from "./seed-million.ts";

const ROWS = 1_000_000;
const PAGE = 50;
/** How far before the end the last page begins that is measured. */
const FROM_END = 1_000;
const [FIRST, MIDDLE, LAST] = ["page 1", "the page in the middle", "one of the last pages"];
const [OWN_FIRST, OWN_LAST] = ["page 1 of an owner", "one of an owner's last pages"];
const BY_NAME = "page 1, by displayName";
const [RARE, COMMON] = [`search "${RARE_WORD}", 1 hit`, `search "${COMMON_WORD}", 1 hit in 1,000`];
const SEQUENTIAL = "sequential ILIKE by pg";

/** Pages of a registry of a million Llms, and searches in it, as a caller with the right to see all of it. */
export const listMillion: Row = {
  name: "list-1m",
  what: "ListLlms, 1 M rows; search of 3+ characters, 1 M rows",
  isGrowth: true,
  async run(stage, plan) {
    const databaseUrl = await stage.createDatabase("million");
    const { furnish, keyringFile } = await stage.startPatchbay({ database: databaseUrl });
    const patchbay = await furnish();
    const database = new Client({ connectionString: databaseUrl });
    await database.connect();
    const http = new HttpClient(patchbay.url, 1);
    const count = ROWS * plan.scale;
    const rows = count.toLocaleString("en");
    try {
      const owner = await seedMillion(database, patchbay.llmIds.brief, count);
      const maker = { database, databaseUrl, keyringFile };
      const results = await measureLists(patchbay, http, maker, { owner, count }, plan);
      printResults(`ListLlms over REST, pages of ${PAGE} of ${rows} Llms`, results);
      return judge(results, rows);
    } finally {
      await http.close();
      await database.end();
    }
  },
};

async function measureLists(
  patchbay: PatchbayServer,
  http: HttpClient,
  maker: TokenMaker,
  { owner, count }: { readonly owner: string; readonly count: number },
  plan: Plan,
): Promise<Results> {
  const list = (name: string, query: Record<string, string>): Contender => {
    const path = `/v1/llms?${new URLSearchParams({ pageSize: String(PAGE), ...query })}`;
    const headers = { authorization: patchbay.authorization };
    const request = { name, method: "GET" as const, path, headers, expects: { contains: ['"llms":[{"llmId"'] } };
    return contender(name, patchbay.pid, () => http.call(request));
  };
  const [middle = "", last = ""] = await deepPageTokens(maker, undefined, [count / 2, count - FROM_END]);
  const [ownLast = ""] = await deepPageTokens(maker, owner, [count / OWNERS - FROM_END]);
  return measure(
    [
      list(FIRST, {}),
      list(MIDDLE, { pageToken: middle }),
      list(LAST, { pageToken: last }),
      list(OWN_FIRST, { ownerId: owner }),
      list(OWN_LAST, { ownerId: owner, pageToken: ownLast }),
      list(BY_NAME, { orderBy: "DISPLAY_NAME" }),
      list(RARE, { search: RARE_WORD }),
      list(COMMON, { search: COMMON_WORD }),
      contender(SEQUENTIAL, undefined, await sequentialSearch(maker.database)),
    ],
    plan,
  );
}

function contender(name: string, pid: number | undefined, call: Call): Contender {
  return { name, pid, load: (ms) => closedLoop(call, 1, ms) };
}

/** What a search costs that has no index. */
async function sequentialSearch(database: Client): Promise<Call> {
  await database.query(
    "set enable_indexscan = off; set enable_bitmapscan = off; set max_parallel_workers_per_gather = 0",
  );
  const text = `select * from llm where search ilike $1 order by created_at, id limit ${PAGE + 1}`;
  return async () => {
    const startedAt = performance.now();
    const { rowCount } = await database.query({ name: "search", text, values: [`%${RARE_WORD}%`] });
    if (rowCount !== 1) throw new Error(`the sequential search found ${rowCount} rows`);
    const ms = performance.now() - startedAt;
    return { ms, firstMs: ms };
  };
}

function judge(results: Results, rows: string): Finding[] {
  const ratio = (name: string, against: string, target: number): Finding => {
    const figure = results.ratio(name, against, "p50Ms");
    return { what: `ListLlms, ${rows} rows, ${name}`, against: `${against}, p50`, target, figure, unit: "" };
  };
  const time = (name: string): Finding => {
    const figure = results.figure(name, "p50Ms");
    return { what: `ListLlms, ${rows} rows, ${name}`, against: "p50", target: 5, figure, unit: " ms" };
  };
  return [
    ratio(MIDDLE, FIRST, 1.5),
    ratio(LAST, FIRST, 1.5),
    ratio(OWN_LAST, OWN_FIRST, 1.5),
    ...[FIRST, MIDDLE, LAST, OWN_FIRST, OWN_LAST, BY_NAME].map(time),
    ratio(RARE, SEQUENTIAL, 0.02),
    ratio(COMMON, SEQUENTIAL, 0.02),
  ];
}
