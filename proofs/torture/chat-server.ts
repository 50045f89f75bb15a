/**
 * A server that the torture of chats kills. On its standard input it is told `die POINT TIMES` (to kill itself when chats
 * come to a failpoint for the so manieth time from then on) and `turns` (to print all turns with what they cost).
 */
import { createInterface } from "node:readline";
import type { Logger } from "../../server/base/log.ts";
import { build } from "../../server/compose/server.ts";
import { readConfig } from "../../server/config/config.ts";
import type { Turns } from "./chat-invariants.ts";

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: console.error };

let point = "";
let times = 0;
const server = await build(readConfig(), silent, {
  reachFailpoint(reached) {
    if (reached === point && --times === 0) process.kill(process.pid, "SIGKILL");
  },
});
console.log(`listens on ${server.url} `);
for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...words] = line.split(" ");
  if (command === "die") [point, times] = [words[0] ?? "", Number(words[1])];
  if (command === "turns") console.log(`turns ${JSON.stringify(await readTurns())}`);
}

function readTurns(): Promise<Turns> {
  return server.store.fork().execute<Turns>(
    `select session.name as "sessionId", turn.sequence, turn.state, turn.request_id as "requestId",
       turn.sealed_reply is not null as "hasReply", count(usage.id)::int as usages, coalesce(sum(usage.cost), 0)::text as cost
     from turn join session on session.id = turn.session_id
     left join reply_usage as usage on usage.turn_id = turn.id and usage.outcome = 'COMPLETED'
     group by session.id, turn.id order by session.name, turn.sequence`,
  );
}
