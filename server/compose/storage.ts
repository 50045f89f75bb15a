import type { KeySource } from "../base/key-source.ts";
import type { Logger } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import type { KeysConfig } from "../config/keys.ts";
import { EmbeddedPostgres } from "../store/embedded/embedded-postgres.ts";
import { type Database, Store } from "../store/store.ts";
import { parseKeyRing } from "../store/vault/key-ring.ts";
import { KeyRingFile } from "../store/vault/key-ring-file.ts";
import { Vault } from "../store/vault/vault.ts";
import { TransitKey } from "../upstream/operator/vault-transit.ts";
import { type Boot, warner } from "./parts.ts";

/** The database and the vault in it. */
export interface Storage {
  readonly store: Store;
  readonly vault: Vault;
  /** Where the files of the embedded PostgreSQL really are; undefined without one. */
  readonly files: string | undefined;
}

/** Opens the database, the embedded one unless another is named, and the vault with the operator's keys. */
export async function openStorage(boot: Boot): Promise<Storage> {
  const { config, log, disposers } = boot;
  const onWarning = warner(boot);
  const keys = await openKeySource(config.keys, log, disposers);
  let database: Database;
  let files: string | undefined;
  if (config.database) {
    database = config.database;
  } else {
    const postgres = await EmbeddedPostgres.open(config.dataDir, onWarning, { halt: boot.halt });
    disposers.push(() => postgres.stop());
    database = postgres.address;
    files = postgres.files;
  }
  const store = await Store.open(database, onWarning, config.store);
  disposers.push(() => store.close());
  const vault = await openVault(config, store, keys);
  disposers.push(() => vault.close());
  return { store, vault, files };
}

async function openVault({ keys: config }: Config, store: Store, keys: KeySource | undefined): Promise<Vault> {
  const hasNoFile = config.kind === "file" && keys === undefined;
  return hasNoFile ? Vault.openFile(store.fork(), config.file) : Vault.open(store.fork(), keys as KeySource);
}

/**
 * Opens the keys that the settings name, before anything else is opened: keys that cannot be used are refused without a
 * look at the database. Undefined for a key ring file that does not exist yet.
 */
export async function openKeySource(
  config: KeysConfig,
  log: Logger,
  disposers: (() => Promise<void> | void)[],
): Promise<KeySource | undefined> {
  if (config.kind === "file") return KeyRingFile.open(config.file);
  if (config.kind === "environment") return parseKeyRing(config.keyRing.reveal(), "the key ring of KEYRING");
  let isOpen = false;
  const transit = new TransitKey(config.target, (problem) => {
    if (!isOpen) return; // Whoever starts is told by the error.
    if (problem) log.warn({ err: problem }, "the key that encrypts credentials cannot be used");
    else log.info({}, "the key that encrypts credentials can be used again");
  });
  disposers.push(() => transit.close());
  await transit.check();
  isOpen = true;
  return transit;
}
