import type { MessageInitShape } from "@bufbuild/protobuf";
import { callUnaryMethod, useMutation, useQuery } from "@connectrpc/connect-query";
import { useQuery as usePlainQuery } from "@tanstack/react-query";
import { type Budget, Budget_Mode, Budget_Period } from "../../../gen/patchbay/v1/budget_pb.ts";
import { BudgetService, type SetBudgetRequestSchema } from "../../../gen/patchbay/v1/budget_service_pb.ts";
import type { UsageRow } from "../../../gen/patchbay/v1/usage_pb.ts";
import {
  QueryUsageRequest_GroupBy as GroupBy,
  type QueryUsageRequestSchema,
  UsageService,
} from "../../../gen/patchbay/v1/usage_service_pb.ts";
import { queryClient, refresh } from "../calls/query.ts";
import { transport } from "../calls/transport.ts";

export type { Budget, UsageRow };
export { Budget_Mode, Budget_Period, GroupBy };

export type UsageQuestion = Omit<
  MessageInitShape<typeof QueryUsageRequestSchema>,
  "$typeName" | "pageToken" | "pageSize"
>;

const MOST_PAGES = 20;

export interface UsageAnswer {
  readonly rows: readonly UsageRow[];
  /** Whether there is more than was asked for. */
  readonly isPartial: boolean;
}

/** All rows of a question, page behind page, up to a number of pages. */
export function useUsage(question: UsageQuestion, { mostPages = MOST_PAGES, isEnabled = true } = {}) {
  return usePlainQuery({
    queryKey: ["usage", mostPages, question],
    queryFn: ({ signal }) => askAll(question, mostPages, signal),
    enabled: isEnabled,
    placeholderData: (before) => before,
  });
}

async function askAll(question: UsageQuestion, mostPages: number, signal: AbortSignal): Promise<UsageAnswer> {
  const rows: UsageRow[] = [];
  let pageToken = "";
  for (let page = 0; page < mostPages; page += 1) {
    const request = { ...question, pageSize: 1_000, pageToken };
    const answer = await callUnaryMethod(transport, UsageService.method.queryUsage, request, { signal });
    rows.push(...answer.rows);
    pageToken = answer.nextPageToken;
    if (pageToken === "") return { rows, isPartial: false };
  }
  return { rows, isPartial: true };
}

export const usageMethods = UsageService.method;

export function useBudgets(filter: { llmId?: string; ownerId?: string } = {}, isEnabled = true) {
  return useQuery(BudgetService.method.listBudgets, { ...filter, pageSize: 1_000 }, { enabled: isEnabled });
}

export type NewBudget = Exclude<MessageInitShape<typeof SetBudgetRequestSchema>, { $typeName: string }>;

export const budgetMethods = BudgetService.method;
export const useSetBudget = () => useMutation(BudgetService.method.setBudget, { onSuccess: refreshBudgets });
export const useDeleteBudget = () => useMutation(BudgetService.method.deleteBudget, { onSuccess: refreshBudgets });

function refreshBudgets(): void {
  refresh(BudgetService);
}

export interface Sum {
  replies: bigint;
  unpriced: bigint;
  estimated: bigint;
  refused: bigint;
  input: bigint;
  output: bigint;
  cost: bigint;
}

export function sumOf(rows: readonly UsageRow[]): Sum {
  const sum: Sum = { replies: 0n, unpriced: 0n, estimated: 0n, refused: 0n, input: 0n, output: 0n, cost: 0n };
  for (const row of rows) {
    sum.replies += row.replies;
    sum.unpriced += row.unpricedReplies;
    sum.estimated += row.estimatedReplies;
    sum.refused += row.refusedCalls;
    sum.input += row.inputTokens;
    sum.output += row.outputTokens;
    sum.cost += row.cost;
  }
  return sum;
}

/** After a chat; what it took is written down before its last word comes. */
export function refreshUsage(): void {
  void queryClient.invalidateQueries({ queryKey: ["usage"] });
  refreshBudgets();
}
