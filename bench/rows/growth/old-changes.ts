import { Client } from "pg";
import { dropPartitions } from "../../../server/store/partitions/drop.ts";
import { placeChanges } from "../../../server/store/queries/changes.ts";
import { Store } from "../../../server/store/store.ts";
import type { Finding } from "../../measure/finding.ts";
import { figureOf } from "../../measure/stats.ts";
import type { Row } from "../row.ts";

/** What 5,000 changes a second come to in two minutes. */
const CHANGES = 600_000;
const KEPT_HOURS = 24;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Whether changes are placed and forgotten as fast as they may come. */
export const oldChanges: Row = {
  name: "changes",
  what: "housekeeping of 5,000 changes a second",
  isGrowth: true,
  async run(stage, plan) {
    const url = await stage.createDatabase("changes");
    const store = await Store.open({ url }, console.log);
    const database = new Client({ connectionString: url });
    await database.connect();
    try {
      const count = Math.round(CHANGES * plan.scale);
      await database.query(
        `insert into change (owner_id, noun, resource_id, kind, happened_at)
         select gen_random_uuid(), 'llm', gen_random_uuid(), 'updated', now() from generate_series(1, $1::int)`,
        [count],
      );
      const placed = await secondsOf(() => placeChanges(store.fork()));
      const tomorrow = new Date(Date.now() + 2 * DAY_MS + KEPT_HOURS * HOUR_MS);
      const retention = { usageDays: 0, auditDays: 0, changeHours: KEPT_HOURS };
      const forgotten = await secondsOf(() =>
        store.withSession("bench", (session) => dropPartitions(session, retention, tomorrow)),
      );
      const { rows } = await database.query("select count(*)::int as left from change");
      if (rows[0].left > 0) throw new Error(`${rows[0].left} changes are still there`);
      const rate = (what: string, seconds: number): Finding => ({
        what: `${what} ${count} changes, for 5,000 a second`,
        against: "",
        target: count / 5_000,
        figure: figureOf([seconds]),
        unit: " s",
      });
      return [rate("placing", placed), rate("forgetting", forgotten)];
    } finally {
      await database.end();
      await store.close();
    }
  },
};

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1_000;
}
