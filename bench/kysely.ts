/**
 * `node bench/kysely.ts`: what the two hottest reads cost by em.getKysely() and as we write them, in CPU of this process,
 * on a PostgreSQL of its own. The decision that rests on it is in docs/decisions/house.md.
 */
import { randomUUID } from "node:crypto";
import { EmbeddedPostgres } from "../server/store/embedded/embedded-postgres.ts";
import { listLlms } from "../server/store/queries/llm-list.ts";
import { Account } from "../server/store/schema/account.entity.ts";
import { Llm } from "../server/store/schema/llm.entity.ts";
import { Store } from "../server/store/store.ts";
import { makeTemporaryFolder } from "../server/test/base/temporary-folder.ts";

const ROWS = 200;
const PAGE = 50;
const ROUNDS = 5;
const CALLS = Number(process.argv[2] ?? 1_000);

const folder = makeTemporaryFolder("kysely");
const postgres = await EmbeddedPostgres.open(folder.path, () => {});
const store = await Store.open(postgres.address, () => {});
try {
  const ownerId = randomUUID();
  const em = store.fork();
  em.create(Account, { id: ownerId, displayName: "bench" });
  await em.flush();
  const columns = Object.values(store.orm.getMetadata().get(Llm).props);
  await fill(ownerId);
  const [first] = await em.getConnection().execute<{ id: string }[]>("select id from llm limit 1");
  const id = first?.id ?? "";

  const wanted = columns.filter(({ lazy, formula, persist }) => !lazy && !formula && persist !== false);
  /** As entities have names and values, which is what the rest of the server reads. */
  const converted = () => {
    const kysely = store.fork().getKysely({ columnNamingStrategy: "property", convertValues: true });
    return (kysely as never as Untyped).selectFrom("llm").select(wanted.map(({ name }) => `llm.${name}`));
  };
  /** As the driver gives them: what the builder alone costs. */
  const bare = () =>
    (store.fork().getKysely() as never as Untyped)
      .selectFrom("llm")
      .select(wanted.map(({ fieldNames }) => `llm.${fieldNames[0]}`));
  const ours = async () => [await store.hot.llm(id, ownerId)];
  await report("GetLlm", {
    ours,
    converted: () =>
      converted()
        .where("llm.id", "=", id)
        .where("llm.owner", "=", ownerId)
        .where("llm.deletedAt", "is", null)
        .execute(),
    bare: () =>
      bare().where("llm.id", "=", id).where("llm.owner_id", "=", ownerId).where("llm.deleted_at", "is", null).execute(),
  });
  const filter = { ownerId, showDeleted: false, labels: {}, search: "" } as never;
  const page = { filter, order: "createdAt", descending: true, after: undefined, limit: PAGE } as const;
  await report(`ListLlms, ${PAGE} rows`, {
    ours: () => listLlms(store.rows, page),
    converted: () =>
      converted()
        .where("llm.deletedAt", "is", null)
        .where("llm.owner", "=", ownerId)
        .orderBy("llm.createdAt", "desc")
        .orderBy("llm.id", "desc")
        .limit(PAGE)
        .execute(),
    bare: () =>
      bare()
        .where("llm.deleted_at", "is", null)
        .where("llm.owner_id", "=", ownerId)
        .orderBy("llm.created_at", "desc")
        .orderBy("llm.id", "desc")
        .limit(PAGE)
        .execute(),
  });
} finally {
  await store.close();
  await postgres.stop();
  folder.remove();
}

/** Llms of which as little is said as the table allows. */
async function fill(ownerId: string): Promise<void> {
  const { rows: needed } = await store.pool.query<{ name: string; type: string }>(
    `select column_name as name, data_type as type from information_schema.columns
     where table_name = 'llm' and is_nullable = 'NO' and column_default is null and is_generated = 'NEVER'`,
  );
  const values: Readonly<Record<string, string>> = {
    uuid: `'${ownerId}'::uuid`,
    bytea: "sha256(n::text::bytea)",
    jsonb: "'{}'::jsonb",
    ARRAY: "'{}'::text[]",
    boolean: "false",
    "timestamp with time zone": "now()",
    text: "'x' || n",
    "character varying": "'x' || n",
  };
  const sqlFor = ({ name, type }: { name: string; type: string }) =>
    name === "id" ? "gen_random_uuid()" : (values[type] ?? "1");
  await store.pool.query(
    `insert into llm (${needed.map(({ name }) => name).join(", ")})
     select ${needed.map(sqlFor).join(", ")} from generate_series(1, ${ROWS}) n`,
  );
}

/** What the two queries need of Kysely's builder; the select list comes from the metadata, which its types do not know. */
interface Untyped {
  selectFrom(table: string): Untyped;
  select(columns: readonly string[]): Untyped;
  where(column: string, operator: string, value: unknown): Untyped;
  orderBy(column: string, direction: string): Untyped;
  limit(count: number): Untyped;
  execute(): Promise<unknown[]>;
}

/** Turn by turn, so that both have the same machine; the best round of each is told. */
async function report(name: string, ways: Readonly<Record<string, () => Promise<readonly unknown[]>>>): Promise<void> {
  const found = await Promise.all(Object.values(ways).map(async (call) => (await call()).length));
  if (new Set(found).size !== 1) throw new Error(`${name}: the ways find ${found} rows`);
  const best = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [way, call] of Object.entries(ways)) {
      const before = process.cpuUsage();
      for (let index = 0; index < CALLS; index++) await call();
      const { user, system } = process.cpuUsage(before);
      best.set(way, Math.min(best.get(way) ?? Number.POSITIVE_INFINITY, (user + system) / CALLS));
    }
  }
  console.log(`${name}: ${[...best].map(([way, us]) => `${way} ${us.toFixed(0)} µs`).join(", ")}`);
}
