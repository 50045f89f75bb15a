import { type AuditFilter, type AuditRow, auditEventsAfter, listAuditEvents } from "../../store/audit-queries.ts";
import type { Vault } from "../../store/vault/vault.ts";
import { requireReach, type Scope } from "../access/scope.ts";
import { limitOf, type Page, pageOf } from "../lists/page.ts";
import { makePageToken, readPageToken } from "../lists/page-token.ts";

const EXPORTED_AT_ONCE = 500;

/** What was done, read back. */
export class AuditLog {
  readonly #vault: Vault;

  constructor({ vault }: { vault: Vault }) {
    this.#vault = vault;
  }

  /** The events of an account, the newest first. An empty accountId means the caller's. */
  async list(scope: Scope, asked: AuditFilter, pageSize: number, pageToken: string): Promise<Page<AuditRow>> {
    const filter = { ...asked, accountId: accountOf(scope, asked.accountId) };
    const key = ["audit", filter.accountId, filter.resourceType, filter.resourceId, filter.action];
    const [before] = readPageToken(this.#vault, key, pageToken) ?? [];
    const limit = limitOf(pageSize);
    const rows = await listAuditEvents(scope.em, filter, before, limit + 1);
    return pageOf(rows, limit, ({ sequence }) => makePageToken(this.#vault, key, [String(sequence)]));
  }

  /** The whole chain of an account behind an event, in its order, for whoever wants to verify it. */
  async *export(scope: Scope, accountId: string, after: number): AsyncGenerator<AuditRow> {
    const account = accountOf(scope, accountId);
    for (let position = after; ; ) {
      const rows = await auditEventsAfter(scope.em, account, position, EXPORTED_AT_ONCE);
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
