import { LockMode, raw } from "@mikro-orm/postgresql";
import { Account } from "./account.entity.ts";
import { tellingOf } from "./change-queries.ts";
import { Llm, type StoredSlot, type StoredTest } from "./llm.entity.ts";
import type { EntityManager } from "./store.ts";

/** The columns a list can be ordered by. */
export type LlmOrder = "createdAt" | "updatedAt" | "displayName" | "modelIdentifier";

/** Which Llms a list is about; an undefined filter does not filter. */
export interface LlmFilter {
  readonly ownerId: string | undefined;
  readonly providerType: string | undefined;
  readonly status: string | undefined;
  readonly modelState: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly search: string;
  /** Also what is deleted and not yet purged. */
  readonly showDeleted: boolean;
}

/** Where a page starts: behind the row with these values. */
export interface LlmPosition {
  readonly value: string;
  readonly id: string;
}

export interface LlmPage {
  readonly filter: LlmFilter;
  readonly order: LlmOrder;
  readonly descending: boolean;
  readonly after: LlmPosition | undefined;
  readonly limit: number;
}

const COLUMNS: Record<LlmOrder, { column: string; type: string }> = {
  createdAt: { column: "created_at", type: "timestamptz" },
  updatedAt: { column: "updated_at", type: "timestamptz" },
  displayName: { column: "display_name", type: "text" },
  modelIdentifier: { column: "model_identifier", type: "text" },
};

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
export function findLlms(em: EntityManager, ids: readonly string[], ownerId: string | undefined): Promise<Llm[]> {
  return em.find(Llm, { id: [...ids], deletedAt: null, ...ownedBy(ownerId) });
}

/** The same as findLlm, locked until the transaction ends: of two writers, the second sees what the first wrote. */
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

/** The same, locked only against being changed or deleted. */
export function holdLlm(em: EntityManager, id: string, ownerId: string | undefined): Promise<Llm | null> {
  return em.findOne(Llm, { ...live(id), ...ownedBy(ownerId) }, { lockMode: LockMode.PESSIMISTIC_READ });
}

/** The Llm of an owner that is the same connection as another would be. */
export function findByConnection(em: EntityManager, ownerId: string, connectionDigest: Buffer): Promise<Llm | null> {
  return em.findOne(Llm, { owner: ownerId, connectionDigest, deletedAt: null });
}

/**
 * One page, in an order that is total: equal values are ordered by id. What a page costs does not grow with its
 * number, because it is found by comparing rows and not by counting them.
 */
export function listLlms(em: EntityManager, { filter, order, descending, after, limit }: LlmPage): Promise<Llm[]> {
  const { column, type } = COLUMNS[order];
  const direction = descending ? "desc" : "asc";
  const query = queryOf(em, filter).select("*");
  if (after) {
    query.andWhere(`(llm.${column}, llm.id) ${descending ? "<" : ">"} (?::${type}, ?::uuid)`, [after.value, after.id]);
  }
  return query
    .orderBy([{ [order]: direction }, { id: direction }])
    .limit(limit)
    .getResultList();
}

/** How many there are, counted up to a limit: a count costs what is counted. */
export async function countLlms(em: EntityManager, filter: LlmFilter, limit: number): Promise<number> {
  const counted = queryOf(em, filter).select(raw("1")).limit(limit);
  const [row] = await em.execute<{ count: string }[]>("select count(*) as count from (?) counted", [raw(counted)]);
  return Number(row?.count);
}

function queryOf(em: EntityManager, filter: LlmFilter) {
  const query = em.createQueryBuilder(Llm, "llm");
  // The indexes hold either what is deleted or what is not: to use both, the query has to name both.
  query.andWhere(
    filter.showDeleted ? "(llm.deleted_at is null or llm.deleted_at is not null)" : "llm.deleted_at is null",
  );
  // Always true, see llm.entity.ts.
  if (filter.ownerId === undefined) query.andWhere("llm.revision > 0");
  else query.andWhere({ owner: filter.ownerId });
  if (filter.providerType !== undefined) query.andWhere({ providerType: filter.providerType });
  if (filter.status === "DISABLED") query.andWhere({ disabled: true });
  else if (filter.status !== undefined) query.andWhere({ status: filter.status, disabled: false });
  if (filter.modelState !== undefined) query.andWhere({ modelState: filter.modelState });
  if (Object.keys(filter.labels).length > 0) query.andWhere("llm.labels @> ?::jsonb", [JSON.stringify(filter.labels)]);
  if (filter.search !== "") query.andWhere("llm.search like ?", [patternOf(filter.search)]);
  return query;
}

/** Of fewer than three characters the index knows only the beginnings of words; anywhere else, all rows would be read. */
function patternOf(search: string): string {
  const escaped = search.toLowerCase().replace(/[\\%_]/g, "\\$&");
  return [...search].length < 3 ? `% ${escaped}%` : `%${escaped}%`;
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
export async function keepTest(em: EntityManager, llm: Llm, status: string, test: StoredTest): Promise<void> {
  await em.execute(
    `with changed as (
       update llm set status = ?, last_test = ?
       where id = ? and connection_digest = ? and credentials_version = ? returning id, owner_id
     ) ${tellingOf("changed")}`,
    [status, JSON.stringify(test), llm.id, llm.connectionDigest, llm.credentialsVersion, "llm", "status_changed"],
  );
}

/** Keeps the result of a test of pending credentials, unless they or the connection have changed since. */
export async function keepPendingTest(
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
     ) ${tellingOf("changed")}`,
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
     ) ${tellingOf("changed")}`,
    [llm.id, llm.credentialsVersion, "llm", "status_changed"],
  );
}

/** Takes that mark away from an Llm whose credentials open again, as they do once a lost key is back. */
export async function markReadable(em: EntityManager, llm: Readonly<Llm>): Promise<void> {
  await em.execute(
    `with changed as (
       update llm set status = 'UNTESTED' where id = ? and status = 'CREDENTIALS_UNREADABLE' returning id, owner_id
     ) ${tellingOf("changed")}`,
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

/** The same for all that an account has deleted, told as purged; answers with how many there were. */
export async function eraseDeletedOf(em: EntityManager, ownerId: string): Promise<number> {
  const told = await em.execute<unknown[]>(
    `with changed as (
       delete from llm where owner_id = ? and deleted_at is not null returning id, owner_id
     ) ${tellingOf("changed")}`,
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
