import { setTimeout as sleep } from "node:timers/promises";
import type { EntityManager } from "@mikro-orm/postgresql";
import { StartError } from "../../base/fault.ts";
import type { KeySource } from "../../base/key-source.ts";
import { DataKeys, insertDataKeys, type WrappedRow, wrappedOf } from "./data-keys.ts";
import { lacksKey } from "./key-ring.ts";
import { SEALED_COLUMNS, type SealedColumn } from "./sealed-columns.ts";
import { countByDataKey, countByOwner, lockSecrets, replaceSecrets, scanHeaders } from "./sealed-rows.ts";
import { bindingOf, keyIdOf, open, seal, Unreadable } from "./sealing.ts";
import { INSTALLATION } from "./wrapped-key.entity.ts";

/** Rows that are locked, written and committed together. */
const BATCH_ROWS = 250;
/** Fewer, because for each a key management service is asked twice while they are locked. */
const BATCH_KEYS = 64;
const SCANNED_ROWS = 2_000;
/** Rows that others hold locked are tried again after this long, and given up when nothing moves for so many times. */
const LOCKED_PAUSE_MS = 100;
const MAX_IDLE_PASSES = 100;

/** What a rotation is made of. */
export interface RotationOptions {
  readonly fork: () => EntityManager;
  readonly provider: KeySource;
  /** Told after each batch: what is done, how often in this run, and of how many. */
  readonly onProgress: (step: "data keys re-wrapped" | "secrets re-sealed", done: number, total: number) => void;
}

/** What became of a number of data keys or secrets. */
export interface Changed {
  readonly changed: number;
  /** The ids of those that do not open, and were left as they are. */
  readonly unreadable: readonly string[];
}

/**
 * The steps of a rotation. Each does what is left to do, in batches that each are one transaction: stopped at any point
 * it has lost nothing, and goes on when it is started again. Servers may be at work meanwhile, and other rotations.
 */
export class Rotation {
  readonly #options: RotationOptions;
  readonly #dataKeys: DataKeys;

  constructor(options: RotationOptions) {
    this.#options = options;
    this.#dataKeys = new DataKeys(options.provider);
  }

  close(): void {
    this.#dataKeys.close();
  }

  /** Wraps with the active key every data key that another key wraps. */
  async rewrapDataKeys(): Promise<Changed> {
    const { fork, provider } = this.#options;
    const count = async () => {
      const sql = "select count(*) from wrapped_key where wrapped_by <> ?";
      return Number((await fork().execute<{ count: string }[]>(sql, [await provider.activeKeyId()]))[0]?.count);
    };
    return this.#untilDone("data keys re-wrapped", count, async (tally) => {
      // Asked in each pass: two rotations that each held on to their own would undo each other's work for ever.
      const active = await provider.activeKeyId();
      let after = "00000000-0000-0000-0000-000000000000";
      for (;;) {
        const last = await fork().transactional((em) => this.#rewrapBatch(em, active, after, tally));
        if (last === undefined) return;
        after = last;
      }
    });
  }

  /** Seals anew every secret whose data key is superseded. */
  async resealSecrets(): Promise<Changed> {
    const { fork } = this.#options;
    const rows = await fork().execute<{ id: string }[]>("select id from wrapped_key where superseded_at is not null");
    const superseded = new Set(rows.map(({ id }) => id));
    let total: Changed = { changed: 0, unreadable: [] };
    for (const column of superseded.size > 0 ? SEALED_COLUMNS : []) {
      const count = async () => {
        const counts = [...(await countByDataKey(fork(), column))];
        return counts.reduce((sum, [id, secrets]) => sum + (superseded.has(id) ? secrets : 0), 0);
      };
      const done = await this.#untilDone("secrets re-sealed", count, (tally) =>
        this.#resealColumn(column, superseded, tally),
      );
      total = { changed: total.changed + done.changed, unreadable: [...total.unreadable, ...done.unreadable] };
    }
    return total;
  }

  /** Gives every owner a new data key, all in one step: from then on it is known which secrets are to be sealed anew. */
  async supersedeDataKeys(): Promise<number> {
    const em = this.#options.fork();
    const holders = await em.execute<{ holder: string }[]>(
      "select distinct holder from wrapped_key where superseded_at is null and holder <> ?",
      [INSTALLATION],
    );
    const counts = await Promise.all(SEALED_COLUMNS.map((column) => countByOwner(em.fork(), column)));
    const made = await inChunks(holders, KEYS_AT_ONCE, ({ holder }) => {
      // Twice, because a rotation that is stopped in a batch has encrypted it, and does so again.
      const secrets = counts.reduce((sum, count) => sum + (count.get(holder) ?? 0), 0);
      return this.#dataKeys.make(holder, 2 * secrets);
    });
    await em.transactional(async (em) => {
      await em.execute(
        `update wrapped_key set superseded_at = now() where superseded_at is null
         and holder in (select jsonb_array_elements_text(?::jsonb))`,
        [JSON.stringify(holders.map(({ holder }) => holder))],
      );
      for (let start = 0; start < made.length; start += SCANNED_ROWS) {
        const keys = made.slice(start, start + SCANNED_ROWS).map(({ bytes, ...key }) => {
          bytes.fill(0);
          return key;
        });
        await insertDataKeys(em, keys);
      }
    });
    return made.length;
  }

  /** Passes over all there is, until nothing is left that could be done: what others had locked comes in a later one. */
  async #untilDone(
    step: Parameters<RotationOptions["onProgress"]>[0],
    count: () => Promise<number>,
    pass: (tally: Tally) => Promise<void>,
  ): Promise<Changed> {
    const total = await count();
    const tally = new Tally((done) => this.#options.onProgress(step, done, total));
    let left = total;
    for (let idle = 0; left > tally.unreadable.size; ) {
      const before = tally.changed;
      await pass(tally);
      left = await count();
      if (left <= tally.unreadable.size) break;
      idle = tally.changed === before ? idle + 1 : 0;
      if (idle > MAX_IDLE_PASSES) {
        throw new StartError(`${left} of ${total} rows are held by other transactions. Run the same command again.`);
      }
      await sleep(LOCKED_PAUSE_MS);
    }
    return { changed: tally.changed, unreadable: [...tally.unreadable] };
  }

  async #rewrapBatch(em: EntityManager, active: string, after: string, tally: Tally): Promise<string | undefined> {
    const rows = await em.execute<WrappedRow[]>(
      `select id, holder, wrapped_by, wrapped from wrapped_key where wrapped_by <> ? and id > ?
       order by id limit ${BATCH_KEYS} for update skip locked`,
      [active, after],
    );
    const wrapped = await inChunks(rows, KEYS_AT_ONCE, (row) =>
      tally.attempt(row.id, () => this.#dataKeys.rewrap(row.id, row.holder, wrappedOf(row))),
    );
    const changed = rows.flatMap(({ id }, index) => {
      const { keyId, blob } = wrapped[index] ?? {};
      return keyId === undefined ? [] : [{ id, wrapped_by: keyId, wrapped: blob }];
    });
    await em.execute(
      `update wrapped_key set wrapped_by = changed.wrapped_by, wrapped = changed.wrapped
       from jsonb_to_recordset(?::jsonb) as changed (id uuid, wrapped_by text, wrapped jsonb)
       where wrapped_key.id = changed.id`,
      [JSON.stringify(changed)],
    );
    tally.add(changed.length);
    return rows.at(-1)?.id;
  }

  async #resealColumn(column: SealedColumn, superseded: ReadonlySet<string>, tally: Tally): Promise<void> {
    const { fork } = this.#options;
    const isDue = (keyId: string | undefined) => keyId !== undefined && superseded.has(keyId);
    for (let after: string | undefined; ; ) {
      const headers = await scanHeaders(fork(), column, after, SCANNED_ROWS);
      const due = headers.filter(({ keyId }) => isDue(keyId)).map(({ id }) => id);
      for (let start = 0; start < due.length; start += BATCH_ROWS) {
        const ids = due.slice(start, start + BATCH_ROWS);
        const changed = await fork().transactional((em) => this.#resealBatch(em, column, ids, isDue, tally));
        tally.add(changed);
      }
      after = headers.at(-1)?.id;
      if (after === undefined) return;
    }
  }

  async #resealBatch(
    em: EntityManager,
    column: SealedColumn,
    ids: readonly string[],
    isDue: (keyId: string | undefined) => boolean,
    tally: Tally,
  ): Promise<number> {
    // As they are now that they are locked: an update may have come between.
    const rows = (await lockSecrets(em, column, ids)).filter(({ sealed }) => isDue(keyIdOf(sealed)));
    const owners = new Set(rows.map(({ place }) => place.ownerId));
    const newest = await this.#dataKeys.newestOf(em, [...owners]);
    const resealed = await Promise.all(
      rows.map(({ id, place, sealed }) =>
        tally.attempt(id, async () => {
          const newestId = newest.get(place.ownerId);
          if (!newestId) throw new Unreadable(`owner ${place.ownerId} has no data key`);
          const plaintext = await open(await this.#dataKeys.find(em, keyIdOf(sealed) ?? ""), bindingOf(place), sealed);
          const key = await this.#dataKeys.find(em, newestId);
          return { id, sealed: await seal(key, bindingOf(place), plaintext) };
        }),
      ),
    );
    const changed = resealed.filter((row) => row !== undefined);
    await replaceSecrets(em, column, changed);
    return changed.length;
  }
}

/** What a step has done so far. */
class Tally {
  changed = 0;
  readonly unreadable = new Set<string>();
  readonly #onChange: (changed: number) => void;

  constructor(onChange: (changed: number) => void) {
    this.#onChange = onChange;
  }

  add(count: number): void {
    if (count === 0) return;
    this.changed += count;
    this.#onChange(this.changed);
  }

  /** Undefined for what does not open. */
  async attempt<Result>(id: string, work: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Unreadable || lacksKey(error))) throw error;
      this.unreadable.add(id);
      return undefined;
    }
  }
}

/** What a rotation did. */
export interface Rotated {
  /** Whether it finished an earlier one, and began none of its own. */
  readonly isResumed: boolean;
  /** Undefined: no key was added. */
  readonly newKeyId: string | undefined;
  readonly newDataKeys: number;
  readonly rewrapped: Changed;
  readonly resealed: Changed;
}

/**
 * Finishes what an earlier rotation left, or what a new first key or version asks for. If there was nothing of that, it
 * adds a key by `addKey`, where keys can be added, and wraps the data keys with it.
 */
export async function rotate(
  rotation: Rotation,
  { addKey, dataKeys }: { addKey: (() => Promise<string>) | undefined; dataKeys: boolean },
): Promise<Rotated> {
  let rewrapped = await rotation.rewrapDataKeys();
  let resealed = await rotation.resealSecrets();
  const isResumed = rewrapped.changed + resealed.changed > 0;
  const newKeyId = isResumed ? undefined : await addKey?.();
  if (newKeyId !== undefined) rewrapped = await rotation.rewrapDataKeys();
  const newDataKeys = dataKeys && resealed.changed === 0 ? await rotation.supersedeDataKeys() : 0;
  if (newDataKeys > 0) resealed = await rotation.resealSecrets();
  return { isResumed, newKeyId, newDataKeys, rewrapped, resealed };
}

/** How often a key management service is asked at once. */
export const KEYS_AT_ONCE = 16;

/** Works on so many at once; the results are in the order of the items. */
export async function inChunks<Item, Result>(
  items: readonly Item[],
  size: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += size) {
    results.push(...(await Promise.all(items.slice(start, start + size).map(work))));
  }
  return results;
}
