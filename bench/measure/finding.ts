import type { Figure } from "./stats.ts";

/** One figure beside what design.md wants it to be now. */
export interface Finding {
  readonly what: string;
  readonly against: string;
  readonly target: number;
  readonly figure: Figure;
  /** Empty for a ratio. */
  readonly unit: "" | " µs" | " ms" | " s" | " MB";
}

/** A row that this run says nothing about, and why. */
export interface Unmeasured {
  readonly what: string;
  readonly why: string;
}

/** Whether the target is met; a spread that holds the target on a loaded machine could fall either way. */
export function verdictOf({ figure, target }: Finding): string {
  if (Number.isNaN(figure.median)) return "not measured";
  const verdict = figure.median <= target ? "met" : "not met";
  return figure.low <= target && figure.high > target ? `${verdict}, within the spread` : verdict;
}
