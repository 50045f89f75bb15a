import type { AllowedNames } from "../../store/limits/allowed.ts";
import type { HeldLimitsRow, LimitValues } from "../../store/limits/holder-limits.ts";

/** What somebody may take; empty, 0 and undefined are without a limit. */
export type HolderLimits = LimitValues;

/** Who is limited. */
export type HolderKind = HeldLimitsRow["kind"];

/** Limits that hold for a caller, and whose they are. */
export type HeldLimits = HeldLimitsRow;

export const UNLIMITED: HolderLimits = {
  allowedModels: [],
  requestsPerMinute: 0,
  tokensPerMinute: 0,
  parallelCalls: 0,
  budget: undefined,
};

/** Whether there is any limit in it. */
export function limitsAnything(limits: HolderLimits): boolean {
  const { allowedModels, requestsPerMinute, tokensPerMinute, parallelCalls, budget } = limits;
  return allowedModels.length > 0 || requestsPerMinute + tokensPerMinute + parallelCalls > 0 || budget !== undefined;
}

/** What can be named: an Llm, or a route to several. */
export interface Nameable {
  readonly id: string;
  /** What programs call it by; empty for nothing. */
  readonly alias: string;
  readonly owner: string;
}

/** Of whoever calls, what limits them; undefined for nothing. */
interface Limited {
  readonly limits?: readonly HeldLimits[] | undefined;
}

/** Whether what a caller may use is limited to some names. */
export function isModelLimited({ limits = [] }: Limited): boolean {
  return limits.some(({ allowedModels }) => allowedModels.length > 0);
}

/** Whether a caller may use something, and so see it: all limits that name anything have to name it. */
export function mayUse({ limits }: Limited, { id, alias, owner }: Nameable): boolean {
  if (limits === undefined) return true;
  return limits.every(({ allowedModels, accountId }) => {
    if (allowedModels.length === 0 || allowedModels.includes(id)) return true;
    return alias !== "" && owner === accountId && allowedModels.includes(alias);
  });
}

/** The names that a caller may use, as far as they are limited; undefined: all. */
export function allowedNames({ limits = [] }: Limited): readonly string[] | undefined {
  const lists = limits.flatMap(({ allowedModels }) => (allowedModels.length > 0 ? [allowedModels] : []));
  const [first, ...others] = lists;
  return first?.filter((name) => others.every((names) => names.includes(name)));
}

/** What a query of Llms has to be cut to for a caller; empty for nothing. */
export function allowedRows({ limits = [] }: Limited): readonly AllowedNames[] {
  return limits.flatMap(({ allowedModels, accountId }) =>
    allowedModels.length > 0 ? [{ names: allowedModels, accountId }] : [],
  );
}

/** The names of limits, and the fields that they are set by. */
const RATES = [
  ["requestsPerMinute", "requests_per_minute"],
  ["tokensPerMinute", "tokens_per_minute"],
  ["parallelCalls", "parallel_calls"],
] as const;

const LENGTHS: Readonly<Record<string, number>> = { DAY: 1, MONTH: 2, TOTAL: 3 };

/** The field by which limits exceed others, and what would be right; undefined when they are no wider. */
export function excessOf(
  asked: HolderLimits,
  held: HolderLimits,
): { readonly field: string; readonly description: string } | undefined {
  if (held.allowedModels.length > 0) {
    const other = asked.allowedModels.find((name) => !held.allowedModels.includes(name));
    if (other !== undefined) {
      const description = `must be among the names that the caller may use: ${held.allowedModels.join(", ")}`;
      return { field: "limits.allowed_models", description };
    }
  }
  for (const [name, field] of RATES) {
    if (held[name] > 0 && asked[name] > held[name]) {
      return { field: `limits.${field}`, description: `must be at most ${held[name]}, which the caller has` };
    }
  }
  if (!asked.budget || !held.budget || asked.budget.amount <= held.budget.amount) return undefined;
  // Over more time than the caller's it may be more: what is used is taken from the caller's, too.
  const isShorter = (LENGTHS[asked.budget.period] ?? 0) <= (LENGTHS[held.budget.period] ?? 0);
  if (!isShorter) return undefined;
  return { field: "limits.budget", description: "must be at most that of the caller" };
}
