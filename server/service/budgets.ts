import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { Budget_ModeSchema, Budget_PeriodSchema, type BudgetSchema } from "../../gen/patchbay/v1/budget_pb.ts";
import type { BudgetService } from "../../gen/patchbay/v1/budget_service_pb.ts";
import type { Budgets } from "../domain/budgets/budgets.ts";
import type { BudgetRow } from "../store/budget-queries.ts";
import { nameOf, numberOf } from "./enum-names.ts";
import { scopeOf } from "./scope-key.ts";

/** The rpcs of BudgetService: unpack, ask the domain, present. */
export function budgetRpcs({ budgets }: { budgets: Budgets }): ServiceImpl<typeof BudgetService> {
  return {
    async setBudget({ ownerId, llmId, amount, period, mode }, context) {
      const budget = await budgets.set(scopeOf(context), {
        ownerId: ownerId.toLowerCase(),
        llmId: llmId.toLowerCase(),
        amount,
        period: nameOf(Budget_PeriodSchema, period) ?? "",
        mode: nameOf(Budget_ModeSchema, mode) ?? "REFUSE",
      });
      return { budget: presentBudget(budget) };
    },

    async getBudget({ budgetId }, context) {
      return { budget: presentBudget(await budgets.get(scopeOf(context), budgetId.toLowerCase())) };
    },

    async listBudgets({ ownerId, llmId, pageSize, pageToken }, context) {
      const filter = { ownerId: ownerId.toLowerCase() || undefined, llmId: llmId.toLowerCase() || undefined };
      const page = await budgets.list(scopeOf(context), filter, pageSize, pageToken);
      return { budgets: page.rows.map(presentBudget), nextPageToken: page.nextPageToken };
    },

    async deleteBudget({ budgetId }, context) {
      await budgets.delete(scopeOf(context), budgetId.toLowerCase());
      return {};
    },
  };
}

function presentBudget(budget: BudgetRow): MessageInitShape<typeof BudgetSchema> {
  return {
    budgetId: budget.id,
    ownerId: budget.ownerId,
    llmId: budget.llmId ?? "",
    amount: budget.amount,
    period: numberOf(Budget_PeriodSchema, budget.period),
    mode: numberOf(Budget_ModeSchema, budget.mode),
    isImposed: budget.isImposed,
    spent: budget.spent,
    reserved: budget.reserved,
    createdAt: BigInt(budget.createdAt.getTime()),
    updatedAt: BigInt(budget.updatedAt.getTime()),
  };
}
