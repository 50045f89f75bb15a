import { invalidField } from "../../base/fault.ts";
import { sumUsage, type UsageQuery, type UsageSum } from "../../store/queries/usage/usage.ts";
import type { RowReader } from "../../store/sql/rows.ts";
import type { Vault } from "../../store/vault/vault.ts";
import { allowedRows, isModelLimited } from "../call/holder-limits.ts";
import { type Page, readPage } from "../call/paging.ts";
import { reach, requireReach, type Scope } from "../call/scope.ts";

/** What was used, summed up; from a replica, where there is one. */
export class UsageReport {
  readonly #vault: Vault;
  readonly #rows: RowReader;

  constructor({ vault, rows }: { vault: Vault; rows: RowReader }) {
    this.#vault = vault;
    this.#rows = rows;
  }

  async query(scope: Scope, asked: UsageQuery, pageSize: number, pageToken: string): Promise<Page<UsageSum>> {
    if (asked.ownerId !== undefined) requireReach(scope, asked.ownerId, "READ_USAGE_OWN");
    requireDay("start_day", asked.startDay);
    requireDay("end_day", asked.endDay);
    const ownerId = asked.ownerId ?? reach(scope, "READ_USAGE_OWN");
    const { caller } = scope;
    const { apiKeyId, subject = "" } = caller;
    const seen = isModelLimited(caller) ? { allowed: allowedRows(caller), apiKeyId, subject } : undefined;
    const query = { ...asked, ownerId, seen };
    const list = (after: readonly string[] | undefined, limit: number) => sumUsage(this.#rows, query, after, limit);
    return readPage(this.#vault, { key: ["usage", query], pageSize, pageToken }, list, ({ values }) => values);
  }
}

/** The contract checks its form; that there is such a day is checked here. */
function requireDay(field: string, day: string): void {
  if (day === "") return;
  const date = new Date(`${day}T00:00:00Z`);
  const isDay = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
  if (!isDay) throw invalidField(field, "must be a day, such as 2026-11-25");
}
