import type { MessageInitShape } from "@bufbuild/protobuf";
import { Budget_PeriodSchema } from "../../gen/patchbay/v1/budget_pb.ts";
import {
  type HolderLimits as HolderLimitsMessage,
  type HolderLimitsSchema,
  LimitState_HolderSchema,
  LimitState_LimitSchema,
  type LimitStateSchema,
} from "../../gen/patchbay/v1/limits_pb.ts";
import { usdOf } from "../base/usd.ts";
import { canonicalId } from "../base/uuids.ts";
import type { HolderLimits } from "../domain/call/holder-limits.ts";
import type { LimitState } from "../domain/limits/states.ts";
import { readAmount } from "./call/amounts.ts";
import { nameOf, numberOf } from "./call/enums.ts";

/** What somebody may take, as a request says it; undefined: it says nothing. */
export function readLimits(limits: HolderLimitsMessage | undefined): HolderLimits | undefined {
  if (!limits) return undefined;
  const { allowedModels, requestsPerMinute, tokensPerMinute, parallelCalls, budget } = limits;
  return {
    allowedModels: allowedModels.map(canonicalId),
    requestsPerMinute,
    tokensPerMinute: Number(tokensPerMinute),
    parallelCalls,
    budget: budget && {
      amount: readAmount(budget.amount, budget.amountUsd, "limits.budget."),
      period: nameOf(Budget_PeriodSchema, budget.period) ?? "",
    },
  };
}

export function presentLimits(limits: HolderLimits): MessageInitShape<typeof HolderLimitsSchema> {
  const { budget, tokensPerMinute, ...rest } = limits;
  return {
    allowedModels: [...rest.allowedModels],
    requestsPerMinute: rest.requestsPerMinute,
    tokensPerMinute: BigInt(tokensPerMinute),
    parallelCalls: rest.parallelCalls,
    ...(budget && {
      budget: {
        amount: budget.amount,
        amountUsd: usdOf(budget.amount),
        period: numberOf(Budget_PeriodSchema, budget.period),
      },
    }),
  };
}

export function presentState(state: LimitState): MessageInitShape<typeof LimitStateSchema> {
  const { allowed, used, resetsAt, isNear } = state;
  const left = used > allowed ? 0n : allowed - used;
  return {
    holder: numberOf(LimitState_HolderSchema, state.holder),
    holderId: state.holderId,
    limit: numberOf(LimitState_LimitSchema, state.limit),
    allowed,
    used,
    left,
    resetsAt: BigInt(resetsAt ?? 0),
    isNear,
    ...(state.limit === "BUDGET" && { allowedUsd: usdOf(allowed), usedUsd: usdOf(used), leftUsd: usdOf(left) }),
  };
}
