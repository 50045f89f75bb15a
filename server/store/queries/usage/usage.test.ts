import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type TestDatabase } from "../../../test/store/databases.ts";
import type { PlainQuery, RowReader } from "../../sql/rows.ts";
import { Store } from "../../store.ts";
import { sumUsage, type UsageDimension, type UsageQuery } from "./usage.ts";

const LLMS = 100;
const DAYS = 200;
const OWNERS = 4;
const OWNER = "00000000-0000-7000-9000-000000000002";

let database: TestDatabase;
let store: Store;
beforeAll(async () => {
  database = await createDatabase();
  store = await Store.open(database.address, () => {});
  const uuid = (kind: number, n: string) => `('00000000-0000-7000-${kind}000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;
  // Each Llm has a row a day, and every seventh day a second one with a label.
  await store.fork().execute(`
    insert into daily_usage
    select ${uuid(8, "llm")}, date '2026-01-01' + day, md5(labels)::uuid, ${uuid(9, `llm % ${OWNERS}`)}, labels::jsonb,
      1, 0, 0, 0, 1, 1, 1, 1, 1, 1
    from generate_series(0, ${LLMS - 1}) as llm, generate_series(0, ${DAYS - 1}) as day,
      unnest(case when day % 7 = 0 then array['{}', '{"team":"a"}'] else array['{}'] end) as labels`);
  await store.fork().execute("analyze daily_usage");
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

const query = (groupBy: readonly UsageDimension[], ownerId?: string): UsageQuery => ({
  ...{ apiKeyId: undefined, subject: undefined, model: undefined, routeId: undefined },
  ...{ ownerId, llmId: undefined, labels: {}, startDay: "", endDay: "", labelKey: "team" },
  groupBy,
});

const ORDERS: readonly (readonly UsageDimension[])[] = [
  ["day", "llm"],
  ["llm", "day"],
  ["owner", "day", "llm"],
  ["owner", "llm", "day"],
  ["day", "owner", "llm"],
  ["day", "llm", "label"],
];

describe.each(ORDERS)("sums by %s, %s, %s", (...dimensions) => {
  const groupBy = dimensions.filter(Boolean);

  it("come page by page as they come at once", async () => {
    const all = await sumUsage(store.rows, query(groupBy, OWNER), undefined, 100_000);
    const texts = all.map(({ values }) => values.join());
    expect(texts).toEqual(texts.toSorted());
    expect(new Set(texts).size).toBe(texts.length);
    expect(all.reduce((sum, { replies }) => sum + replies, 0n)).toBe(
      BigInt((LLMS / OWNERS) * (DAYS + Math.ceil(DAYS / 7))),
    );
    const paged: string[] = [];
    for (let after: readonly string[] | undefined; ; ) {
      const page = await sumUsage(store.rows, query(groupBy, OWNER), after, 999);
      paged.push(...page.map(({ values }) => values.join()));
      after = page.at(-1)?.values;
      if (page.length < 999) break;
    }
    expect(paged).toEqual(texts);
  });

  it.each([undefined, OWNER])("cost what their page has, wherever it is, for owner %s", async (ownerId) => {
    const all = await sumUsage(store.rows, query(groupBy, ownerId), undefined, 100_000);
    const after = all[Math.floor(all.length / 2)]?.values;
    expect(await rowsRead(query(groupBy, ownerId), after, 50)).toBeLessThan(500);
  });
});

/** How many rows the database looks at for a page. */
async function rowsRead(asked: UsageQuery, after: readonly string[] | undefined, limit: number): Promise<number> {
  let most = 0;
  const explaining = {
    query: async ({ text, values }: PlainQuery) => {
      const [row] = await store.rows.query<Record<string, [{ Plan: Plan }]>>({
        text: `explain (analyze, format json) ${text}`,
        values,
      });
      most = mostRowsOf(row?.["QUERY PLAN"]?.[0].Plan);
      return [];
    },
  };
  await sumUsage(explaining as unknown as RowReader, asked, after, limit);
  return most;
}

interface Plan {
  readonly "Actual Rows": number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly Plan[];
}

function mostRowsOf(plan: Plan | undefined): number {
  if (!plan) return Number.POSITIVE_INFINITY;
  const own = plan["Actual Rows"] + (plan["Rows Removed by Filter"] ?? 0);
  return Math.max(own, ...(plan.Plans ?? []).map(mostRowsOf));
}
