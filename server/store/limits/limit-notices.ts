import type { EntityManager } from "@mikro-orm/postgresql";
import type { HeldLimitsRow } from "./holder-limits.ts";
import { HOLDER } from "./periods.sql.ts";

/** That a limit is near, or reached. */
export interface NoticeRow {
  readonly id: string;
  /** A word of LimitState.Limit in limits.proto. */
  readonly limit: string;
  /** In percent. */
  readonly threshold: number;
  readonly kind: HeldLimitsRow["kind"];
  readonly holderId: string;
  readonly accountId: string;
  readonly allowed: bigint;
  readonly used: bigint;
  readonly periodStart: Date;
  readonly noticedAt: Date;
  readonly tries: number;
}

/** After so long nobody wants to know any more, and nobody is told. */
const WORTH_TELLING = "3 days";
/** Longer than telling may take; if a server is lost meanwhile, another one tells it when this is over. */
const LEASE = "1 minute";
/** Longer than the longest period but TOTAL, of which it is told once for ever. */
const KEPT = "62 days";
const FORGOTTEN_AT_ONCE = 1_000;

/** Writes down that a limit is near, unless it was in this period; the period is that which began at a time. */
export async function noteLimit(
  em: EntityManager,
  held: Pick<HeldLimitsRow, "id" | "kind" | "holderId" | "accountId">,
  notice: { limit: string; threshold: number; allowed: bigint; used: bigint; periodStart: Date },
): Promise<void> {
  const { limit, threshold, allowed, used, periodStart } = notice;
  await em.execute(
    `insert into limit_notice (id, holder_id, limit_name, threshold, period_start, kind, holder_name, account_id, allowed,
       used, noticed_at, next_try_at)
     values (gen_random_uuid(), ?::uuid, ?, ?, ?, ?, ?, ?::uuid, ?, ?, now(), now())
     on conflict (holder_id, limit_name, threshold, period_start) do nothing`,
    [held.id, limit, threshold, periodStart, held.kind, held.holderId, held.accountId, allowed, used],
  );
}

/**
 * Forgets that a holder's budget was near or reached, where it no longer is, as it has changed or is gone: when it is again, it is
 * told anew. To be called within the transaction that changes it.
 */
export async function forgetPassed(em: EntityManager, holderId: string): Promise<void> {
  await em.execute(
    `delete from limit_notice as notice using holder_limits held
       left join holder_spending spending on spending.holder_id = held.id
     where held.id = ?::uuid and notice.holder_id = held.id and notice.limit_name = 'BUDGET'
       and (held.budget_amount is null or ${HOLDER.spent} * 100 < held.budget_amount * notice.threshold)`,
    [holderId],
  );
}

/** Some of what is to be told now, taken so that no other server tells it, too. */
export async function claimNotices(em: EntityManager, limit: number): Promise<NoticeRow[]> {
  const rows = await em.execute<Record<string, string>[]>(
    `update limit_notice set next_try_at = now() + interval '${LEASE}', tries = tries + 1
     where id in (
       select id from limit_notice
       where next_try_at <= now() and noticed_at > now() - interval '${WORTH_TELLING}'
       order by next_try_at limit ? for update skip locked)
     returning id, limit_name, threshold, kind, holder_name, account_id, allowed, used, period_start, noticed_at, tries`,
    [limit],
  );
  return rows.map((row) => ({
    id: row.id ?? "",
    limit: row.limit_name ?? "",
    threshold: Number(row.threshold),
    kind: row.kind as NoticeRow["kind"],
    holderId: row.holder_name ?? "",
    accountId: row.account_id ?? "",
    allowed: BigInt(row.allowed ?? 0),
    used: BigInt(row.used ?? 0),
    periodStart: new Date(row.period_start ?? 0),
    noticedAt: new Date(row.noticed_at ?? 0),
    tries: Number(row.tries),
  }));
}

/** Nobody has to be told again. */
export async function settleNotice(em: EntityManager, id: string): Promise<void> {
  await em.execute("update limit_notice set next_try_at = null where id = ?", [id]);
}

/** It is to be told again, after a while. */
export async function postponeNotice(em: EntityManager, id: string, delayMs: number): Promise<void> {
  const delay = `${Math.round(delayMs)} milliseconds`;
  await em.execute("update limit_notice set next_try_at = now() + ?::interval where id = ?", [delay, id]);
}

/** Forgets some of what is over; tells how much. Any number of servers may do so at once. */
export async function forgetLimitNotices(em: EntityManager): Promise<number> {
  const forgotten = await em.execute<object[]>(
    `delete from limit_notice where id in
       (select id from limit_notice where period_start > 'epoch' and noticed_at < now() - interval '${KEPT}'
        limit ? for update skip locked) returning id`,
    [FORGOTTEN_AT_ONCE],
  );
  return forgotten.length;
}
