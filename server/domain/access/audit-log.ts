import { createHash } from "node:crypto";
import {
  type AuditFilter,
  type AuditHead,
  type AuditRow,
  auditEventsAfter,
  auditHeads,
  auditStarts,
  listAuditEvents,
} from "../../store/queries/audit.ts";
import type { RowReader } from "../../store/sql/rows.ts";
import type { Vault } from "../../store/vault/vault.ts";
import { type Page, readPage } from "../call/paging.ts";
import { requireReach, type Scope } from "../call/scope.ts";

const EXPORTED_AT_ONCE = 500;

/** What was done, read back. */
export class AuditLog {
  readonly #rows: RowReader;
  readonly #vault: Vault;

  constructor({ rows, vault }: { rows: RowReader; vault: Vault }) {
    this.#rows = rows;
    this.#vault = vault;
  }

  /** The events of an account, the newest first. An empty accountId means the caller's. */
  async list(scope: Scope, asked: AuditFilter, pageSize: number, pageToken: string): Promise<Page<AuditRow>> {
    const filter = { ...asked, accountId: accountOf(scope, asked.accountId) };
    const key = ["audit", filter.accountId, filter.resourceType, filter.resourceId, filter.action];
    const list = ([before]: readonly string[] = [], limit: number) =>
      listAuditEvents(this.#rows, filter, before, limit);
    return readPage(this.#vault, { key, pageSize, pageToken }, list, ({ sequence }) => [String(sequence)]);
  }

  /** The whole chain of an account behind an event, in its order, for whoever wants to verify it. */
  async *export(scope: Scope, accountId: string, after: number): AsyncGenerator<AuditRow> {
    const account = accountOf(scope, accountId);
    for (let position = after; ; ) {
      const rows = await auditEventsAfter(this.#rows, account, position, EXPORTED_AT_ONCE);
      yield* rows;
      const last = rows.at(-1);
      if (!last || rows.length < EXPORTED_AT_ONCE) return;
      position = last.sequence;
    }
  }
}

function accountOf(scope: Scope, asked: string): string {
  const accountId = asked || scope.caller.accountId;
  requireReach(scope, accountId, "READ_AUDIT_EVENT_OWN");
  return accountId;
}

const READ_AT_ONCE = 1_000;
const NOTHING = Buffer.alloc(0);

/** What a chain turned out to be. */
export interface ChainVerdict extends AuditHead {
  /** Where it breaks and how, in a sentence; undefined if it is whole. */
  readonly unstorable: string | undefined;
}

/** An event as somebody noted it earlier; its hash in hexadecimal digits. */
export interface NotedEvent {
  readonly accountId: string;
  readonly sequence: number;
  readonly hash: string;
}

/** The hash that an event must have behind the one before; of the first event, that is empty. */
export function hashOf(previous: Buffer, { sequence, record }: Pick<AuditRow, "sequence" | "record">): Buffer {
  return createHash("sha256").update(previous).update(`${sequence}\n${record}`).digest();
}

/**
 * Recomputes every chain. It finds what was changed, taken out or put in; a chain that was cut at its end or written anew
 * as a whole is only found by comparing its head with one that was noted elsewhere.
 */
export async function* verifyChains(
  reader: RowReader,
  noted: readonly NotedEvent[] = [],
): AsyncGenerator<ChainVerdict> {
  const starts = await auditStarts(reader);
  for (const head of await auditHeads(reader)) {
    const known = noted.filter(({ accountId }) => accountId === head.accountId);
    yield { ...head, unstorable: await flawOf(reader, head, starts.get(head.accountId), known) };
  }
}

async function flawOf(
  reader: RowReader,
  head: AuditHead,
  start: AuditHead | undefined,
  known: readonly NotedEvent[],
): Promise<string | undefined> {
  const beyond = known.find((one) => one.sequence > head.sequence);
  if (beyond) return `event ${beyond.sequence} was there once, and the chain ends with ${head.sequence}`;
  // Behind what is no longer kept, whose last hash was noted when it went.
  let previous = start?.hash ?? NOTHING;
  let sequence = start?.sequence ?? 0;
  while (sequence < head.sequence) {
    // Not beyond the head as it was read: a server may be appending.
    const limit = Math.min(READ_AT_ONCE, head.sequence - sequence);
    const rows = await auditEventsAfter(reader, head.accountId, sequence, limit);
    for (const row of rows) {
      if (row.sequence !== sequence + 1) break;
      const hash = hashOf(previous, row);
      if (!hash.equals(row.hash)) return `event ${row.sequence} is not what was written, or not in its place`;
      previous = hash;
      sequence = row.sequence;
      const before = known.find((one) => one.sequence === sequence);
      if (before && before.hash !== hash.toString("hex")) return `event ${sequence} was another one once`;
    }
    if (rows.length === 0 || rows.at(-1)?.sequence !== sequence) return `event ${sequence + 1} is missing`;
  }
  return previous.equals(head.hash) ? undefined : "the last event is not the one that the chain ends with";
}
