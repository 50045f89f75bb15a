import type { StoredTarget, StoredTier } from "../../store/schema/route.entity.ts";
import type { Cooldown, Operation, Wellness } from "./wellness.ts";

/** What a choice depends on. */
export interface Choosing {
  readonly wellness: Wellness;
  readonly operation: Operation;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Llms that are out of question: they were tried, or cannot serve this call. */
  readonly isOut: (llmId: string) => boolean;
}

/** The Llm that the first tier with one that is well has for a call. */
export function chooseWell(tiers: readonly StoredTier[], choosing: Choosing): string | undefined {
  for (const { policy, targets } of tiers) {
    const open = targets.filter(
      ({ llmId, weight }) =>
        weight > 0 && !choosing.isOut(llmId) && choosing.wellness.isOpen(llmId, choosing.operation),
    );
    if (open.length > 0) return (policy === "LEAST_BUSY" ? leastBusy : byWeight)(open, choosing);
  }
  return undefined;
}

/**
 * Where none is well: the one that may be tried again soonest, unless its endpoint has said for how long it is to be left
 * alone. What was a moment's failure would else be everybody's for as long as nobody tries.
 */
export function chooseSoonest(tiers: readonly StoredTier[], choosing: Choosing): string | undefined {
  const left = tiers
    .flatMap(({ targets }) => targets)
    .filter(({ llmId, weight }) => weight > 0 && !choosing.isOut(llmId) && !cooldownOf(choosing, llmId)?.isTold);
  return left.toSorted((a, b) => untilOf(choosing, a) - untilOf(choosing, b))[0]?.llmId;
}

function cooldownOf({ wellness, operation }: Choosing, llmId: string): Cooldown | undefined {
  return wellness.cooldownOf(llmId, operation);
}

function untilOf(choosing: Choosing, { llmId }: StoredTarget): number {
  return cooldownOf(choosing, llmId)?.until ?? 0;
}

function byWeight(targets: readonly StoredTarget[], { random }: Choosing): string | undefined {
  let left = random() * targets.reduce((sum, { weight }) => sum + weight, 0);
  for (const { llmId, weight } of targets) {
    left -= weight;
    if (left < 0) return llmId;
  }
  return targets.at(-1)?.llmId;
}

/** By calls under way for each unit of weight; among equals by weight. */
function leastBusy(targets: readonly StoredTarget[], choosing: Choosing): string | undefined {
  const loadOf = ({ llmId, weight }: StoredTarget) => (choosing.wellness.runningOf(llmId) + 1) / weight;
  const least = Math.min(...targets.map(loadOf));
  return byWeight(
    targets.filter((target) => loadOf(target) === least),
    choosing,
  );
}
