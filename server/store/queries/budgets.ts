import type { EntityManager } from "@mikro-orm/postgresql";
import { BUDGET, HOLDER } from "../limits/periods.sql.ts";
import { Budget } from "../schema/budget.entity.ts";
import { behind } from "./usage/record-replies.sql.ts";

/** A budget, and what is true of it now. */
export interface BudgetRow {
  readonly id: string;
  readonly ownerId: string;
  readonly llmId: string | null;
  readonly period: string;
  readonly mode: string;
  readonly amount: bigint;
  readonly isImposed: boolean;
  readonly spent: bigint;
  readonly reserved: bigint;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What shall be held of the budgets of a chat. */
export interface Reservation {
  /** The id that the usage row will have, which settles it. */
  readonly usageId: string;
  readonly ownerId: string;
  readonly llmId: string;
  /** The limits of who chats, as far as they have budgets. */
  readonly holderIds: readonly string[];
  readonly amount: bigint;
}

/** A budget that a reservation would be too much for: one of an owner, or what a holder of limits may spend. */
export interface ExceededBudget extends Pick<BudgetRow, "period" | "mode" | "amount" | "spent" | "reserved"> {
  /** Of one of an owner. */
  readonly id: string | null;
  /** The limits of a holder. */
  readonly holderId: string | null;
}

/** What became of a reservation. */
export interface ReservationResult {
  readonly exceeded: readonly ExceededBudget[];
  readonly isReserved: boolean;
}

/** Longer than any call of a model may take. */
const HELD_FOR = "15 minutes";
const COLUMNS = `budget.id, budget.owner_id, budget.llm_id, budget.period, budget.mode, budget.amount, budget.is_imposed,
  ${BUDGET.spent} as spent, budget.reserved, budget.created_at, budget.updated_at`;

/**
 * Holds an amount of every budget of a chat, or of none if one that refuses has less left. One statement decides. What costs
 * nothing fits, also where more was spent than there was.
 */
export async function reserve(
  em: EntityManager,
  { usageId, ownerId, llmId, holderIds, amount }: Reservation,
): Promise<ReservationResult> {
  const rows = await em.execute<(ExceededRow & { fits: boolean; admitted: boolean })[]>(
    `with asked as (
       select id, period, mode, amount, ${BUDGET.spent} as spent, reserved,
         ?::bigint <= greatest(amount - ${BUDGET.spent} - reserved, 0) as fits
       from budget where owner_id = ? and (llm_id is null or llm_id = ?)
       order by id for update
     ),
     asked_holder as (
       select spending.holder_id, held.budget_period, held.budget_amount, ${HOLDER.spent} as spent, spending.reserved,
         ?::bigint <= greatest(held.budget_amount - ${HOLDER.spent} - spending.reserved, 0) as fits
       from holder_spending spending join holder_limits held on held.id = spending.holder_id
       where spending.holder_id = any(array(select json_array_elements_text(?::json)::uuid)) and ${behind("asked")}
       order by spending.holder_id for update of spending
     ),
     asked_both as (
       select id, null::uuid as holder_id, period, mode, amount, spent, reserved, fits from asked
       union all
       select null, holder_id, budget_period, 'REFUSE', budget_amount, spent, reserved, fits from asked_holder
     ),
     verdict as (select bool_and(fits or mode = 'WARN') as admitted from asked_both),
     held as (
       insert into budget_reservation (usage_id, budget_id, amount, expires_at)
       select ?::uuid, asked.id, ?::bigint, now() + interval '${HELD_FOR}' from asked, verdict where admitted
     ),
     reserved as (
       update budget set
         reserved = asked.reserved + ?::bigint, spent = asked.spent, window_start = ${BUDGET.window}
       from asked, verdict where verdict.admitted and budget.id = asked.id
     ),
     held_of_holder as (
       insert into holder_reservation (usage_id, holder_id, amount, expires_at)
       select ?::uuid, asked.holder_id, ?::bigint, now() + interval '${HELD_FOR}' from asked_holder asked, verdict where admitted
     ),
     reserved_of_holder as (
       update holder_spending spending set
         reserved = asked.reserved + ?::bigint, spent = asked.spent, window_start = ${HOLDER.window}
       from asked_holder asked, verdict, holder_limits held
       where verdict.admitted and spending.holder_id = asked.holder_id and held.id = asked.holder_id
     )
     select asked_both.*, verdict.admitted from asked_both, verdict`,
    [
      ...[amount, ownerId, llmId],
      ...[amount, JSON.stringify(holderIds)],
      ...[usageId, amount, amount],
      ...[usageId, amount, amount],
    ],
  );
  return {
    exceeded: rows.filter(({ fits }) => !fits).map(readExceeded),
    isReserved: rows.every(({ admitted }) => admitted),
  };
}

/** Gives back what is held by chats whose server is taken for dead; with `everything`, by all. */
export async function releaseReservations(em: EntityManager, { everything = false } = {}): Promise<void> {
  const over = everything ? "" : "where expires_at < now()";
  await em.execute(
    `with gone as (delete from budget_reservation ${over} returning budget_id, amount),
     sum as (select budget_id, sum(amount) as amount from gone group by 1),
     locked as (select id from budget where id in (select budget_id from sum) order by id for update)
     update budget set reserved = reserved - sum.amount from sum, locked
     where budget.id = sum.budget_id and locked.id = budget.id`,
  );
  await em.execute(
    `with gone as (delete from holder_reservation ${over} returning holder_id, amount),
     sum as (select holder_id, sum(amount) as amount from gone group by 1),
     locked as (
       select holder_id from holder_spending where holder_id in (select holder_id from sum) order by 1 for update
     )
     update holder_spending as spending set reserved = reserved - sum.amount from sum, locked
     where spending.holder_id = sum.holder_id and locked.holder_id = sum.holder_id`,
  );
}

/** Makes a budget, or changes the one there is; undefined if that was imposed and the caller may not change it. */
export async function setBudget(
  em: EntityManager,
  budget: Pick<BudgetRow, "id" | "ownerId" | "llmId" | "period" | "mode" | "amount" | "isImposed">,
): Promise<BudgetRow | undefined> {
  const { id, ownerId, llmId, period, mode, amount, isImposed } = budget;
  const rows = await em.execute<Row[]>(
    `insert into budget (id, owner_id, llm_id, period, mode, amount, is_imposed, spent, reserved, window_start, created_at, updated_at)
     values (?, ?, ?, ?, ?, ?, ?, 0, 0, 'epoch', now(), now())
     on conflict (owner_id, llm_id, period) do update set
       mode = excluded.mode, amount = excluded.amount, is_imposed = excluded.is_imposed, updated_at = now()
     where excluded.is_imposed or not budget.is_imposed
     returning ${COLUMNS}`,
    [id, ownerId, llmId, period, mode, amount, isImposed],
  );
  return rows[0] && readRow(rows[0]);
}

/** A budget, if it is that owner's or the owner is left open. */
export async function findBudget(em: EntityManager, id: string, ownerId: string | undefined) {
  const rows = await em.execute<Row[]>(
    `select ${COLUMNS} from budget where id = ? ${ownerId === undefined ? "" : "and owner_id = ?"}`,
    ownerId === undefined ? [id] : [id, ownerId],
  );
  return rows[0] && readRow(rows[0]);
}

/** Budgets in the order in which they were made, behind one of them. */
export async function listBudgets(
  em: EntityManager,
  { ownerId, llmId }: { readonly ownerId: string | undefined; readonly llmId: string | undefined },
  after: readonly string[] | undefined,
  limit: number,
): Promise<BudgetRow[]> {
  const conditions = ["true"];
  const values: unknown[] = [];
  if (ownerId !== undefined) conditions.push("owner_id = ?") && values.push(ownerId);
  if (llmId !== undefined) conditions.push("llm_id = ?") && values.push(llmId);
  if (after) conditions.push("(created_at, id) > (?::timestamptz, ?::uuid)") && values.push(...after);
  const rows = await em.execute<Row[]>(
    `select ${COLUMNS} from budget where ${conditions.join(" and ")} order by created_at, id limit ?`,
    [...values, limit],
  );
  return rows.map(readRow);
}

/** What holders have spent in the current period, with what calls under way hold of it. */
export async function spendingOf(
  em: EntityManager,
  holderIds: readonly string[],
): Promise<ReadonlyMap<string, bigint>> {
  const rows = await em.execute<{ id: string; used: string }[]>(
    `select held.id, ${HOLDER.spent} + spending.reserved as used
     from holder_spending spending join holder_limits held on held.id = spending.holder_id
     where held.id in (select json_array_elements_text(?::json)::uuid)`,
    [JSON.stringify(holderIds)],
  );
  return new Map(rows.map(({ id, used }) => [id, BigInt(used)]));
}

export async function deleteBudget(em: EntityManager, id: string): Promise<void> {
  await em.nativeDelete(Budget, { id });
}

interface Row {
  readonly id: string;
  readonly owner_id: string;
  readonly llm_id: string | null;
  readonly period: string;
  readonly mode: string;
  readonly amount: string;
  readonly is_imposed: boolean;
  readonly spent: string;
  readonly reserved: string;
  readonly created_at: Date | string;
  readonly updated_at: Date | string;
}

function readRow(row: Row): BudgetRow {
  return {
    id: row.id,
    ownerId: row.owner_id,
    llmId: row.llm_id,
    period: row.period,
    mode: row.mode,
    amount: BigInt(row.amount),
    isImposed: row.is_imposed,
    spent: BigInt(row.spent),
    reserved: BigInt(row.reserved),
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
  };
}

type ExceededRow = Pick<Row, "period" | "mode" | "amount" | "spent" | "reserved"> & {
  readonly id: string | null;
  readonly holder_id: string | null;
};

function readExceeded({ id, holder_id, period, mode, amount, spent, reserved }: ExceededRow): ExceededBudget {
  const sums = { amount: BigInt(amount), spent: BigInt(spent), reserved: BigInt(reserved) };
  return { id, holderId: holder_id, period, mode, ...sums };
}
