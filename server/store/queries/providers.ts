import { type EntityManager, LockMode } from "@mikro-orm/postgresql";
import { Llm, type StoredTest } from "../schema/llm.entity.ts";
import { Provider } from "../schema/provider.entity.ts";
import { Conditions, keysetOf, type OrderColumn } from "../sql/conditions.ts";
import type { RowReader } from "../sql/rows.ts";
import { changeSql } from "./changes.ts";

/** Which Provider: by its id, of that owner or of anybody if the owner is left open; or by its name among its owner's. */
export type ProviderKey =
  | { readonly id: string; readonly ownerId: string | undefined }
  | { readonly name: string; readonly ownerId: string };

/** The columns a list can be ordered by. */
export type ProviderOrder = "createdAt" | "updatedAt" | "name" | "displayName" | "endpointUrl" | "number";

/** Which Providers a list is about; an undefined filter does not filter. */
export interface ProviderFilter {
  readonly ownerId: string | undefined;
  readonly providerType: string | undefined;
  readonly search: string;
}

export interface ProviderPage {
  readonly filter: ProviderFilter;
  readonly order: ProviderOrder;
  readonly descending: boolean;
  /** The page starts behind the row with these values. */
  readonly after: { readonly value: string; readonly id: string } | undefined;
  /** And leaves out so many more. */
  readonly offset: number;
  readonly limit: number;
}

const COLUMNS: Record<ProviderOrder, OrderColumn> = {
  createdAt: { column: "created_at", type: "timestamptz" },
  updatedAt: { column: "updated_at", type: "timestamptz" },
  name: { column: "name", type: "text" },
  displayName: { column: "display_name", type: "text" },
  endpointUrl: { column: "endpoint_url", type: "text" },
  number: { column: "number", type: "int" },
};

/** Sealed credentials come with it only when asked for. */
export function findProvider(
  em: EntityManager,
  key: ProviderKey,
  { withCredentials = false } = {},
): Promise<Provider | null> {
  return em.findOne(Provider, whereOf(key), withCredentials ? { populate: ["sealedCredentials"] } : {});
}

/** A Provider, locked until the transaction ends: nobody else changes, deletes or begins to use it. */
export function lockProvider(em: EntityManager, key: ProviderKey): Promise<Provider | null> {
  return em.findOne(Provider, whereOf(key), { lockMode: LockMode.PESSIMISTIC_WRITE });
}

/** A Provider, held against being changed or deleted. Whoever locks an Llm too does so after this. */
export function holdProvider(em: EntityManager, key: ProviderKey): Promise<Provider | null> {
  return em.findOne(Provider, whereOf(key), { lockMode: LockMode.PESSIMISTIC_READ, refresh: true });
}

/** One page, in an order that is total. */
export function listProviders(rows: RowReader, page: ProviderPage): Promise<Readonly<Provider>[]> {
  const { filter, order, descending, after, offset, limit } = page;
  const keyset = keysetOf("provider", COLUMNS[order], descending);
  const where = conditionsOf(filter);
  if (after) where.add(keyset.behind, after.value, after.id);
  const text = `where ${where.text} ${keyset.order} limit ${limit} offset ${offset}`;
  return rows.select(Provider, { text, values: where.values });
}

/** How many there are, counted up to a limit: a count costs what is counted. */
export function countProviders(rows: RowReader, filter: ProviderFilter, limit: number): Promise<number> {
  const { text, values } = conditionsOf(filter);
  return rows.count({ text: `select from provider where ${text} limit ${limit}`, values });
}

/** Keeps the result of a test, unless what was tested has changed since; this is no change by the owner. */
export async function keepProviderTest(
  em: EntityManager,
  { id, credentialsVersion, endpointUrl }: Provider,
  status: string,
  test: StoredTest,
): Promise<void> {
  await em.execute(
    "update provider set status = ?, last_test = ? where id = ? and credentials_version = ? and endpoint_url = ?",
    [status, JSON.stringify(test), id, credentialsVersion, endpointUrl],
  );
}

/** Marks a Provider whose credentials do not open, unless it has other ones since; this is no change by the owner. */
export async function markProviderUnreadable(em: EntityManager, { id, credentialsVersion }: Provider): Promise<void> {
  await em.execute("update provider set status = 'CREDENTIALS_UNREADABLE' where id = ? and credentials_version = ?", [
    id,
    credentialsVersion,
  ]);
}

/** Takes that mark away from a Provider whose credentials open again, as they do once a lost key is back. */
export async function markProviderReadable(em: EntityManager, { id }: Provider): Promise<void> {
  await em.execute("update provider set status = 'UNTESTED' where id = ? and status = 'CREDENTIALS_UNREADABLE'", [id]);
}

/**
 * Has the Llms of a Provider show its endpoint, and forget what was found out about the connection they had before; those
 * who watch are told. To be called with the Provider locked. The version of the credentials keeps a test that is under way
 * from being told of the new ones.
 */
export async function renewLlmsOf(
  em: EntityManager,
  { id, endpointUrl }: Provider,
): Promise<{ id: string; owner: string }[]> {
  const renewed = await em.execute<{ id: string; owner: string }[]>(
    `update llm set endpoint_url = ?, status = 'UNTESTED', last_test = null,
       model = jsonb_build_object('claims', (model -> 'claims') - 'PROVIDER' - 'PROBE'),
       credentials_issued = credentials_issued + 1, credentials_version = credentials_issued + 1,
       revision = revision + (endpoint_url <> ?)::int
     where provider_id = ? returning id, owner_id as owner`,
    [endpointUrl, endpointUrl, id],
  );
  await em.execute(
    `with changed as (select id, owner_id from llm where provider_id = ? and deleted_at is null) ${changeSql("changed")}`,
    [id, "llm", "updated"],
  );
  return renewed;
}

/** The deleted Llms that used a Provider, locked: they may still be brought back. */
export function lockDeletedUsers(em: EntityManager, providerId: string): Promise<Llm[]> {
  return em.find(
    Llm,
    { provider: providerId, deletedAt: { $ne: null } },
    { orderBy: { id: "asc" }, lockMode: LockMode.PESSIMISTIC_WRITE },
  );
}

/** Some of the Llms that use a Provider, the oldest first, and how many there are. */
export async function usersOf(em: EntityManager, providerId: string, limit: number) {
  const [llms, count] = await em.findAndCount(
    Llm,
    { provider: providerId, deletedAt: null },
    { orderBy: { createdAt: "asc", id: "asc" }, limit },
  );
  return { llms, count };
}

function whereOf(key: ProviderKey) {
  if ("name" in key) return { owner: key.ownerId, name: key.name };
  return { id: key.id, ...(key.ownerId === undefined ? {} : { owner: key.ownerId }) };
}

function conditionsOf({ ownerId, providerType, search }: ProviderFilter): Conditions {
  const where = new Conditions();
  if (ownerId !== undefined) where.add("provider.owner_id = ?", ownerId);
  if (providerType !== undefined) where.add("provider.provider_type = ?", providerType);
  const pattern = `%${search.toLowerCase().replace(/[\\%_]/g, "\\$&")}%`;
  if (search !== "") where.add("provider.search like ?", pattern);
  return where;
}
