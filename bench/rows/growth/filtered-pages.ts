import { randomUUID } from "node:crypto";
import { Client } from "pg";
import { HttpClient } from "../../load/http1.ts";
import { closedLoop } from "../../load/loops.ts";
import { printResults, say } from "../../measure/print.ts";
import { measure } from "../../measure/rounds.ts";
import type { Row } from "../row.ts";

const EVENTS = 5_000_000;
const SESSIONS = 1_000_000;
const [AUDIT, LISTED] = ["ListAuditEvents of a type that has none", "ListSessions of an Llm that has none"];

/** Pages that nothing is on, of an account that has much of everything else. */
export const filteredPages: Row = {
  name: "filtered-pages",
  what: "ListAuditEvents and ListSessions by a filter that nothing passes",
  isGrowth: true,
  async run(stage, plan) {
    const databaseUrl = await stage.createDatabase("filtered");
    const patchbay = await (await stage.startPatchbay({ database: databaseUrl })).furnish();
    const database = new Client({ connectionString: databaseUrl });
    await database.connect();
    const http = new HttpClient(patchbay.url, 1);
    try {
      await seed(database, plan.scale);
      const get = (name: string, path: string, contains: string) => {
        const headers = { authorization: patchbay.authorization };
        const request = { name, method: "GET" as const, path, headers, expects: { contains: [contains] } };
        return { name, pid: patchbay.pid, load: (ms: number) => closedLoop(() => http.call(request), 1, ms) };
      };
      const results = await measure(
        [
          get(AUDIT, "/v1/auditEvents?resourceType=budget", '"auditEvents":[]'),
          get(LISTED, `/v1/sessions?llmId=${randomUUID()}`, '"sessions":[]'),
        ],
        plan,
      );
      const size = `${EVENTS * plan.scale} events, ${SESSIONS * plan.scale} sessions`;
      printResults(`pages with nothing on them, of ${size}`, results);
      const p50 = (name: string, target: number) => {
        return { what: name, against: "p50", target, figure: results.figure(name, "p50Ms"), unit: " ms" as const };
      };
      return [p50(AUDIT, 10), p50(LISTED, 5)];
    } finally {
      await http.close();
      await database.end();
    }
  },
};

async function seed(database: Client, scale: number): Promise<void> {
  const startedAt = performance.now();
  await database.query("set synchronous_commit = off");
  const { rows } = await database.query("select account_id, sequence from audit_chain order by sequence desc limit 1");
  const { account_id, sequence } = rows[0];
  await database.query(
    `insert into audit_event (account_id, sequence, record, hash)
     select $1, $2::bigint + n, json_build_object('action', 'llm.update', 'resourceType', 'llm',
       'resourceId', 'llm-' || n % 5000), '\\x00' from generate_series(1, $3::int) n`,
    [account_id, sequence, EVENTS * scale],
  );
  await database.query("update audit_chain set sequence = $2::bigint + $3::bigint where account_id = $1", [
    account_id,
    sequence,
    EVENTS * scale,
  ]);
  await database.query(
    `insert into session (id, account_id, name, llm_id, created_at, updated_at)
     select gen_random_uuid(), $1, gen_random_uuid(), (array(select id from llm))[1 + n % 4], at, at
     from generate_series(1, $2::int) n, lateral (select now() - n * interval '1 second' as at) t`,
    [account_id, SESSIONS * scale],
  );
  await database.query("vacuum analyze audit_event");
  await database.query("vacuum analyze session");
  say(`  seeded in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`);
}
