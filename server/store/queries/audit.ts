import type { EntityManager } from "@mikro-orm/postgresql";
import { executePrepared } from "../sql/statements.ts";

/** One event of a chain, its record to the letter. */
export interface AuditRow {
  readonly accountId: string;
  readonly sequence: number;
  readonly record: string;
  readonly hash: Buffer;
}

/** Which events of an account; empty filters do not filter. */
export interface AuditFilter {
  readonly accountId: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly action: string;
}

/** Where an account's chain ends. */
export interface AuditHead {
  readonly accountId: string;
  readonly sequence: number;
  readonly hash: Buffer;
}

/**
 * Appends an event to an account's chain. Inside of a transaction, whoever appends to the same chain waits for its end, and
 * with it the event goes as the change does: both are there or neither is.
 */
export async function appendAuditEvent(em: EntityManager, accountId: string, record: string): Promise<void> {
  await executePrepared(em, "select append_audit_event(?, ?)", [accountId, record]);
}

/** Events of an account, the newest first, older than one of them. */
export function listAuditEvents(
  em: EntityManager,
  { accountId, resourceType, resourceId, action }: AuditFilter,
  before: string | undefined,
  limit: number,
): Promise<AuditRow[]> {
  const conditions = ["account_id = ?"];
  const values: unknown[] = [accountId];
  const add = (condition: string, value: string | undefined) => {
    if (!value) return;
    conditions.push(condition);
    values.push(value);
  };
  add("resource_type = ?", resourceType);
  add("resource_id = ?", resourceId);
  add("action = ?", action);
  add("sequence < ?::bigint", before);
  return select(em, `where ${conditions.join(" and ")} order by sequence desc limit ?`, [...values, limit]);
}

/** Events of an account in the order of its chain, behind one of them. */
export function auditEventsAfter(
  em: EntityManager,
  accountId: string,
  sequence: number,
  limit: number,
): Promise<AuditRow[]> {
  return select(em, "where account_id = ? and sequence > ? order by sequence limit ?", [accountId, sequence, limit]);
}

/** Where every chain ends. */
export async function auditHeads(em: EntityManager): Promise<AuditHead[]> {
  const rows = await em.execute<Row[]>("select account_id, sequence, hash from audit_chain order by account_id");
  return rows.map(({ account_id, sequence, hash }) => ({ accountId: account_id, sequence: Number(sequence), hash }));
}

/** Where chains begin whose first events are no longer kept: the last of those. */
export async function auditStarts(em: EntityManager): Promise<Map<string, AuditHead>> {
  const rows = await em.execute<Omit<Row, "record">[]>("select account_id, sequence, hash from audit_chain_start");
  return new Map(
    rows.map(({ account_id, sequence, hash }) => [
      account_id,
      { accountId: account_id, sequence: Number(sequence), hash },
    ]),
  );
}

interface Row {
  readonly account_id: string;
  readonly sequence: string;
  readonly record: string;
  readonly hash: Buffer;
}

async function select(em: EntityManager, rest: string, values: readonly unknown[]): Promise<AuditRow[]> {
  const rows = await em.execute<Row[]>(
    `select account_id, sequence, record::text as record, hash from audit_event ${rest}`,
    [...values],
  );
  return rows.map(({ account_id, sequence, record, hash }) => ({
    accountId: account_id,
    sequence: Number(sequence),
    record,
    hash,
  }));
}
