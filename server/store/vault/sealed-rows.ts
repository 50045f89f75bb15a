import type { EntityManager } from "@mikro-orm/postgresql";
import type { SealedColumn } from "./sealed-columns.ts";
import type { Place } from "./sealing.ts";
import { keyIdOf, type SealedSecret } from "./sealing.ts";

/** A sealed secret and where it is. */
export interface SealedRow {
  readonly id: string;
  readonly place: Place;
  readonly sealed: SealedSecret;
}

interface RawRow {
  readonly id: string;
  readonly owner: string;
  readonly version: number;
  readonly endpoint: string;
  readonly sealed: SealedSecret;
}

/** How many secrets of a column each data key seals. Counted by header, which is the same for the same key. */
export async function countByDataKey(em: EntityManager, column: SealedColumn): Promise<Map<string, number>> {
  const { table, sealed } = column;
  const groups = await em.execute<{ header: string | null; count: string }[]>(
    `select ${sealed}->>'protected' as header, count(*) from ${table} where ${sealed} is not null group by 1`,
  );
  const counts = new Map<string, number>();
  for (const { header, count } of groups) {
    const id = keyIdOf({ protected: header }) ?? "none";
    counts.set(id, (counts.get(id) ?? 0) + Number(count));
  }
  return counts;
}

/** How many secrets of a column each owner has. */
export async function countByOwner(em: EntityManager, column: SealedColumn): Promise<Map<string, number>> {
  const { table, owner, sealed } = column;
  const groups = await em.execute<{ owner: string; count: string }[]>(
    `select ${owner}::text as owner, count(*) from ${table} where ${sealed} is not null group by 1`,
  );
  return new Map(groups.map(({ owner, count }) => [owner, Number(count)]));
}

/** The next secrets in the order of their ids, which name their data key, behind a row or from the start. */
export async function scanHeaders(
  em: EntityManager,
  { table, id, sealed }: SealedColumn,
  after: string | undefined,
  limit: number,
): Promise<{ id: string; keyId: string | undefined }[]> {
  const rows = await em.execute<{ id: string; header: string | null }[]>(
    `select ${id}::text as id, ${sealed}->>'protected' as header from ${table}
     where ${sealed} is not null ${after === undefined ? "" : `and ${id} > ?`} order by ${table}.${id} limit ${limit}`,
    after === undefined ? [] : [after],
  );
  return rows.map(({ id, header }) => ({ id, keyId: keyIdOf({ protected: header }) }));
}

/** The next secrets themselves, in the same order. */
export async function scanSecrets(
  em: EntityManager,
  column: SealedColumn,
  after: string | undefined,
  limit: number,
): Promise<SealedRow[]> {
  const { id, sealed } = column;
  const rows = await em.execute<RawRow[]>(
    `${selectFrom(column)} where ${sealed} is not null ${after === undefined ? "" : `and ${id} > ?`}
     order by sealed_row.${id} limit ${limit}`,
    after === undefined ? [] : [after],
  );
  return rows.map((row) => readRow(column, row));
}

/** Those of some secrets that nobody else has locked, now locked until the transaction ends. */
export async function lockSecrets(
  em: EntityManager,
  column: SealedColumn,
  ids: readonly string[],
): Promise<SealedRow[]> {
  const { id, sealed } = column;
  const rows = await em.execute<RawRow[]>(
    `${selectFrom(column)} where sealed_row.${id}::text in (select jsonb_array_elements_text(?::jsonb))
     and ${sealed} is not null for update skip locked`,
    [JSON.stringify(ids)],
  );
  return rows.map((row) => readRow(column, row));
}

/** Writes sealed secrets back, and touches no other column. */
export async function replaceSecrets(
  em: EntityManager,
  { table, id, sealed }: SealedColumn,
  rows: readonly { id: string; sealed: SealedSecret }[],
): Promise<void> {
  await em.execute(
    `update ${table} set ${sealed} = changed.sealed
     from jsonb_to_recordset(?::jsonb) as changed (id text, sealed jsonb) where ${table}.${id}::text = changed.id`,
    [JSON.stringify(rows)],
  );
}

/** The rows of a column that must have a secret and have none. */
export async function findLost(em: EntityManager, { table, id, sealed, expected }: SealedColumn): Promise<string[]> {
  const rows = await em.execute<{ id: string }[]>(
    `select ${id}::text as id from ${table} as sealed_row where ${sealed} is null and ${expected} order by 1`,
  );
  return rows.map(({ id }) => id);
}

function selectFrom({ table, id, owner, version, endpoint, sealed }: SealedColumn): string {
  return `select ${id}::text as id, ${owner}::text as owner, ${version} as version, ${endpoint} as endpoint,
    ${sealed} as sealed from ${table} as sealed_row`;
}

function readRow({ name }: SealedColumn, { id, owner, version, endpoint, sealed }: RawRow): SealedRow {
  return { id, sealed, place: { column: name, ownerId: owner, rowId: id, version, endpoint } };
}
