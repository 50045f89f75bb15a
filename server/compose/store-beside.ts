import type { Config } from "../config/config.ts";
import { EmbeddedPostgres } from "../store/embedded/embedded-postgres.ts";
import { Store } from "../store/store.ts";

/** Opens the database that a server has, beside the server if it runs; what the disposers hold undoes it, the last first. */
export async function openStoreBeside(
  { database: urls, dataDir, store: options }: Config,
  disposers: (() => Promise<void> | void)[],
): Promise<Store> {
  let database: Parameters<typeof Store.open>[0];
  if (urls) {
    database = urls;
  } else {
    const joined = await EmbeddedPostgres.join(dataDir);
    disposers.push(() => joined.close());
    database = joined.address;
  }
  const store = await Store.open(database, () => {}, options);
  disposers.push(() => store.close());
  return store;
}
