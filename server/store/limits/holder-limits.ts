import type { EntityManager } from "@mikro-orm/postgresql";
import { limitMembers, type StoredLimits } from "../schema/holder-limits.entity.ts";
import { forgetPassed } from "./limit-notices.ts";
import { windowStart } from "./periods.sql.ts";

/** What somebody may take; empty, 0 and undefined are without a limit. */
export interface LimitValues {
  /** Aliases of Llms, slugs of routes, ids. */
  readonly allowedModels: readonly string[];
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  readonly parallelCalls: number;
  /** In pico-dollars, in a period by the words of budget.proto. */
  readonly budget: { readonly amount: bigint; readonly period: string } | undefined;
}

/** Limits that hold for a caller, and whose they are. */
export interface HeldLimitsRow extends LimitValues {
  /** What is used is counted by it. */
  readonly id: string;
  /** The words are those of LimitState.Holder in limits.proto. */
  readonly kind: "API_KEY" | "ACCOUNT" | "SUBJECT";
  /** Of an API key its id, of an account its, of a person the subject. */
  readonly holderId: string;
  readonly accountId: string;
  /** Whom to ask for more, in words. */
  readonly contact: string;
}

/** As the database gives them. */
export interface StoredHeldLimits extends StoredLimits {
  readonly id: string;
  readonly kind: HeldLimitsRow["kind"];
  readonly holderId: string | null;
  readonly accountId: string;
  readonly contact: string;
}

/** How deep limits may lie within each other: each of them is asked for each call. */
export const DEEPEST = 5;

/** In SQL, the limits with an id, those that they are within, and those of an account; null for none. */
export function heldLimitsSql(limitsId: string, accountId: string): string {
  return `(
    with recursive chain as (
      select own.*, 1 as depth from holder_limits own where own.id = ${limitsId}
      union all
      select outer_limits.*, chain.depth + 1 from chain join holder_limits outer_limits
        on outer_limits.id = chain.within_id where chain.depth < ${2 * DEEPEST}
    ),
    held as (
      select chain.* from chain
      union all select of_account.*, 1000 from holder_limits of_account where of_account.id = ${accountId}
    )
    select json_agg(json_build_object(
      'id', held.id, 'kind', held.kind, 'accountId', held.account_id,
      'holderId', case held.kind
        when 'API_KEY' then
          (select holder.id from api_key holder where holder.limits_id = held.id order by created_at desc limit 1)
        when 'SUBJECT' then held.subject else held.account_id::text end,
      'contact', coalesce(nullif(of.contact, ''), 'the owners of the account ' || of.display_name),
      ${limitMembers("held")}
    ) order by held.depth)
    from held join account of on of.id = held.account_id)`;
}

/** Undefined for none. */
export function readHeldLimits(stored: readonly StoredHeldLimits[] | null): readonly HeldLimitsRow[] | undefined {
  return stored?.map(({ id, kind, holderId, accountId, contact, ...limits }) => {
    return { ...readStoredLimits(limits), id, kind, accountId, contact, holderId: holderId ?? "" };
  });
}

export function readStoredLimits({ budgetAmount, budgetPeriod, tokensPerMinute, ...rest }: StoredLimits): LimitValues {
  const budget = budgetAmount === null ? undefined : { amount: BigInt(budgetAmount), period: budgetPeriod ?? "" };
  return { ...rest, tokensPerMinute: Number(tokensPerMinute), budget };
}

export function storedLimitsOf({ budget, tokensPerMinute, ...rest }: LimitValues): StoredLimits {
  const [budgetAmount, budgetPeriod] = budget ? [String(budget.amount), budget.period] : [null, null];
  return { ...rest, tokensPerMinute: String(tokensPerMinute), budgetAmount, budgetPeriod };
}

/** Whose limits are written down. */
export interface LimitsOwner {
  readonly id: string;
  readonly accountId: string;
  readonly kind: HeldLimitsRow["kind"];
  /** The limits that these are within. */
  readonly withinId?: string | undefined;
  readonly subject?: string | undefined;
}

/** Writes limits down, in the place of those that there are; what is spent already stays. */
export async function saveLimits(em: EntityManager, owner: LimitsOwner, limits: LimitValues): Promise<void> {
  const { id, accountId, kind, withinId = null, subject = null } = owner;
  const { allowedModels, requestsPerMinute, tokensPerMinute, parallelCalls, budget } = limits;
  await em.execute(
    `insert into holder_limits (id, account_id, within_id, kind, subject, allowed_models, requests_per_minute,
       tokens_per_minute, parallel_calls, budget_amount, budget_period)
     values (?::uuid, ?::uuid, ?::uuid, ?, ?, array(select json_array_elements_text(?::json)), ?, ?, ?, ?, ?)
     on conflict (id) do update set allowed_models = excluded.allowed_models,
       requests_per_minute = excluded.requests_per_minute, tokens_per_minute = excluded.tokens_per_minute,
       parallel_calls = excluded.parallel_calls, budget_amount = excluded.budget_amount,
       budget_period = excluded.budget_period
     where (holder_limits.allowed_models, holder_limits.requests_per_minute, holder_limits.tokens_per_minute,
       holder_limits.parallel_calls, holder_limits.budget_amount, holder_limits.budget_period)
       is distinct from (excluded.allowed_models, excluded.requests_per_minute, excluded.tokens_per_minute,
       excluded.parallel_calls, excluded.budget_amount, excluded.budget_period)`,
    [
      id,
      accountId,
      withinId,
      kind,
      subject,
      JSON.stringify(allowedModels),
      requestsPerMinute,
      tokensPerMinute,
      parallelCalls,
      budget?.amount ?? null,
      budget?.period ?? null,
    ],
  );
  if (budget) await saveSpending(em, id, budget.period);
  else await em.execute("delete from holder_spending where holder_id = ?::uuid", [id]);
  await forgetPassed(em, id);
}

/** Begins to count what is spent, or goes on: what was spent in a shorter period that lies in this one was spent in this one. */
async function saveSpending(em: EntityManager, holderId: string, period: string): Promise<void> {
  await em.execute(
    `insert into holder_spending as spending (holder_id, spent, reserved, window_start) values (?::uuid, 0, 0, 'epoch')
     on conflict (holder_id) do update set window_start = ${windowStart("?")}
     where spending.window_start > ${windowStart("?")}`,
    [holderId, period, period],
  );
}

/** Writes down what a token says that a person may take, for what is to refer to it. */
export async function saveSubject(em: EntityManager, limits: HeldLimitsRow): Promise<void> {
  const { id, accountId, kind, holderId: subject } = limits;
  await saveLimits(em, { id, accountId, kind, subject }, limits);
}

/** The ids of limits and of those that they are within. */
export async function chainOf(em: EntityManager, id: string | null): Promise<readonly string[]> {
  if (id === null) return [];
  const rows = await em.execute<{ id: string }[]>(
    `with recursive chain as (
       select id, within_id, 1 as depth from holder_limits where id = ?::uuid
       union all select outer_limits.id, outer_limits.within_id, depth + 1
         from chain join holder_limits outer_limits on outer_limits.id = chain.within_id where depth < ${2 * DEEPEST}
     ) select id from chain order by depth`,
    [id],
  );
  return rows.map((row) => row.id);
}

/** The limits that hold for an API key, and those of an account, as callers have them. */
export async function findHeldLimits(
  em: EntityManager,
  limitsId: string | null,
  accountId: string,
): Promise<readonly HeldLimitsRow[]> {
  const sql = `select ${heldLimitsSql("wanted.limits_id", "wanted.account_id")} as limits
    from (select ?::uuid as limits_id, ?::uuid as account_id) as wanted`;
  const [row] = await em.execute<{ limits: readonly StoredHeldLimits[] | null }[]>(sql, [limitsId, accountId]);
  return readHeldLimits(row?.limits ?? null) ?? [];
}

/** Takes the limits of an account away with it. */
export async function deleteLimitsOf(em: EntityManager, accountId: string): Promise<void> {
  await em.execute("delete from holder_limits where account_id = ?", [accountId]);
}
