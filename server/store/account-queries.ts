import { LockMode } from "@mikro-orm/postgresql";
import { Account } from "./account.entity.ts";
import type { EntityManager } from "./store.ts";

/** What is counted at most of each kind of thing that an account owns. */
const MOST_COUNTED = 1_000;

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
  em: EntityManager,
  id: string | undefined,
  after: readonly string[] | undefined,
  limit: number,
): Promise<Account[]> {
  const query = em.createQueryBuilder(Account, "account").select("*");
  if (id !== undefined) query.andWhere({ id });
  if (after) query.andWhere("(account.created_at, account.id) > (?::timestamptz, ?::uuid)", [...after]);
  return query.orderBy({ createdAt: "asc", id: "asc" }).limit(limit).getResultList();
}

/** Deletes an account with its API keys; what else there is would not let it go. */
export async function deleteAccount(em: EntityManager, id: string): Promise<void> {
  await em.execute("delete from api_key where account_id = ?", [id]);
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
      `select count(*) from (select from "${name}" where "${column}" = ? ${working} limit ${MOST_COUNTED}) as found`,
      [id],
    );
    if (Number(row?.count) > 0) counts[name] = Number(row?.count);
  }
  return counts;
}
