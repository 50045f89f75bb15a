import { createHmac, hkdfSync, randomBytes, randomUUID } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Secret } from "../../base/secret.ts";
import { type KeyRing, KeyRingError, makeKeyRing, readKeyRing } from "./key-ring.ts";
import { keyIdOf, open, type SealedSecret, type SealingKey, seal, Unreadable } from "./sealing.ts";
import { WrappedKey } from "./wrapped-key.entity.ts";

const INSTALLATION = "installation";
const KEY_BYTES = 32;
/** A data key is forgotten, and its bytes overwritten, after this long. */
const CACHE_MS = 5 * 60_000;
const CACHE_SIZE = 1_000;

/** What a secret is sealed to: it opens nowhere else. */
export interface Place {
  /** Which column, such as `llm.credentials`. */
  readonly column: string;
  readonly ownerId: string;
  readonly rowId: string;
  /** How many secrets the row has had: an old one does not open in place of a new one. */
  readonly version: number;
  /** Where the secret may be sent. */
  readonly endpoint: string;
}

/**
 * Seals and opens secrets. Keys have two levels: the key ring wraps one data key for each owner, so that rotating the
 * ring rewrites a few rows and deleting an owner's data key shreds all of that owner's secrets.
 */
export class Vault {
  readonly #keyRing: KeyRing;
  readonly #installationKey: SealingKey;
  readonly #cache = new Map<string, { key: SealingKey; timer: NodeJS.Timeout }>();
  readonly #digestKeys = new Map<string, Buffer>();

  private constructor(keyRing: KeyRing, installationKey: SealingKey) {
    this.#keyRing = keyRing;
    this.#installationKey = installationKey;
  }

  /**
   * Opens the vault with the key ring of a file. The file is made on the first start, and never when the database holds
   * anything already: a new key ring would not open it.
   */
  static async openFile(em: EntityManager, file: string): Promise<Vault> {
    const keyRing = await readKeyRing(file);
    if (keyRing) return Vault.open(em, keyRing);
    if (await em.findOne(WrappedKey, { holder: INSTALLATION })) {
      throw new KeyRingError(
        `The key ring ${file} is missing, and the database holds credentials that only it can open. ` +
          "Restore it from your backup, or set KEYRING_FILE to where it is.",
      );
    }
    return Vault.open(em, await makeKeyRing(file));
  }

  /** Proves that the key ring is this database's, or makes it so on the first start. */
  static async open(em: EntityManager, keyRing: KeyRing): Promise<Vault> {
    const stored = await em.findOne(WrappedKey, { holder: INSTALLATION }, { populate: ["wrapped"] });
    if (!stored) {
      const key = await wrapNewKey(em, keyRing, INSTALLATION);
      return new Vault(keyRing, key);
    }
    try {
      return new Vault(keyRing, await unwrap(keyRing, stored));
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      throw new KeyRingError(
        `The key ring does not belong to this database, which was made with key ${stored.wrappedBy}. ` +
          "Set KEYRING_FILE to the key ring that this database was started with first.",
        { cause: error },
      );
    }
  }

  /** Seals a secret with its owner's key, making that key if the owner has none. */
  async seal(em: EntityManager, place: Place, secret: Secret): Promise<SealedSecret> {
    const stored = await em.findOne(WrappedKey, { holder: place.ownerId }, { orderBy: { createdAt: "desc" } });
    const key = stored ? await this.#dataKey(em, stored.id) : await wrapNewKey(em, this.#keyRing, place.ownerId);
    return seal(key, binding(place), new TextEncoder().encode(secret.reveal()));
  }

  /** Opens a sealed secret; anywhere but in its place it is Unreadable. */
  async open(em: EntityManager, place: Place, sealed: SealedSecret): Promise<Secret> {
    const key = await this.#dataKey(em, keyIdOf(sealed));
    return new Secret(new TextDecoder().decode(await open(key, binding(place), sealed)));
  }

  /** A keyed hash under a key of this installation, another one for each purpose. */
  digest(purpose: string, ...parts: readonly (string | Uint8Array)[]): Buffer {
    let key = this.#digestKeys.get(purpose);
    if (!key) {
      key = Buffer.from(hkdfSync("sha256", this.#installationKey.bytes, "", `patchbay/v1/${purpose}`, KEY_BYTES));
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
    for (const id of [...this.#cache.keys()]) this.#forget(id);
  }

  async #dataKey(em: EntityManager, id: string): Promise<SealingKey> {
    const cached = this.#cache.get(id);
    if (cached) return cached.key;
    const stored = await em.findOne(WrappedKey, { id }, { populate: ["wrapped"] });
    if (!stored) throw new Unreadable(`the data key ${id} is not there`);
    const key = await unwrap(this.#keyRing, stored);
    const oldest = this.#cache.keys().next().value;
    if (this.#cache.size >= CACHE_SIZE && oldest) this.#forget(oldest);
    this.#cache.set(id, { key, timer: setTimeout(() => this.#forget(id), CACHE_MS).unref() });
    return key;
  }

  #forget(id: string): void {
    const entry = this.#cache.get(id);
    if (!entry) return;
    clearTimeout(entry.timer);
    this.#cache.delete(id);
    entry.key.bytes.fill(0);
  }
}

/** A new data key, wrapped and stored at once: what it seals must never outlive it. */
async function wrapNewKey(em: EntityManager, keyRing: KeyRing, holder: string): Promise<SealingKey> {
  const key = { id: randomUUID(), bytes: new Uint8Array(randomBytes(KEY_BYTES)) };
  const wrapped = await seal(keyRing.active, wrapBinding(holder, key.id), key.bytes);
  await em.insert(WrappedKey, { id: key.id, holder, wrappedBy: keyRing.active.id, wrapped, createdAt: new Date() });
  return key;
}

async function unwrap(keyRing: KeyRing, { id, holder, wrapped }: WrappedKey): Promise<SealingKey> {
  const sealed = wrapped as SealedSecret;
  const wrappedBy = keyRing.find(keyIdOf(sealed));
  if (!wrappedBy) throw new Unreadable(`the key ring lacks the key ${keyIdOf(sealed)}`);
  return { id, bytes: await open(wrappedBy, wrapBinding(holder, id), sealed) };
}

function binding({ column, ownerId, rowId, version, endpoint }: Place): string[] {
  return [column, ownerId, rowId, String(version), endpoint];
}

function wrapBinding(holder: string, id: string): string[] {
  return ["wrapped_key", holder, id];
}
