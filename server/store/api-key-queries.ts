/** What authentication needs to know of an API key. */
export interface ApiKeyRow {
  readonly accountId: string;
  readonly role: string;
  readonly digest: Buffer;
  /** When it stops working, in milliseconds since 1970; infinity for never. */
  readonly endsAt: number;
}

/** The same as the database has it. */
export interface StoredApiKey {
  readonly account_id: string;
  readonly role: string;
  readonly digest: Buffer;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
}

export function readApiKeyRow({ account_id, role, digest, expires_at, revoked_at }: StoredApiKey): ApiKeyRow {
  const endsAt = Math.min(timeOf(expires_at), timeOf(revoked_at));
  return { accountId: account_id, role, digest, endsAt };
}

function timeOf(date: Date | null): number {
  return date === null ? Number.POSITIVE_INFINITY : date.getTime();
}
