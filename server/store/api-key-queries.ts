import type { EntityManager } from "./store.ts";

/** What authentication needs to know of an API key. */
export interface ApiKeyRow {
  readonly accountId: string;
  readonly role: string;
  readonly digest: Buffer;
  /** When it stops working, in milliseconds since 1970; infinity for never. */
  readonly endsAt: number;
}

/** Asked on every call, hence by plain SQL: a unit of work costs three times as much. */
export async function findApiKey(em: EntityManager, id: string): Promise<ApiKeyRow | undefined> {
  const [row] = await em.execute<
    { account_id: string; role: string; digest: Buffer; expires_at: Date | null; revoked_at: Date | null }[]
  >("select account_id, role, digest, expires_at, revoked_at from api_key where id = ?", [id]);
  if (!row) return undefined;
  return {
    accountId: row.account_id,
    role: row.role,
    digest: row.digest,
    endsAt: Math.min(timeOf(row.expires_at), timeOf(row.revoked_at)),
  };
}

function timeOf(date: Date | string | null): number {
  return date === null ? Number.POSITIVE_INFINITY : new Date(date).getTime();
}
