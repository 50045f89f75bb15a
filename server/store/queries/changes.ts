import type { EntityManager } from "@mikro-orm/postgresql";
import { executePrepared } from "../sql/statements.ts";

const PLACED_AT_ONCE = 1_000;

/** What happens to a resource. */
export interface ChangeDraft {
  readonly noun: string;
  readonly resourceId: string;
  readonly ownerId: string;
  readonly kind: string;
}

/** What happened to a resource, in its place among all that happened. */
export interface PlacedChange extends ChangeDraft {
  readonly position: number;
  readonly happenedAt: Date;
}

/** Which changes, of all owners or of one. */
export interface ChangeFilter {
  readonly noun: string;
  readonly ownerId: string | undefined;
}

/** Changes behind a position, and how far changes reach in the moment in which they were read. */
export interface ChangesRead {
  readonly changes: readonly PlacedChange[];
  /** The last position that was given. */
  readonly head: number;
  /** The last position whose change is no longer kept. */
  readonly forgotten: number;
}

/**
 * Writes down a change, in the transaction that makes it and while that holds the lock of the changed row: so the
 * changes of one resource are in their order. All servers are told when the transaction commits.
 */
export async function appendChange(em: EntityManager, { noun, resourceId, ownerId, kind }: ChangeDraft): Promise<void> {
  await executePrepared(em, `with ${ONE_CHANGED} ${changeSql("changed")}`, [resourceId, ownerId, noun, kind]);
}

/** Appends a change, and its record to the audit log of the owner. To be called last, as `appendAuditEvent` is. */
export async function appendAuditedChange(
  em: EntityManager,
  { noun, resourceId, ownerId, kind }: ChangeDraft,
  record: string,
): Promise<void> {
  const values = [resourceId, ownerId, noun, kind, record];
  await executePrepared(em, `with ${ONE_CHANGED} ${auditedChangeSql("changed")}`, values);
}

/**
 * The end of a statement that changes rows and names them `changed (id, owner_id)`: it writes the changes down. Its
 * values are the noun and the kind.
 */
export function changeSql(changed: string): string {
  return `${writingOf(changed)} select ${NOTIFY} from told`;
}

/** Like `changeSql`; with the record as a third value it goes into the audit log, too: after everything else, as that is a lock. */
export function auditedChangeSql(changed: string): string {
  return `${writingOf(changed)} select ${NOTIFY}, append_audit_event(owner_id, ?) from told`;
}

const ONE_CHANGED = "changed as (select ?::uuid as id, ?::uuid as owner_id)";
const NOTIFY = "pg_notify('row_change', 'change:' || id)";

function writingOf(changed: string): string {
  return `, told as (
      insert into change (owner_id, noun, resource_id, kind, happened_at)
        select owner_id, ?, id, ?, clock_timestamp() from ${changed}
      returning id, owner_id
    )`;
}

/**
 * Gives positions to changes that have none: all that are visible, in the order in which they were made. It is done by
 * one server at a time and after they were committed, so that no position ever appears below one that was read: ids are
 * given before, and appear in any order.
 */
export async function placeChanges(em: EntityManager): Promise<void> {
  for (;;) {
    const [found] = await em.execute<{ waiting: boolean }[]>(
      "select exists (select from change where position is null) as waiting",
    );
    if (!found?.waiting) return;
    await em.transactional(async (em) => {
      await em.execute("select from change_head where id = 1 for update");
      // A statement of its own: only so it sees what was placed while the lock was waited for.
      await em.execute(
        `with unplaced as (
           select id, row_number() over (order by id) as number from change
           where position is null order by id limit ?
         ), placed as (
           update change set position = head.position + unplaced.number
           from unplaced, change_head as head where change.id = unplaced.id and head.id = 1
           returning change.id
         )
         update change_head set position = position + (select count(*) from placed) where id = 1`,
        [PLACED_AT_ONCE],
      );
    });
  }
}

/** Changes behind a position, in their order. */
export async function changesAfter(
  em: EntityManager,
  { noun, ownerId }: ChangeFilter,
  position: number,
  limit: number,
): Promise<ChangesRead> {
  const rows = await em.execute<Row[]>(
    `select head.position as head, head.forgotten, change.* from change_head as head left join lateral (
       select position, owner_id, noun, resource_id, kind, happened_at from change
       where position > ? and noun = ? ${ownerId === undefined ? "" : "and owner_id = ?"}
       order by position limit ?
     ) change on true
     where head.id = 1 order by change.position`,
    [position, noun, ...(ownerId === undefined ? [] : [ownerId]), limit],
  );
  return {
    changes: rows.flatMap((row) => (row.position === null ? [] : [readRow({ ...row, position: row.position })])),
    head: Number(rows[0]?.head),
    forgotten: Number(rows[0]?.forgotten),
  };
}

/** The last position that was given, and who owns what changed behind another one. */
export async function ownersAfter(
  em: EntityManager,
  position: number,
): Promise<{ head: number; owners: ReadonlySet<string> }> {
  const rows = await em.execute<{ head: string; owner_id: string | null }[]>(
    `select head.position as head, change.owner_id from change_head as head
     left join lateral (select distinct owner_id from change where position > ?) change on true where head.id = 1`,
    [position],
  );
  return { head: Number(rows[0]?.head), owners: new Set(rows.flatMap(({ owner_id }) => owner_id ?? [])) };
}

/**
 * Forgets some changes that are older than a time, the oldest first; tells how many. Of those that are in no partition of
 * their day: the others go with it.
 */
export async function forgetChanges(em: EntityManager, before: Date, limit: number): Promise<number> {
  const [first] = await em.execute<{ exists: boolean }[]>("select to_regclass('change_first') is not null as exists");
  if (!first?.exists) return 0;
  const rows = await em.execute<{ count: string }[]>(
    `with oldest as (
       select id, position, happened_at from change_first where position is not null order by position limit ?
     ), gone as (
       delete from change_first as change using oldest
       where change.id = oldest.id and change.happened_at = oldest.happened_at and oldest.happened_at < ? returning oldest.position
     ), noted as (
       update change_head set forgotten = greatest(forgotten, (select max(position) from gone))
       where id = 1 and exists (select from gone)
     )
     select count(*) as count from gone`,
    [limit, before],
  );
  return Number(rows[0]?.count);
}

interface Row {
  readonly head: string;
  readonly forgotten: string;
  readonly position: string | null;
  readonly owner_id: string;
  readonly noun: string;
  readonly resource_id: string;
  readonly kind: string;
  readonly happened_at: Date | string;
}

function readRow(row: Row & { position: string }): PlacedChange {
  return {
    position: Number(row.position),
    ownerId: row.owner_id,
    noun: row.noun,
    resourceId: row.resource_id,
    kind: row.kind,
    happenedAt: new Date(row.happened_at),
  };
}
