import { createHmac, createSecretKey, hkdfSync, type KeyObject } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Fault, StartError } from "../../base/fault.ts";
import type { KeySource } from "../../base/key-source.ts";
import { Secret } from "../../base/secret.ts";
import { DataKeys, insertDataKeys, type WrappedRow, wrappedOf } from "./data-keys.ts";
import { KeyRingError } from "./key-ring.ts";
import { KeyRingFile } from "./key-ring-file.ts";
import { SEALED_COLUMNS } from "./sealed-columns.ts";
import { bindingOf, keyIdOf, open, type Place, type SealedSecret, seal, Unreadable } from "./sealing.ts";
import { INSTALLATION } from "./wrapped-key.entity.ts";

export type { Place };

const DIGEST_KEY_BYTES = 32;
/** Any number will do, as long as every server takes the same. */
const FIRST_START_LOCK = 5_063_100_004;

/**
 * Seals and opens secrets. Keys have two levels: the provider's keys wrap one data key for each owner, so that rotating
 * them rewrites a few rows and deleting an owner's data key shreds all of that owner's secrets.
 */
export class Vault {
  readonly #dataKeys: DataKeys;
  readonly #installationKey: KeyObject;
  readonly #digestKeys = new Map<string, KeyObject>();

  private constructor(dataKeys: DataKeys, installationKey: KeyObject) {
    this.#dataKeys = dataKeys;
    this.#installationKey = installationKey;
  }

  /**
   * Opens the vault with the key ring of a file. The file is made on the first start, and never when the database holds
   * anything already: a new key ring would not open it.
   */
  static async openFile(em: EntityManager, file: string): Promise<Vault> {
    const existing = await KeyRingFile.open(file);
    if (existing) return Vault.open(em, existing);
    if ((await findInstallationKey(em)) || (await holdsSecrets(em))) {
      throw new KeyRingError(
        `The key ring ${file} is missing, and the database holds credentials that only it can open. ` +
          "Restore it from your backup, or set KEYRING_FILE to where it is.",
      );
    }
    const made = await KeyRingFile.make(file).catch(async (error: NodeJS.ErrnoException) => {
      // Another server was faster; or a part of its folder is a file.
      const others = error.code === "EEXIST" ? await KeyRingFile.open(file) : undefined;
      if (others) return others;
      throw new KeyRingError(`The key ring ${file} cannot be made (${error.code}). Set KEYRING_FILE to where it can.`);
    });
    return Vault.open(em, made);
  }

  /** Proves that the keys are this database's, or makes them so on the first start. */
  static async open(em: EntityManager, provider: KeySource): Promise<Vault> {
    const dataKeys = new DataKeys(provider);
    try {
      const stored = (await findInstallationKey(em)) ?? (await makeInstallationKey(em, dataKeys));
      const bytes = await dataKeys.unwrap(stored.id, stored.holder, wrappedOf(stored));
      const vault = new Vault(dataKeys, createSecretKey(bytes));
      bytes.fill(0);
      return vault;
    } catch (error) {
      throw startErrorOf(error, provider);
    }
  }

  /** Whether the keys open what the database holds, as a start would find out, but making nothing: false if it is empty. */
  static async examine(em: EntityManager, keys: KeySource | undefined, file: string): Promise<boolean> {
    if (!(await findInstallationKey(em)) && !(await holdsSecrets(em))) return false;
    const vault = await (keys ? Vault.open(em, keys) : Vault.openFile(em, file));
    vault.close();
    return true;
  }

  /** Seals a secret with its owner's key, making that key if the owner has none. */
  async seal(em: EntityManager, place: Place, secret: Secret): Promise<SealedSecret> {
    if (!SEALED_COLUMNS.some(({ name }) => name === place.column)) {
      throw new Error(`nothing rotates ${place.column}: it is not in SEALED_COLUMNS`);
    }
    const key = await this.#dataKeys.forSealing(em, place.ownerId);
    return seal(key, bindingOf(place), new TextEncoder().encode(secret.reveal()));
  }

  /** Opens a sealed secret; anywhere but in its place it is Unreadable. */
  async open(em: EntityManager, place: Place, sealed: SealedSecret): Promise<Secret> {
    const key = await this.#dataKeys.find(em, keyIdOf(sealed) ?? "");
    return new Secret(new TextDecoder().decode(await open(key, bindingOf(place), sealed)));
  }

  /** A keyed hash under a key of this installation, another one for each purpose. */
  digest(purpose: string, ...parts: readonly (string | Uint8Array)[]): Buffer {
    let key = this.#digestKeys.get(purpose);
    if (!key) {
      const bytes = hkdfSync("sha256", this.#installationKey, "", `patchbay/v1/${purpose}`, DIGEST_KEY_BYTES);
      // Of bytes, every hash would make a key anew, which takes longer than the hash.
      key = createSecretKey(new Uint8Array(bytes));
      this.#digestKeys.set(purpose, key);
    }
    const hmac = createHmac("sha256", key);
    for (const part of parts) {
      const bytes = Buffer.from(part);
      hmac.update(`${bytes.length}:`).update(bytes);
    }
    return hmac.digest();
  }

  /** Forgets the data keys it holds. */
  close(): void {
    this.#dataKeys.close();
  }
}

async function findInstallationKey(em: EntityManager): Promise<WrappedRow | undefined> {
  const [row] = await em.execute<WrappedRow[]>(
    "select id, holder, wrapped_by, wrapped from wrapped_key where holder = ?",
    [INSTALLATION],
  );
  return row;
}

/** Of servers that start for the first time together, one makes it. */
async function makeInstallationKey(em: EntityManager, dataKeys: DataKeys): Promise<WrappedRow> {
  return em.transactional(async (em) => {
    await em.execute("select pg_advisory_xact_lock(?)", [FIRST_START_LOCK]);
    if (await holdsSecrets(em)) {
      throw new KeyRingError(
        "The database holds sealed credentials, but the data keys that open them are gone. " +
          "Restore the table wrapped_key from your backup.",
      );
    }
    if (!(await findInstallationKey(em))) await insertDataKeys(em, [await dataKeys.make(INSTALLATION, 0)]);
    return (await findInstallationKey(em)) as WrappedRow;
  });
}

async function holdsSecrets(em: EntityManager): Promise<boolean> {
  const checks = SEALED_COLUMNS.map(({ table, sealed }) => `exists (select from ${table} where ${sealed} is not null)`);
  const [{ holds } = { holds: true }] = await em.execute<{ holds: boolean }[]>(
    `select ${checks.join(" or ")} as holds`,
  );
  return holds;
}

function startErrorOf(error: unknown, provider: KeySource): unknown {
  if (error instanceof Unreadable) {
    return new KeyRingError(
      `This database was not made with ${provider.name}: ${error.message}. ` +
        "Use the keys that it was started with first.",
      { cause: error },
    );
  }
  if (!(error instanceof Fault && error.reason === "KEYS_UNAVAILABLE")) return error;
  const { message } = error.cause as Error;
  if (!(error.cause instanceof KeyRingError)) return new StartError(message, { cause: error });
  return new KeyRingError(`${message} This database needs it: use the key ring that it was started with.`);
}
