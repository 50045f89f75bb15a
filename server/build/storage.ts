import type { KekProvider } from "../base/kek-provider.ts";
import type { Config } from "../config.ts";
import { openKeySource } from "../key-source.ts";
import type { Database } from "../store/database.ts";
import { EmbeddedPostgres } from "../store/embedded/embedded-postgres.ts";
import { Store } from "../store/store.ts";
import { Vault } from "../store/vault/vault.ts";
import { type Opening, warner } from "./opening.ts";

/** The database and the vault in it. */
export interface Storage {
  readonly store: Store;
  readonly vault: Vault;
}

/** Opens the database, the embedded one unless another is named, and the vault with the operator's keys. */
export async function openStorage(opening: Opening): Promise<Storage> {
  const { config, log, closers } = opening;
  const onWarning = warner(opening);
  const keys = await openKeySource(config.keys, log, closers);
  let database: Database;
  if (config.databaseUrl) {
    database = { url: config.databaseUrl };
  } else {
    const postgres = await EmbeddedPostgres.open(config.dataDir, onWarning);
    closers.push(() => postgres.stop());
    database = postgres.address;
  }
  const store = await Store.open(database, onWarning);
  closers.push(() => store.close());
  const vault = await openVault(config, store, keys);
  closers.push(() => vault.close());
  return { store, vault };
}

async function openVault({ keys: config }: Config, store: Store, keys: KekProvider | undefined): Promise<Vault> {
  const hasNoFile = config.kind === "file" && keys === undefined;
  return hasNoFile ? Vault.openFile(store.fork(), config.file) : Vault.open(store.fork(), keys as KekProvider);
}
