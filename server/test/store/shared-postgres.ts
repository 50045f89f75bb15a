import { Client } from "pg";
import { type DatabaseAddress, EmbeddedPostgres } from "../../store/embedded/embedded-postgres.ts";
import { Store } from "../../store/store.ts";

/** A PostgreSQL in a folder that tests share, with the schema of a server, of which each makes databases of its own. */
export async function openSharedPostgres(folder: string): Promise<EmbeddedPostgres> {
  const postgres = await EmbeddedPostgres.open(folder, () => {});
  await leaveWritesToTheSystem(postgres.address);
  const store = await Store.open(postgres.address, () => {});
  await store.close();
  return postgres;
}

/**
 * No commit waits for the disk: what is lost with the power is made anew. What a killed process has written is kept all the
 * same; tests of what a disk keeps have a PostgreSQL of their own.
 */
async function leaveWritesToTheSystem(address: DatabaseAddress): Promise<void> {
  const client = new Client({ ...address });
  await client.connect();
  for (const setting of ["fsync", "full_page_writes"]) await client.query(`alter system set ${setting} = off`);
  await client.query("select pg_reload_conf()");
  await client.end();
}
