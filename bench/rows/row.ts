import type { Finding } from "../measure/finding.ts";
import type { Plan } from "../measure/rounds.ts";
import type { Stage } from "../stage/stage.ts";

/** One comparison, which settles one or more rows of design.md's table. */
export interface Row {
  /** For `--only`. */
  readonly name: string;
  /** The rows of design.md that it settles, for when it could not. */
  readonly what: string;
  /** Of a year's data, which it fills a database with first: it runs with `growth`, or when it is named. */
  readonly isGrowth?: true;
  run(stage: Stage, plan: Plan): Promise<readonly Finding[]>;
}
