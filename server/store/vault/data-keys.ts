import { randomBytes, randomUUID } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import { LRUCache } from "lru-cache";
import { type KeySource, keysUnavailable, type WrappedBytes } from "../../base/key-source.ts";
import { executePrepared } from "../sql/statements.ts";
import { type SealingKey, Unreadable } from "./sealing.ts";

const KEY_BYTES = 32;
/** A data key is forgotten after this long. */
const HELD_MS = 5 * 60_000;
const MAX_HELD = 1_000;
/**
 * How often a data key encrypts before it gets a successor. With random nonces, NIST SP 800-38D allows 2^32; half of
 * that leaves room for servers that reach the limit at the same time.
 */
export const MAX_ENCRYPTIONS = 2 ** 31;
/** Counted ahead, so that not every encryption has to write a row; a restart wastes what is left. */
const COUNTED_AT_ONCE = 1_024;

interface Held {
  readonly key: SealingKey;
  /** Encryptions that are counted already and not yet made. */
  countedAhead: number;
}

/** A data key that was made, and not yet stored. */
export interface NewDataKey {
  readonly id: string;
  readonly holder: string;
  readonly wrapped: WrappedBytes;
  readonly encryptions: number;
}

/** The data keys of all holders, unwrapped when they are needed and kept for a while. */
export class DataKeys {
  readonly #provider: KeySource;
  readonly #held = new LRUCache<string, Held>({ max: MAX_HELD, ttl: HELD_MS, ttlAutopurge: true });
  readonly #opening = new Map<string, Promise<SealingKey>>();

  constructor(provider: KeySource) {
    this.#provider = provider;
  }

  /** The key that seals for a holder now, made if there is none; one encryption by it is counted. */
  async forSealing(em: EntityManager, holder: string): Promise<SealingKey> {
    const newest = await this.newest(em, holder);
    if (!newest || newest.encryptions >= MAX_ENCRYPTIONS) {
      const { id, bytes, ...made } = await this.make(holder, 1);
      await insertDataKeys(em, [{ id, ...made }]);
      return importKey(id, bytes);
    }
    const key = await this.find(em, newest.id);
    await this.#count(em, newest.id);
    return key;
  }

  /** The newest key of a holder that is not superseded. */
  async newest(em: EntityManager, holder: string): Promise<{ id: string; encryptions: number } | undefined> {
    const [row] = await executePrepared<{ id: string; encryptions: string }>(
      em,
      `select id, encryptions from wrapped_key where holder = ? and superseded_at is null
       order by created_at desc limit 1`,
      [holder],
    );
    return row && { id: row.id, encryptions: Number(row.encryptions) };
  }

  /** The newest data key of each of many holders, by holder. */
  async newestOf(em: EntityManager, holders: readonly string[]): Promise<Map<string, string>> {
    const rows = await em.execute<{ id: string; holder: string }[]>(
      `select distinct on (holder) holder, id from wrapped_key where superseded_at is null
       and holder in (select jsonb_array_elements_text(?::jsonb)) order by holder, created_at desc`,
      [JSON.stringify(holders)],
    );
    return new Map(rows.map(({ id, holder }) => [holder, id]));
  }

  /** A data key by the name that a sealed secret gives; Unreadable if there is none that opens. */
  async find(em: EntityManager, id: string): Promise<SealingKey> {
    const held = this.#held.get(id);
    if (held) return held.key;
    let opening = this.#opening.get(id);
    if (!opening) {
      opening = this.#open(em, id).finally(() => this.#opening.delete(id));
      this.#opening.set(id, opening);
    }
    return opening;
  }

  /** The bytes of a data key; Unreadable if it does not open. */
  async unwrap(id: string, holder: string, wrapped: WrappedBytes): Promise<Uint8Array> {
    const bytes = await this.#provider.unwrap(wrapped, wrapContext(holder, id));
    if (!bytes) throw new Unreadable(`the data key ${id} does not open with ${wrapped.keyId}`);
    return bytes;
  }

  /** A data key as it is, wrapped by the key that is active now. */
  async rewrap(id: string, holder: string, wrapped: WrappedBytes): Promise<WrappedBytes> {
    const bytes = await this.unwrap(id, holder, wrapped);
    return this.#provider.wrap(bytes, wrapContext(holder, id));
  }

  /** A new data key. It is to be stored before anything that it seals. */
  async make(holder: string, encryptions: number): Promise<NewDataKey & { readonly bytes: Uint8Array }> {
    const id = randomUUID();
    const bytes = new Uint8Array(randomBytes(KEY_BYTES));
    return { id, holder, bytes, encryptions, wrapped: await this.#provider.wrap(bytes, wrapContext(holder, id)) };
  }

  close(): void {
    this.#held.clear();
  }

  async #open(em: EntityManager, id: string): Promise<SealingKey> {
    if (!/^[\da-f-]{36}$/.test(id)) throw new Unreadable("a sealed secret names a data key as none is named");
    const [row] = await em.execute<WrappedRow[]>(
      "select id, holder, wrapped_by, wrapped from wrapped_key where id = ?",
      [id],
    );
    if (!row) throw new Unreadable(`the data key ${id} is not there`);
    const key = await importKey(id, await this.unwrap(id, row.holder, wrappedOf(row)));
    this.#held.set(id, { key, countedAhead: 0 });
    return key;
  }

  /**
   * What a transaction encrypts is counted in it: if it is rolled back, so is what it sealed. Elsewhere the count is
   * ahead of what is encrypted, never behind.
   */
  async #count(em: EntityManager, id: string): Promise<void> {
    const held = this.#held.get(id);
    if (held && held.countedAhead > 0) {
      held.countedAhead--;
      return;
    }
    const count = em.isInTransaction() ? 1 : COUNTED_AT_ONCE;
    await em.execute("update wrapped_key set encryptions = encryptions + ? where id = ?", [count, id]);
    if (held) held.countedAhead += count - 1;
  }
}

/** A row of wrapped_key. */
export interface WrappedRow {
  readonly id: string;
  readonly holder: string;
  readonly wrapped_by: string;
  readonly wrapped: Record<string, string>;
}

/** A data key as the provider takes it. */
export function wrappedOf({ wrapped_by: keyId, wrapped: blob }: WrappedRow): WrappedBytes {
  return { keyId, blob };
}

/**
 * Stores data keys, unless the key that wraps them has been retired meanwhile: the condition is read when the row is
 * written, under a lock that retiring waits for.
 */
export async function insertDataKeys(em: EntityManager, keys: readonly NewDataKey[]): Promise<void> {
  const rows = keys.map(({ id, holder, wrapped, encryptions }) => ({
    id,
    holder,
    wrapped_by: wrapped.keyId,
    wrapped: wrapped.blob,
    encryptions,
  }));
  const stored = await em.execute<{ id: string }[]>(
    `insert into wrapped_key (id, holder, wrapped_by, wrapped, encryptions, created_at)
     select id, holder, wrapped_by, wrapped, encryptions, clock_timestamp()
     from jsonb_to_recordset(?::jsonb)
       as made (id uuid, holder text, wrapped_by text, wrapped jsonb, encryptions bigint)
     where not exists (select from retired_key where retired_key.id = made.wrapped_by)
     returning id`,
    [JSON.stringify(rows)],
  );
  if (stored.length < rows.length) {
    throw keysUnavailable(
      new Error(`the key ring of this server wraps with ${rows[0]?.wrapped_by}, which is retired: update it`),
    );
  }
}

/** Kept by the runtime where nothing of ours reads it, and out of our own buffer. */
async function importKey(id: string, bytes: Uint8Array): Promise<SealingKey> {
  const secret = await crypto.subtle.importKey("raw", new Uint8Array(bytes), "AES-GCM", false, ["encrypt", "decrypt"]);
  bytes.fill(0);
  return { id, secret };
}

function wrapContext(holder: string, id: string): string[] {
  return ["wrapped_key", holder, id];
}
