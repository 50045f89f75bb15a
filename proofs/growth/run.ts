/**
 * `npm run growth:usage -- --rows 100000000`: what usage that is kept costs. Three databases of one PostgreSQL: one
 * without rows of replies, one with a million in a year, and one with as many as asked for, the oldest month of which has
 * `--month` rows. Chats of a real server by the first and the last of them, turn by turn, in CPU time of the server and
 * of PostgreSQL; sums over the year by the second and the last; and the oldest month is dropped while rows are inserted.
 * Hours at a hundred million; a few minutes for each million on a busy machine.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeTemporaryFolder } from "../../server/test/base/temporary-folder.ts";
import { says } from "../../server/test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../server/test/upstream/scripted-upstream.ts";
import { OwnPostgres } from "../torture/own-postgres.ts";
import { GrownDatabase } from "./grown-database.ts";
import { compareChats, compareSums, dropOldestMonth } from "./measures.ts";

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "5000000" },
    month: { type: "string", default: "1000000" },
    turns: { type: "string", default: "7" },
  },
});
const [rows, monthRows, turns] = [values.rows, values.month, values.turns].map(Number) as [number, number, number];

const upstream = await ScriptedUpstream.start({ otherwise: says("yes") });
const folder = makeTemporaryFolder("growth");
const postgres = await OwnPostgres.create(join(folder.path, "postgres"));
const opened: GrownDatabase[] = [];
const open = async (name: string, rows: number, monthRows: number) => {
  const startedAt = performance.now();
  const database = await GrownDatabase.create(postgres, name, { folder: folder.path, upstream, rows, monthRows });
  opened.push(database);
  console.log(`${name}: ${rows} rows of replies, ${seconds(startedAt)} s`);
  return database;
};
try {
  const none = await open("none", 0, 0);
  const million = await open("million", 1_000_000, 0);
  const many = await open("many", rows, monthRows);
  console.log(await compareChats(postgres, none, many, turns));
  console.log(await compareSums(postgres, million, many, turns));
  console.log(await dropOldestMonth(many, monthRows));
} finally {
  for (const database of opened) await database.close();
  await postgres.stop();
  await upstream.close();
  folder.remove();
}

function seconds(since: number): number {
  return Math.round((performance.now() - since) / 1_000);
}
