import { LockMode } from "@mikro-orm/postgresql";
import { Account } from "./account.entity.ts";
import { Llm, type StoredSlot, type StoredTest } from "./llm.entity.ts";
import type { EntityManager } from "./store.ts";

/** The columns a list can be ordered by. */
export type LlmOrder = "createdAt" | "updatedAt" | "displayName" | "modelIdentifier";

/** Which Llms a list is about; an undefined filter does not filter. */
export interface LlmFilter {
  readonly ownerId: string | undefined;
  readonly providerType: string | undefined;
  readonly status: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly search: string;
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

/** An Llm, if it is that owner's or the owner is left open; sealed credentials only when asked for. */
export function findLlm(
  em: EntityManager,
  id: string,
  ownerId: string | undefined,
  { withCredentials = false } = {},
): Promise<Llm | null> {
  const where = ownerId === undefined ? { id } : { id, owner: ownerId };
  return em.findOne(Llm, where, withCredentials ? { populate: SEALED } : {});
}

/** The same, locked until the transaction ends: of two writers, the second sees what the first wrote. */
export function lockLlm(
  em: EntityManager,
  id: string,
  ownerId: string | undefined,
  { withCredentials = false } = {},
): Promise<Llm | null> {
  const where = ownerId === undefined ? { id } : { id, owner: ownerId };
  const lockMode = LockMode.PESSIMISTIC_WRITE;
  return em.findOne(Llm, where, withCredentials ? { lockMode, populate: SEALED } : { lockMode });
}

/** The Llm of an owner that is the same connection as another would be. */
export function findByConnection(em: EntityManager, ownerId: string, connectionDigest: Buffer): Promise<Llm | null> {
  return em.findOne(Llm, { owner: ownerId, connectionDigest });
}

/**
 * One page, in an order that is total: equal values are ordered by id. What a page costs does not grow with its
 * number, because it is found by comparing rows and not by counting them.
 */
export function listLlms(em: EntityManager, { filter, order, descending, after, limit }: LlmPage): Promise<Llm[]> {
  const { column, type } = COLUMNS[order];
  const direction = descending ? "desc" : "asc";
  const query = em.createQueryBuilder(Llm, "llm").select("*");
  if (filter.ownerId !== undefined) query.andWhere({ owner: filter.ownerId });
  if (filter.providerType !== undefined) query.andWhere({ providerType: filter.providerType });
  if (filter.status !== undefined) query.andWhere({ status: filter.status });
  if (Object.keys(filter.labels).length > 0) query.andWhere("llm.labels @> ?::jsonb", [JSON.stringify(filter.labels)]);
  if (filter.search !== "") query.andWhere("llm.search like ?", [`%${escapeLike(filter.search.toLowerCase())}%`]);
  if (after) {
    query.andWhere(`(llm.${column}, llm.id) ${descending ? "<" : ">"} (?::${type}, ?::uuid)`, [after.value, after.id]);
  }
  return query
    .orderBy([{ [order]: direction }, { id: direction }])
    .limit(limit)
    .getResultList();
}

/** Makes an Llm the default of its owner. Writers of the same account wait for each other; none fails. */
export async function pointDefaultAt(em: EntityManager, llm: Llm): Promise<void> {
  await em.nativeUpdate(Account, { id: llm.owner }, { defaultLlm: llm.id });
}

/** Keeps the result of a test, unless the connection has changed since; this is no change by the owner. */
export async function keepTest(em: EntityManager, llm: Llm, status: string, test: StoredTest): Promise<void> {
  await em.execute("update llm set status = ?, last_test = ? where id = ? and connection_digest = ?", [
    status,
    JSON.stringify(test),
    llm.id,
    llm.connectionDigest,
  ]);
}

/** Keeps the result of a test of pending credentials, unless they or the connection have changed since. */
export async function keepPendingTest(
  em: EntityManager,
  llm: Llm,
  version: number,
  tested: Pick<StoredSlot, "test" | "testedDigest">,
): Promise<void> {
  await em.execute(
    `update llm set pending_credentials = pending_credentials || ?::jsonb
     where id = ? and connection_digest = ? and (pending_credentials ->> 'version')::int = ?`,
    [JSON.stringify(tested), llm.id, llm.connectionDigest, version],
  );
}

/** Marks an Llm whose credentials do not open, unless it has other ones since; this is no change by the owner. */
export async function markUnreadable(em: EntityManager, llm: Readonly<Llm>): Promise<void> {
  await em.execute("update llm set status = 'CREDENTIALS_UNREADABLE' where id = ? and credentials_version = ?", [
    llm.id,
    llm.credentialsVersion,
  ]);
}

/** Takes that mark away from an Llm whose credentials open again, as they do once a lost key is back. */
export async function markReadable(em: EntityManager, llm: Readonly<Llm>): Promise<void> {
  await em.execute("update llm set status = 'UNTESTED' where id = ? and status = 'CREDENTIALS_UNREADABLE'", [llm.id]);
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, "\\$&");
}
