import { randomUUID } from "node:crypto";
import { LRUCache } from "lru-cache";
import { Fault, invalidField } from "../../base/fault.ts";
import { usdOf } from "../../base/usd.ts";
import { saveSubject } from "../../store/limits/holder-limits.ts";
import {
  type BudgetRow,
  deleteBudget,
  type ExceededBudget,
  findBudget,
  listBudgets,
  releaseReservations,
  reserve,
  setBudget,
} from "../../store/queries/budgets.ts";
import { findLlm } from "../../store/queries/llms.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import { violates } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import { recordAudit } from "../call/audit-record.ts";
import type { HeldLimits } from "../call/holder-limits.ts";
import { byCreation, type Page, readPage } from "../call/paging.ts";
import { anyOf } from "../call/permissions.ts";
import { onceCommitted, reach, requireReach, type Scope } from "../call/scope.ts";
import type { NearLimits } from "../limits/near.ts";
import { resetOf } from "../limits/periods.ts";
import { holderFacts, holderName } from "../limits/refusals.ts";
import type { LlmTargets } from "../llms/targets.ts";
import { notFound } from "../llms/values.ts";
import { likelyCost } from "./price.ts";

const MAX_BUDGETS = 10_000;

/** A chat that says little, and not how much is to be said. */
const SHORT = { held: () => 1, maxTokens: () => undefined };

/** A budget as a caller sets it; empty values are left open. */
export interface BudgetDraft {
  readonly ownerId: string;
  readonly llmId: string;
  readonly period: string;
  readonly mode: string;
  readonly amount: bigint;
}

/** What chats may cost. */
export class Budgets {
  readonly #vault: Vault;
  readonly #targets: LlmTargets;
  readonly #near: NearLimits;
  /** Budgets by the word of a token that are written down as this says, by the ids of their limits. */
  readonly #written = new LRUCache<string, string>({ max: MAX_BUDGETS });

  constructor({ vault, targets, near }: { vault: Vault; targets: LlmTargets; near: NearLimits }) {
    this.#near = near;
    this.#vault = vault;
    this.#targets = targets;
  }

  async set(scope: Scope, draft: BudgetDraft): Promise<BudgetRow> {
    const ownerId = await ownerOf(scope, draft);
    requireReach(scope, ownerId, "MANAGE_BUDGET_OWN");
    const isImposed = ownerId !== scope.caller.accountId;
    const { period, mode, amount } = draft;
    const wanted = { id: randomUUID(), ownerId, llmId: draft.llmId || null, period, mode, amount, isImposed };
    try {
      const set = await scope.em.transactional(async (em) => {
        const budget = await setBudget(em, wanted);
        if (!budget) throw imposed();
        await recordAudit(scope, em, { action: "budget.set", resourceId: budget.id, ownerId });
        return budget;
      });
      onceCommitted(scope, () => this.#targets.forgetAll());
      return set;
    } catch (error) {
      if (violates(error, "budget_owner_fkey")) throw invalidField("owner_id", "must be the id of an account");
      if (violates(error, "budget_llm_fkey")) throw notFound(draft.llmId);
      throw error;
    }
  }

  async get(scope: Scope, budgetId: string): Promise<BudgetRow> {
    const budget = await findBudget(scope.em, budgetId, reach(scope, "READ_BUDGET_OWN"));
    if (!budget) throw budgetNotFound(budgetId);
    return budget;
  }

  async list(
    scope: Scope,
    asked: { readonly ownerId: string | undefined; readonly llmId: string | undefined },
    pageSize: number,
    pageToken: string,
  ): Promise<Page<BudgetRow>> {
    if (asked.ownerId !== undefined) requireReach(scope, asked.ownerId, "READ_BUDGET_OWN");
    const filter = { ...asked, ownerId: asked.ownerId ?? reach(scope, "READ_BUDGET_OWN") };
    const key = ["budgets", filter.ownerId, filter.llmId];
    const list = (after: readonly string[] | undefined, limit: number) => listBudgets(scope.em, filter, after, limit);
    return readPage(this.#vault, { key, pageSize, pageToken }, list, byCreation);
  }

  async delete(scope: Scope, budgetId: string): Promise<void> {
    await scope.em.transactional(async (em) => {
      const budget = await findBudget(em, budgetId, reach(scope, "MANAGE_BUDGET_OWN"));
      if (!budget) throw budgetNotFound(budgetId);
      const mayAll = scope.caller.permissions.has(anyOf("MANAGE_BUDGET_OWN"));
      if (budget.isImposed && !mayAll) throw imposed();
      await deleteBudget(em, budgetId);
      await recordAudit(scope, em, { action: "budget.delete", resourceId: budgetId, ownerId: budget.ownerId });
    });
    onceCommitted(scope, () => this.#targets.forgetAll());
  }

  /**
   * Reserves what a reply may cost of every budget that it concerns, until its usage row settles it. Says whether one that
   * only warns is used up. An undefined cost is unknown: a budget that refuses could not be kept.
   */
  async reserve(scope: Scope, llm: Readonly<Llm>, usageId: string, cost: bigint | undefined): Promise<boolean> {
    const holders = holdersOf(scope);
    if (cost === undefined && (await isRefusing(scope, llm))) throw priceUnknown(llm);
    for (const held of holders) if (held.kind === "SUBJECT") await this.#writeDown(scope, held);
    const holderIds = holders.map(({ id }) => id);
    const reservation = { usageId, ownerId: llm.owner, llmId: llm.id, holderIds, amount: cost ?? 0n };
    let result = await reserve(scope.em, reservation);
    if (!result.isReserved) {
      // What a server that died had held may be in the way.
      await releaseReservations(scope.em);
      result = await reserve(scope.em, reservation);
    }
    // What the caller may spend first: beyond that, another Llm does not help.
    const refusals = result.exceeded.filter(({ mode }) => mode === "REFUSE");
    const refusing = refusals.find(({ holderId }) => holderId !== null) ?? refusals[0];
    if (!result.isReserved && refusing) {
      const held = holders.find(({ id }) => id === refusing.holderId);
      if (held) this.#near.note(held, "BUDGET", refusing.amount, refusing.spent);
      throw exhausted(llm, refusing, reservation.amount, held);
    }
    return result.exceeded.length > 0;
  }

  /** Why the budgets of the caller and of the Llm's owner would take no short chat; undefined if they would. */
  async obstacleOf(scope: Scope, llm: Readonly<Llm>): Promise<"UNPRICED" | "OVER_BUDGET" | undefined> {
    const refusing = await refusingOf(scope, llm);
    if (refusing.length === 0 && holdersOf(scope).length === 0) return undefined;
    const needed = await likelyCost(llm, SHORT);
    if (needed === undefined) return "UNPRICED";
    return refusing.some(({ amount, spent, reserved }) => spent + reserved + needed > amount)
      ? "OVER_BUDGET"
      : undefined;
  }

  /** What a token says has no row before something is spent of it. */
  async #writeDown({ em }: Scope, held: HeldLimits): Promise<void> {
    const said = `${held.budget?.amount} ${held.budget?.period}`;
    if (this.#written.get(held.id) === said) return;
    await saveSubject(em, held);
    this.#written.set(held.id, said);
  }
}

/** The limits of who calls that have a budget. */
function holdersOf({ caller }: Scope): readonly HeldLimits[] {
  return (caller.limits ?? []).filter(({ budget }) => budget !== undefined);
}

/** The budgets of an Llm's owner that refuse what is too much for them. */
async function refusingOf(scope: Scope, llm: Readonly<Llm>): Promise<readonly BudgetRow[]> {
  const budgets = await listBudgets(scope.em, { ownerId: llm.owner, llmId: undefined }, undefined, MAX_BUDGETS);
  return budgets.filter(({ mode, llmId }) => mode === "REFUSE" && (llmId === null || llmId === llm.id));
}

/** Whether a budget that refuses concerns a chat. */
async function isRefusing(scope: Scope, llm: Readonly<Llm>): Promise<boolean> {
  return holdersOf(scope).length > 0 || (await refusingOf(scope, llm)).length > 0;
}

function priceUnknown(llm: Readonly<Llm>): Fault {
  return new Fault(
    "PRICE_UNKNOWN",
    "there is a budget, and what the Llm costs is not known: set its price with PATCH /v1/llms/ID and " +
      '{"price": {"input": "2.5", "output": "10"}}, in dollars for a million tokens, or "0" if it costs nothing',
    { metadata: { llmId: llm.id } },
  );
}

/** An Llm's budget is its owner's. */
async function ownerOf(scope: Scope, { ownerId, llmId }: BudgetDraft): Promise<string> {
  if (!llmId) return ownerId || scope.caller.accountId;
  const llm = await findLlm(scope.em, llmId, reach(scope, "MANAGE_BUDGET_OWN"));
  if (!llm || (ownerId && ownerId !== llm.owner)) throw notFound(llmId);
  return llm.owner;
}

function budgetNotFound(budgetId: string): Fault {
  return new Fault("BUDGET_NOT_FOUND", `there is no budget ${budgetId}`);
}

function imposed(): Fault {
  return new Fault("BUDGET_IMPOSED", "this budget was set for the owner by somebody else, who alone can change it");
}

function exhausted(
  llm: Readonly<Llm>,
  { id, amount, spent, reserved, period }: ExceededBudget,
  needed: bigint,
  held: HeldLimits | undefined,
): Fault {
  const whose = held ? `the budget of ${holderName(held)}` : `budget ${id}`;
  // One that is dearer than the whole fits no later period either.
  const resetsAt = needed > amount ? undefined : resetOf(period);
  const rest = amount - spent - reserved;
  const left = rest < 0n ? 0n : rest;
  const used = `$${usdOf(spent)} are spent, and $${usdOf(reserved)} held by chats under way`;
  const anew = resetsAt ? `it begins anew at ${new Date(resetsAt).toISOString()}` : "it never begins anew";
  let refused = `the chat may cost $${usdOf(needed)}, `;
  if (amount === 0n) refused += `and ${whose} is $0: take an Llm that costs nothing`;
  else if (needed <= amount) refused += `and ${whose}, of $${usdOf(amount)} has $${usdOf(left)} left: ${used}; ${anew}`;
  else
    refused +=
      `more than the whole of ${whose}, which is $${usdOf(amount)}: send less, ask for a shorter reply (max_tokens), ` +
      "or take an Llm that costs less";
  const more = held ? `. Ask ${held.contact} for more` : resetsAt ? "" : "; or raise or delete it";
  return new Fault("BUDGET_EXHAUSTED", `${refused}${more}`, {
    ...(resetsAt === undefined ? {} : { retryAfterMs: resetsAt - Date.now() }),
    metadata: {
      llmId: llm.id,
      ...(id !== null && { budgetId: id }),
      ...inBothUnits({ amount, spent, reserved, needed, left }),
      ...(resetsAt === undefined ? {} : { resetsAt: String(resetsAt) }),
      ...(held && { limit: "BUDGET", ...holderFacts(held) }),
    },
  });
}

/** Amounts by their names in pico-dollars, and in dollars as `…Usd`. */
function inBothUnits(amounts: Readonly<Record<string, bigint>>): Record<string, string> {
  const both = Object.entries(amounts).flatMap(([name, pico]) => [
    [name, String(pico)],
    [`${name}Usd`, usdOf(pico)],
  ]);
  return Object.fromEntries(both) as Record<string, string>;
}
