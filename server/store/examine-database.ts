import { readdirSync } from "node:fs";
import { Connector, type Timeouts } from "./connection/connector.ts";
import { type Database, embeddedAddress, parseAddress } from "./connection/database-address.ts";
import { type Examination, examine } from "./connection/examination.ts";
import { ENTITIES } from "./schema/entities.ts";
import { MIGRATIONS_FOLDER, MIGRATIONS_TABLE } from "./store.ts";

/** One of the ways to a database. */
export type Way = "url" | "directUrl" | "replicaUrl";

/** The setting that names each way. */
export const SETTING_OF_WAY: Readonly<Record<Way, string>> = {
  url: "DATABASE_URL",
  directUrl: "DATABASE_URL_DIRECT",
  replicaUrl: "DATABASE_URL_REPLICA",
};

/** Looks at a database without changing it; fails with the StartError that a server would fail with. */
export async function examineDatabase(database: Database, timeouts: Timeouts, way: Way): Promise<Examination> {
  const address =
    "url" in database ? parseAddress(database[way] ?? database.url, database.passwordFile) : embeddedAddress(database);
  const connector = new Connector(address, timeouts);
  // As MikroORM names them.
  const tables = ENTITIES.map(({ name }) => name.replace(/(?<=[a-z])[A-Z]/g, (capital) => `_${capital}`).toLowerCase());
  try {
    const schema = { folder: MIGRATIONS_FOLDER, table: MIGRATIONS_TABLE, tables: [...tables, MIGRATIONS_TABLE] };
    return await examine(connector, SETTING_OF_WAY[way], schema);
  } finally {
    connector.close();
  }
}

/** When the newest migration was written: no clock was ever right that is before it. */
export function newestMigration(): Date {
  const stamps = readdirSync(MIGRATIONS_FOLDER).flatMap((name) => /^Migration(\d{8})/.exec(name)?.[1] ?? []);
  const [, year, month, day] = /^(\d{4})(\d\d)(\d\d)$/.exec(stamps.sort().at(-1) ?? "") ?? [];
  return new Date(`${year}-${month}-${day}T00:00:00Z`);
}
