/**
 * Kills a rotation of keys at random moments and looks what that does. Prints its seed, with which it can be repeated;
 * exits with 1 if a secret is lost or anything else has changed.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EmbeddedPostgres } from "../../server/store/embedded/embedded-postgres.ts";
import { makeTemporaryFolder } from "../../server/test/base/temporary-folder.ts";
import { tortureRotation } from "../../server/test/store/rotation-torture.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    rows: { type: "string", default: "5000" },
    owners: { type: "string", default: "50" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    help: { type: "boolean", short: "h" },
  },
});
if (values.help) {
  console.log("usage: npm run torture:rotate -- [--kills 50] [--rows 5000] [--owners 50] [--seed N]");
  process.exit(0);
}

console.log(`${values.kills} kills over ${values.rows} rows of ${values.owners} owners, seed ${values.seed}`);
const folder = makeTemporaryFolder("torture");
const postgres = await EmbeddedPostgres.open(join(folder.path, "data"), console.error);
const { host, user, database } = postgres.address;
try {
  const damage = await tortureRotation({
    databaseUrl: `postgres://${user}@localhost/${database}?host=${encodeURIComponent(host)}`,
    keyringFile: join(folder.path, "keyring"),
    kills: Number(values.kills),
    rows: Number(values.rows),
    owners: Number(values.owners),
    seed: Number(values.seed),
    say: console.log,
  });
  const { killed, killedAtWork, unreadable, changed, rowsPerSecond } = damage;
  console.log(
    `${killed} kills, ${killedAtWork} of them at work: ${unreadable} unreadable, ${changed} times other columns changed; ` +
      `${rowsPerSecond.toFixed(0)} rows/s`,
  );
  process.exitCode = unreadable + changed > 0 ? 1 : 0;
} finally {
  await postgres.stop();
  folder.remove();
}
