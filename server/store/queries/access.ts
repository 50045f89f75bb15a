import { type EntityManager, LockMode } from "@mikro-orm/postgresql";
import { deleteLimitsOf, type HeldLimitsRow, readHeldLimits, type StoredHeldLimits } from "../limits/holder-limits.ts";
import { Account } from "../schema/account.entity.ts";
import { ApiKey } from "../schema/api-key.entity.ts";
import { Conditions } from "../sql/conditions.ts";
import type { RowReader } from "../sql/rows.ts";

/** What is counted at most of each kind of thing that an account owns. */
const MAX_COUNTED = 1_000;

/** Of these tables, rows that are none of these go with their account. */
const WORKING: Readonly<Record<string, string>> = {
  api_key: "and revoked_at is null and coalesce(expires_at > now(), true)",
  llm: "and deleted_at is null",
};

export function findAccount(em: EntityManager, id: string): Promise<Account | null> {
  return em.findOne(Account, { id });
}

/** Locked until the transaction ends: nothing is made meanwhile that would belong to it. */
export function lockAccount(em: EntityManager, id: string): Promise<Account | null> {
  return em.findOne(Account, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
}

/** One page of accounts, the oldest first, behind the one that was made at a time and has an id; of one, if it is given. */
export function listAccounts(
  rows: RowReader,
  id: string | undefined,
  after: readonly string[] | undefined,
  limit: number,
): Promise<Readonly<Account>[]> {
  const where = new Conditions();
  if (id !== undefined) where.add("account.id = ?", id);
  if (after) where.add("(account.created_at, account.id) > (?::timestamptz, ?::uuid)", ...after);
  const text = `where ${where.text} order by account.created_at, account.id limit ${limit}`;
  return rows.select(Account, { text, values: where.values });
}

/** Deletes an account with its API keys; what else there is would not let it go. */
export async function deleteAccount(em: EntityManager, id: string): Promise<void> {
  await em.execute("delete from api_key where account_id = ?", [id]);
  await deleteLimitsOf(em, id);
  await em.execute("delete from account where id = ?", [id]);
}

/**
 * How many rows of which tables belong to an account, besides what goes with it, by the names of the tables. Which
 * tables those are is asked of the database: each that refers to accounts and does not let go of them by itself.
 */
export async function belongingsOf(em: EntityManager, id: string): Promise<Record<string, number>> {
  const references = await em.execute<{ name: string; column: string }[]>(
    `select relation.relname as name, attribute.attname as column
      from pg_constraint referring
        join pg_class relation on relation.oid = referring.conrelid
        join pg_attribute attribute on attribute.attrelid = relation.oid and attribute.attnum = referring.conkey[1]
      where referring.contype = 'f' and referring.confrelid = 'account'::regclass
        and referring.confdeltype in ('a', 'r') and cardinality(referring.conkey) = 1
      order by 1`,
  );
  const counts: Record<string, number> = {};
  for (const { name, column } of references) {
    const working = WORKING[name] ?? "";
    const [row] = await em.execute<{ count: string }[]>(
      `select count(*) from (select from "${name}" where "${column}" = ? ${working} limit ${MAX_COUNTED}) as found`,
      [id],
    );
    if (Number(row?.count) > 0) counts[name] = Number(row?.count);
  }
  return counts;
}

/** What authentication needs to know of an API key. */
export interface ApiKeyRow {
  readonly accountId: string;
  readonly role: string;
  readonly scopes: readonly string[];
  readonly digest: Buffer;
  /** When it stops working, in milliseconds since 1970; infinity for never. */
  readonly endsAt: number;
  /** Its holder's, those that they are within, and the account's; undefined for none. */
  readonly limits: readonly HeldLimitsRow[] | undefined;
}

/** A row of api_key, as the database has it. */
export interface StoredApiKey {
  readonly account_id: string;
  readonly role: string;
  readonly scopes: readonly string[];
  readonly digest: Buffer;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
  readonly limits: readonly StoredHeldLimits[] | null;
}

/** Any number will do, as long as every server takes the same. */
const ADMIN_KEYS_LOCK = 5_063_100_010;

export function readApiKeyRow({ account_id, expires_at, revoked_at, limits, ...row }: StoredApiKey): ApiKeyRow {
  const { role, scopes, digest } = row;
  const endsAt = Math.min(timeOf(expires_at), timeOf(revoked_at));
  return { accountId: account_id, role, scopes, digest, endsAt, limits: readHeldLimits(limits) };
}

/** A time in milliseconds since 1970; infinity for never. */
export function timeOf(date: Date | null | undefined): number {
  return date?.getTime() ?? Number.POSITIVE_INFINITY;
}

/** An API key, if it is that account's or the account is left open. */
export function findApiKey(em: EntityManager, id: string, accountId: string | undefined): Promise<ApiKey | null> {
  return em.findOne(ApiKey, accountId === undefined ? { id } : { id, account: accountId });
}

/** An API key, locked until the transaction ends: of two writers, the second sees what the first wrote. */
export function lockApiKey(em: EntityManager, id: string, accountId: string | undefined): Promise<ApiKey | null> {
  const where = accountId === undefined ? { id } : { id, account: accountId };
  return em.findOne(ApiKey, where, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
}

/** Which API keys a list is about. */
export interface ApiKeyFilter {
  readonly accountId: string;
  readonly showEnded: boolean;
  /** Only those that lie within these limits, or have them; undefined: all. */
  readonly within: string | undefined;
}

const WITHIN = `(
  with recursive inner_limits as (
    select id from holder_limits where id = ?::uuid
    union select held.id from holder_limits held join inner_limits on held.within_id = inner_limits.id
  ) select id from inner_limits)`;

/** One page of an account's API keys, the oldest first, behind the one that was made at a time and has an id. */
export function listApiKeys(
  rows: RowReader,
  { accountId, showEnded, within }: ApiKeyFilter,
  after: readonly string[] | undefined,
  limit: number,
): Promise<Readonly<ApiKey>[]> {
  const where = new Conditions();
  where.add("api_key.account_id = ?", accountId);
  if (!showEnded) where.add("api_key.revoked_at is null and coalesce(api_key.expires_at > now(), true)");
  if (within !== undefined) where.add(`api_key.limits_id in ${WITHIN}`, within);
  if (after) where.add("(api_key.created_at, api_key.id) > (?::timestamptz, ?)", ...after);
  const text = `where ${where.text} order by api_key.created_at, api_key.id limit ${limit}`;
  return rows.select(ApiKey, { text, values: where.values });
}

/** Until the transaction ends, nobody else takes an ADMIN key away. */
export async function lockAdminKeys(em: EntityManager): Promise<void> {
  await em.execute("select pg_advisory_xact_lock(?)", [ADMIN_KEYS_LOCK]);
}

/** Whether, but for one key, there is one that may do everything and never ends. */
export async function hasOtherAdminKey(em: EntityManager, id: string): Promise<boolean> {
  const keys = await em.execute(
    `select 1 from api_key
      where role = 'ADMIN' and scopes = '{}' and revoked_at is null and expires_at is null and id <> ? limit 1`,
    [id],
  );
  return keys.length > 0;
}

/** Writes down when API keys were last used; keys that are gone are left out. */
export async function keepUses(em: EntityManager, uses: ReadonlyMap<string, number>): Promise<void> {
  const rows = [...uses].map(([id, time]) => ({ id, at: new Date(time).toISOString() }));
  await em.execute(
    `insert into api_key_use (api_key_id, last_used_at)
      select used.id, used.at from json_to_recordset(?::json) as used (id text, at timestamptz)
        where exists (select from api_key where api_key.id = used.id)
      on conflict (api_key_id) do update set last_used_at = greatest(api_key_use.last_used_at, excluded.last_used_at)`,
    [JSON.stringify(rows)],
  );
}

/** The id of the API key whose secret, brought along by an operator, has a digest. */
export async function findImportedKey(rows: RowReader, digest: Buffer): Promise<string | undefined> {
  const text = "select id from api_key where is_imported and digest = $1";
  const [row] = await rows.query<{ id: string }>({ name: "importedKey", text, values: [digest] });
  return row?.id;
}

/** Whether any secret was brought along. */
export async function hasImportedKeys(rows: RowReader): Promise<{ readonly exist: boolean }> {
  const text = "select exists (select from api_key where is_imported) as exist";
  const [row] = await rows.query<{ exist: boolean }>({ name: "importedKeys", text, values: [] });
  return { exist: row?.exist === true };
}

/** How servers that hold in memory that no secret was brought along learn of one, as of a row with this id. */
export const IMPORTED = "imported";

/** Tells every server, once it is committed, that a secret was brought along. */
export async function announceImport(em: EntityManager): Promise<void> {
  await em.execute("select pg_notify('row_change', ?)", [`api_key:${IMPORTED}`]);
}
