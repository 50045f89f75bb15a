import { type EntityManager, IsolationLevel } from "@mikro-orm/postgresql";
import type { KeySource } from "../../base/key-source.ts";
import { DataKeys, type WrappedRow, wrappedOf } from "./data-keys.ts";
import { lacksKey } from "./key-ring.ts";
import { inChunks, KEYS_AT_ONCE } from "./rotation.ts";
import { SEALED_COLUMNS, type SealedColumn } from "./sealed-columns.ts";
import { countByDataKey, findLost, scanSecrets } from "./sealed-rows.ts";
import { bindingOf, keyIdOf, open, Unreadable } from "./sealing.ts";

const BATCH_ROWS = 500;
const FIRST_ID = "00000000-0000-0000-0000-000000000000";

/** A data key, and what it is used for. */
export interface DataKeyUse {
  readonly id: string;
  readonly holder: string;
  readonly wrappedBy: string;
  readonly isSuperseded: boolean;
  readonly encryptions: number;
  readonly secrets: number;
}

/** Which keys there are and what depends on them, as far as that can be told without opening anything. */
export interface KeysStatus {
  readonly activeKeyId: string;
  /** Every key that wraps data keys, with how many. */
  readonly wrapping: ReadonlyMap<string, number>;
  readonly dataKeys: readonly DataKeyUse[];
  /** How many secrets name a data key that is not there. */
  readonly orphans: number;
}

export async function inspectKeys(em: EntityManager, provider: KeySource): Promise<KeysStatus> {
  const counts = new Map<string, number>();
  for (const column of SEALED_COLUMNS) {
    for (const [id, count] of await countByDataKey(em, column)) counts.set(id, (counts.get(id) ?? 0) + count);
  }
  const rows = await em.execute<(WrappedRow & { superseded_at: string | null; encryptions: string })[]>(
    "select id, holder, wrapped_by, superseded_at, encryptions from wrapped_key order by holder, created_at",
  );
  const dataKeys = rows.map(({ id, holder, wrapped_by: wrappedBy, superseded_at: supersededAt, encryptions }) => {
    const secrets = counts.get(id) ?? 0;
    counts.delete(id);
    return {
      id,
      holder,
      wrappedBy,
      isSuperseded: supersededAt !== null,
      encryptions: Number(encryptions),
      secrets,
    };
  });
  const wrapping = new Map<string, number>();
  for (const { wrappedBy } of dataKeys) wrapping.set(wrappedBy, (wrapping.get(wrappedBy) ?? 0) + 1);
  const orphans = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return { activeKeyId: await provider.activeKeyId(), wrapping, dataKeys, orphans };
}

/** What did not open, by id and never by content. */
export interface Defect {
  /** Such as `llm.credentials` or `data key`. */
  readonly what: string;
  readonly id: string;
  readonly why: "does not open" | "its key is missing" | "is lost";
}

export interface Verified {
  readonly dataKeys: number;
  readonly secrets: number;
  /** What there should have been: the same, unless something was passed over. */
  readonly counted: { readonly dataKeys: number; readonly secrets: number };
  readonly defects: readonly Defect[];
}

/** Opens everything, in one snapshot of the database: what servers write meanwhile is neither seen nor held up. */
export async function verifyAll(
  em: EntityManager,
  provider: KeySource,
  onProgress: (opened: number) => void,
): Promise<Verified> {
  const dataKeys = new DataKeys(provider);
  const defects: Defect[] = [];
  try {
    return await em.transactional(
      async (em) => {
        const wrapped = await verifyDataKeys(em, dataKeys, defects);
        let secrets = 0;
        let counted = 0;
        for (const column of SEALED_COLUMNS) {
          secrets += await verifyColumn(em, column, dataKeys, defects, (opened) => onProgress(secrets + opened));
          for (const count of (await countByDataKey(em, column)).values()) counted += count;
          for (const id of await findLost(em, column)) defects.push({ what: column.name, id, why: "is lost" });
        }
        const [{ count } = { count: "0" }] = await em.execute<{ count: string }[]>("select count(*) from wrapped_key");
        return { dataKeys: wrapped, secrets, counted: { dataKeys: Number(count), secrets: counted }, defects };
      },
      { isolationLevel: IsolationLevel.REPEATABLE_READ, readOnly: true },
    );
  } finally {
    dataKeys.close();
  }
}

async function verifyDataKeys(em: EntityManager, dataKeys: DataKeys, defects: Defect[]): Promise<number> {
  let seen = 0;
  for (let after = FIRST_ID; ; ) {
    const rows = await em.execute<WrappedRow[]>(
      `select id, holder, wrapped_by, wrapped from wrapped_key where id > ? order by id limit ${BATCH_ROWS}`,
      [after],
    );
    const reasons = await inChunks(rows, KEYS_AT_ONCE, (row) =>
      whyNot(async () => (await dataKeys.unwrap(row.id, row.holder, wrappedOf(row))).fill(0)),
    );
    for (const [index, why] of reasons.entries()) {
      if (why) defects.push({ what: "data key", id: rows[index]?.id ?? "", why });
    }
    seen += rows.length;
    const last = rows.at(-1)?.id;
    if (last === undefined) return seen;
    after = last;
  }
}

async function verifyColumn(
  em: EntityManager,
  column: SealedColumn,
  dataKeys: DataKeys,
  defects: Defect[],
  onProgress: (seen: number) => void,
): Promise<number> {
  let seen = 0;
  for (let after: string | undefined; ; ) {
    const rows = await scanSecrets(em, column, after, BATCH_ROWS);
    const reasons = await Promise.all(
      rows.map(({ place, sealed }) =>
        whyNot(async () => open(await dataKeys.find(em, keyIdOf(sealed) ?? ""), bindingOf(place), sealed)),
      ),
    );
    for (const [index, why] of reasons.entries()) {
      if (why) defects.push({ what: column.name, id: rows[index]?.id ?? "", why });
    }
    after = rows.at(-1)?.id;
    if (after === undefined) return seen;
    seen += rows.length;
    onProgress(seen);
  }
}

/** Undefined for what opens. */
async function whyNot(work: () => Promise<unknown>): Promise<Defect["why"] | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof Unreadable) return "does not open";
    if (lacksKey(error)) return "its key is missing";
    throw error;
  }
}
