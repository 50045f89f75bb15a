/** What the holder of a key, or an account, may take: as it is typed, and as the requests take it. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Budget_Period } from "../../../../gen/patchbay/v1/budget_pb.ts";
import {
  type HolderLimits,
  type HolderLimitsSchema,
  type LimitState,
  LimitState_Limit,
} from "../../../../gen/patchbay/v1/limits_pb.ts";
import { formatCost, formatNumber, isWhole } from "../../browser/format.ts";
import { text } from "../../text.ts";

export type { HolderLimits, LimitState };
export { LimitState_Limit as Limit };

const { brief } = text.limits;

export interface LimitsDraft {
  readonly models: string;
  readonly requests: string;
  readonly tokens: string;
  readonly parallel: string;
  readonly budget: string;
  readonly period: Budget_Period;
}

export function draftOf(limits?: HolderLimits): LimitsDraft {
  const typed = (value: number | bigint = 0) => (Number(value) === 0 ? "" : String(value));
  return {
    models: limits?.allowedModels.join("\n") ?? "",
    requests: typed(limits?.requestsPerMinute),
    tokens: typed(limits?.tokensPerMinute),
    parallel: typed(limits?.parallelCalls),
    budget: limits?.budget?.amountUsd ?? "",
    period: limits?.budget?.period ?? Budget_Period.MONTH,
  };
}

/** Whether it will do is for the server to say. */
export function limitsOf(draft: LimitsDraft): MessageInitShape<typeof HolderLimitsSchema> {
  const budget = draft.budget.trim();
  return {
    allowedModels: draft.models.split("\n").flatMap((line) => line.trim() || []),
    requestsPerMinute: Number(draft.requests),
    tokensPerMinute: isWhole(draft.tokens) ? BigInt(draft.tokens.trim() || 0) : 0n,
    parallelCalls: Number(draft.parallel),
    ...(budget && { budget: { amountUsd: budget, period: draft.period } }),
  };
}

/** Whether what should be whole numbers is, so that there is something to ask a server. */
export const isReadable = ({ requests, tokens, parallel }: LimitsDraft) => [requests, tokens, parallel].every(isWhole);

export const isEmpty = ({ period, ...typed }: LimitsDraft) =>
  Object.values(typed).every((value) => value.trim() === "");

/** The limits in a few words each. */
export function briefOf(limits: HolderLimits | undefined): string[] {
  if (!limits) return [];
  const { allowedModels, requestsPerMinute, tokensPerMinute, parallelCalls, budget } = limits;
  return [
    allowedModels.length > 0 && brief.models(allowedModels.length),
    requestsPerMinute > 0 && brief.requests(formatNumber(requestsPerMinute)),
    tokensPerMinute > 0n && brief.tokens(formatNumber(tokensPerMinute)),
    parallelCalls > 0 && brief.parallel(formatNumber(parallelCalls)),
    budget && `${formatCost(budget.amount)} ${brief.budget[budget.period]}`,
  ].filter((one) => typeof one === "string");
}
