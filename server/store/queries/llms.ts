import { type EntityManager, LockMode } from "@mikro-orm/postgresql";
import { Account } from "../schema/account.entity.ts";
import { Llm, type StoredSlot, type StoredTest } from "../schema/llm.entity.ts";
import type { RowReader } from "../sql/rows.ts";
import { executePrepared, insertColumns } from "../sql/statements.ts";
import { auditedChangeSql, changeSql } from "./changes.ts";

const SEALED = ["sealedCredentials", "sealedPendingCredentials", "sealedPreviousCredentials"] as const;

/** An Llm, if it is that owner's or the owner is left open; sealed credentials, and what is deleted, only when asked for. */
export function findLlm(
  em: EntityManager,
  id: string,
  ownerId: string | undefined,
  { withCredentials = false, withDeleted = false } = {},
): Promise<Llm | null> {
  const where = { ...(withDeleted ? { id } : live(id)), ...ownedBy(ownerId) };
  return em.findOne(Llm, where, withCredentials ? { populate: SEALED } : {});
}

/** Those of some Llms that are that owner's, or anybody's if the owner is left open; in any order. */
export function findLlms(
  rows: RowReader,
  ids: readonly string[],
  ownerId: string | undefined,
): Promise<Readonly<Llm>[]> {
  const text = "where llm.id = any($1) and ($2::uuid is null or llm.owner_id = $2) and llm.deleted_at is null";
  return rows.select(Llm, { text, values: [ids, ownerId] });
}

/** What `findLlm` finds, locked until the transaction ends: of two writers, the second sees what the first wrote. */
export function lockLlm(
  em: EntityManager,
  id: string,
  ownerId: string | undefined,
  { withCredentials = false } = {},
): Promise<Llm | null> {
  const lockMode = LockMode.PESSIMISTIC_WRITE;
  const where = { ...live(id), ...ownedBy(ownerId) };
  return em.findOne(Llm, where, withCredentials ? { lockMode, populate: SEALED } : { lockMode });
}

/** An Llm that is not deleted, held until the transaction ends against being changed or deleted. */
export function holdLlm(em: EntityManager, id: string, ownerId: string | undefined): Promise<Llm | null> {
  return em.findOne(Llm, { ...live(id), ...ownedBy(ownerId) }, { lockMode: LockMode.PESSIMISTIC_READ });
}

/** The Llm of an owner that is the same connection as another would be. */
export function findByConnection(em: EntityManager, ownerId: string, connectionDigest: Buffer): Promise<Llm | null> {
  return em.findOne(Llm, { owner: ownerId, connectionDigest, deletedAt: null });
}

/**
 * Inserts an Llm, has it checked if it wants to be, tells those who watch, and writes the record into the audit log of its
 * owner: all in one statement, of which nothing stays if any of it fails.
 *
 * The foreign key would lock the owner at the end of the statement, and the trigger take the alias. Both are had before the
 * audit log is locked, as by those who change an account or an alias: otherwise they and this one could wait for each other.
 */
export async function insertLlm(em: EntityManager, llm: Llm, record: string): Promise<void> {
  const { columns, values } = insertColumns(em, Llm, llm);
  // The trigger finds the alias taken by its own Llm, and takes it again.
  const named = `, named as (
       insert into alias (owner_id, name, llm_id) select owner_id, alias, id from inserted returning llm_id
     )`;
  const isNamed = llm.alias !== "";
  await executePrepared(
    em,
    `with inserted as (
       insert into llm (${columns.join(", ")}) values (${columns.map(() => "?").join(", ")})
       returning id, owner_id, alias, check_interval_seconds
     )${isNamed ? named : ""}, changed as (
       select inserted.* from inserted ${isNamed ? "join named on llm_id = id" : ""}
       join account on account.id = owner_id for key share of account
     ), scheduled as (
       insert into llm_check (llm_id, next_check_at) select id, now() from changed where check_interval_seconds > 0
     ) ${auditedChangeSql("changed")}`,
    [...values, "llm", "created", record],
  );
}

/** Makes an Llm the default of its owner. Writers of the same account wait for each other; none fails. */
export async function pointDefaultAt(em: EntityManager, llm: Llm): Promise<void> {
  await em.nativeUpdate(Account, { id: llm.owner }, { defaultLlm: llm.id });
}

/** Takes the default from an account, if it is this Llm. */
export async function dropDefault(em: EntityManager, llm: Llm): Promise<void> {
  await em.nativeUpdate(Account, { id: llm.owner, defaultLlm: llm.id }, { defaultLlm: null });
}

/** Keeps the result of a test, unless the connection has changed since; this is no change by the owner. */
export async function saveTest(em: EntityManager, llm: Llm, status: string, test: StoredTest): Promise<void> {
  await em.execute(
    `with changed as (
       update llm set status = ?, last_test = ?
       where id = ? and connection_digest = ? and credentials_version = ? returning id, owner_id
     ) ${changeSql("changed")}`,
    [status, JSON.stringify(test), llm.id, llm.connectionDigest, llm.credentialsVersion, "llm", "status_changed"],
  );
}

/** Keeps the result of a test of pending credentials, unless they or the connection have changed since. */
export async function savePendingTest(
  em: EntityManager,
  llm: Llm,
  version: number,
  tested: Pick<StoredSlot, "test" | "testedDigest">,
): Promise<void> {
  await em.execute(
    `with changed as (
       update llm set pending_credentials = pending_credentials || ?::jsonb
       where id = ? and connection_digest = ? and (pending_credentials ->> 'version')::int = ?
       returning id, owner_id
     ) ${changeSql("changed")}`,
    [JSON.stringify(tested), llm.id, llm.connectionDigest, version, "llm", "status_changed"],
  );
}

/** Marks an Llm whose credentials do not open, unless it has other ones since; this is no change by the owner. */
export async function markUnreadable(em: EntityManager, llm: Readonly<Llm>): Promise<void> {
  await em.execute(
    `with changed as (
       update llm set status = 'CREDENTIALS_UNREADABLE'
       where id = ? and credentials_version = ? and status <> 'CREDENTIALS_UNREADABLE'
       returning id, owner_id
     ) ${changeSql("changed")}`,
    [llm.id, llm.credentialsVersion, "llm", "status_changed"],
  );
}

/** Takes that mark away from an Llm whose credentials open again, as they do once a lost key is back. */
export async function markReadable(em: EntityManager, llm: Readonly<Llm>): Promise<void> {
  await em.execute(
    `with changed as (
       update llm set status = 'UNTESTED' where id = ? and status = 'CREDENTIALS_UNREADABLE' returning id, owner_id
     ) ${changeSql("changed")}`,
    [llm.id, "llm", "status_changed"],
  );
}

/**
 * Some of the Llms that were deleted before a time, the longest first, locked; those that others have locked are left to
 * them.
 */
export function lockDeleted(em: EntityManager, before: Date, limit: number): Promise<Llm[]> {
  return em.find(
    Llm,
    { deletedAt: { $lt: before } },
    { orderBy: { deletedAt: "asc" }, limit, lockMode: LockMode.PESSIMISTIC_PARTIAL_WRITE },
  );
}

/** An Llm that is deleted and was so after a time, locked. */
export function lockDeletedLlm(
  em: EntityManager,
  id: string,
  ownerId: string | undefined,
  after: Date,
): Promise<Llm | null> {
  const where = { id, deletedAt: { $gt: after }, ...ownedBy(ownerId) };
  return em.findOne(Llm, where, { lockMode: LockMode.PESSIMISTIC_WRITE });
}

/** Removes Llms for good, and what was sealed in them. */
export async function eraseLlms(em: EntityManager, llms: readonly Llm[]): Promise<void> {
  await em.nativeDelete(Llm, { id: llms.map(({ id }) => id) });
}

/** Erases all Llms that an account has deleted, told as purged; answers with how many there were. */
export async function eraseDeletedOf(em: EntityManager, ownerId: string): Promise<number> {
  const told = await em.execute<unknown[]>(
    `with changed as (
       delete from llm where owner_id = ? and deleted_at is not null returning id, owner_id
     ) ${changeSql("changed")}`,
    [ownerId, "llm", "purged"],
  );
  return told.length;
}

function live(id: string) {
  return { id, deletedAt: null };
}

function ownedBy(ownerId: string | undefined) {
  return ownerId === undefined ? {} : { owner: ownerId };
}

/** The columns of an Llm that say what is known of its model. */
export type KnownModel = Pick<
  Llm,
  "modelState" | "model" | "capabilities" | "maxContextLength" | "supportedModalities" | "supportsWebSearch"
>;

/** Keeps what is known of the model of an Llm that is locked; this is no change by the owner. */
export async function keepModel(em: EntityManager, id: string, known: KnownModel): Promise<void> {
  const { modelState, model, capabilities, maxContextLength, supportedModalities, supportsWebSearch } = known;
  await em.execute(
    `update llm set model_state = ?, model = ?, capabilities = ?, max_context_length = ?, supported_modalities = ?,
       supports_web_search = ? where id = ?`,
    [
      modelState,
      JSON.stringify(model),
      JSON.stringify(capabilities),
      maxContextLength,
      `{${supportedModalities.join(",")}}`,
      supportsWebSearch,
      id,
    ],
  );
}
