import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { Budget_ModeSchema, Budget_PeriodSchema, type BudgetSchema } from "../../gen/patchbay/v1/budget_pb.ts";
import type { BudgetService } from "../../gen/patchbay/v1/budget_service_pb.ts";
import type { UsageRowSchema } from "../../gen/patchbay/v1/usage_pb.ts";
import {
  QueryUsageRequest_GroupBy as GroupBy,
  type QueryUsageRequest,
  type UsageService,
} from "../../gen/patchbay/v1/usage_service_pb.ts";
import { usdOf } from "../base/usd.ts";
import type { Budgets } from "../domain/usage/budgets.ts";
import type { UsageReport } from "../domain/usage/report.ts";
import type { BudgetRow } from "../store/queries/budgets.ts";
import type { UsageDimension, UsageQuery, UsageSum } from "../store/queries/usage/usage.ts";
import { readAmount } from "./call/amounts.ts";
import { scopeOf } from "./call/context.ts";
import { nameOf, numberOf } from "./call/enums.ts";

const DIMENSIONS: Readonly<Record<GroupBy, UsageDimension | undefined>> = {
  [GroupBy.GROUP_BY_UNSPECIFIED]: undefined,
  [GroupBy.DAY]: "day",
  [GroupBy.LLM]: "llm",
  [GroupBy.OWNER]: "owner",
  [GroupBy.LABEL]: "label",
  [GroupBy.API_KEY]: "apiKey",
  [GroupBy.SUBJECT]: "subject",
  [GroupBy.MODEL]: "model",
  [GroupBy.ROUTE]: "route",
};

/** The name of the field that has a dimension's value. */
const FIELDS = {
  day: "day",
  llm: "llmId",
  owner: "ownerId",
  label: "labelValue",
  apiKey: "apiKeyId",
  subject: "subject",
  model: "model",
  route: "routeId",
} as const;

/** The rpcs of UsageService: unpack, ask the domain, present. */
export function usageRpcs({ usage }: { usage: UsageReport }): ServiceImpl<typeof UsageService> {
  return {
    async queryUsage(request, context) {
      const query = readQuery(request);
      const page = await usage.query(scopeOf(context), query, request.pageSize, request.pageToken);
      return { rows: page.rows.map((row) => presentSum(query, row)), nextPageToken: page.nextPageToken };
    },
  };
}

function readQuery(request: QueryUsageRequest): UsageQuery {
  const { labels, startDay, endDay, labelKey } = request;
  return {
    ownerId: request.ownerId || undefined,
    llmId: request.llmId || undefined,
    apiKeyId: request.apiKeyId || undefined,
    subject: request.subject || undefined,
    model: request.model || undefined,
    routeId: request.routeId || undefined,
    labels,
    startDay,
    endDay,
    groupBy: request.groupBy.flatMap((dimension) => DIMENSIONS[dimension] ?? []),
    labelKey,
  };
}

function presentSum({ groupBy }: UsageQuery, { values, ...sums }: UsageSum): MessageInitShape<typeof UsageRowSchema> {
  const told = Object.fromEntries(groupBy.map((dimension, index) => [FIELDS[dimension], values[index]]));
  return { ...sums, costUsd: usdOf(sums.cost), ...told };
}

/** The rpcs of BudgetService: unpack, ask the domain, present. */
export function budgetRpcs({ budgets }: { budgets: Budgets }): ServiceImpl<typeof BudgetService> {
  return {
    async setBudget({ ownerId, llmId, amount, amountUsd, period, mode }, context) {
      const budget = await budgets.set(scopeOf(context), {
        ownerId,
        llmId,
        amount: readAmount(amount, amountUsd),
        period: nameOf(Budget_PeriodSchema, period) ?? "",
        mode: nameOf(Budget_ModeSchema, mode) ?? "REFUSE",
      });
      return { budget: presentBudget(budget) };
    },

    async getBudget({ budgetId }, context) {
      return { budget: presentBudget(await budgets.get(scopeOf(context), budgetId)) };
    },

    async listBudgets({ ownerId, llmId, pageSize, pageToken }, context) {
      const filter = { ownerId: ownerId || undefined, llmId: llmId || undefined };
      const page = await budgets.list(scopeOf(context), filter, pageSize, pageToken);
      return { budgets: page.rows.map(presentBudget), nextPageToken: page.nextPageToken };
    },

    async deleteBudget({ budgetId }, context) {
      await budgets.delete(scopeOf(context), budgetId);
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
    amountUsd: usdOf(budget.amount),
    spentUsd: usdOf(budget.spent),
    reservedUsd: usdOf(budget.reserved),
  };
}
