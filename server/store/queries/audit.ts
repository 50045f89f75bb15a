import type { EntityManager } from "@mikro-orm/postgresql";
import { Conditions } from "../sql/conditions.ts";
import type { RowReader } from "../sql/rows.ts";
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
  rows: RowReader,
  { accountId, resourceType, resourceId, action }: AuditFilter,
  before: string | undefined,
  limit: number,
): Promise<AuditRow[]> {
  const where = new Conditions();
  where.add("account_id = ?", accountId);
  if (resourceType) where.add("resource_type = ?", resourceType);
  if (resourceId) where.add("resource_id = ?", resourceId);
  if (action) where.add("action = ?", action);
  if (before) where.add("sequence < ?::bigint", before);
  return select(rows, where, `order by sequence desc limit ${limit}`);
}

/** Events of an account in the order of its chain, behind one of them. */
export function auditEventsAfter(
  rows: RowReader,
  accountId: string,
  sequence: number,
  limit: number,
): Promise<AuditRow[]> {
  const where = new Conditions();
  where.add("account_id = ?", accountId);
  where.add("sequence > ?", sequence);
  return select(rows, where, `order by sequence limit ${limit}`);
}

/** Where every chain ends. */
export async function auditHeads(rows: RowReader): Promise<AuditHead[]> {
  return rowsOfChains(rows, "select account_id, sequence, hash from audit_chain order by account_id");
}

/** Where chains begin whose first events are no longer kept: the last of those. */
export async function auditStarts(rows: RowReader): Promise<Map<string, AuditHead>> {
  const starts = await rowsOfChains(rows, "select account_id, sequence, hash from audit_chain_start");
  return new Map(starts.map((start) => [start.accountId, start]));
}

async function rowsOfChains(rows: RowReader, text: string): Promise<AuditHead[]> {
  const found = await rows.query<Omit<Row, "record">>({ text, values: [] });
  return found.map(({ account_id, sequence, hash }) => ({ accountId: account_id, sequence: Number(sequence), hash }));
}

interface Row {
  readonly account_id: string;
  readonly sequence: bigint;
  readonly record: string;
  readonly hash: Buffer;
}

async function select(rows: RowReader, where: Conditions, rest: string): Promise<AuditRow[]> {
  const found = await rows.query<Row>({
    text: `select account_id, sequence, record::text as record, hash from audit_event where ${where.text} ${rest}`,
    values: where.values,
  });
  return found.map(({ account_id, sequence, record, hash }) => ({
    accountId: account_id,
    sequence: Number(sequence),
    record,
    hash,
  }));
}
