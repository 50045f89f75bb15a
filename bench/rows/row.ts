import type { Finding } from "../measure/finding.ts";
import type { Plan } from "../measure/rounds.ts";
import type { Stage } from "../stage/stage.ts";

/** One comparison, which settles one or more rows of design.md's table. */
export interface Row {
  /** For `--only`. */
  readonly name: string;
  /** The rows of design.md that it settles, for when it could not. */
  readonly what: string;
  /** Why it runs only when it is named. */
  readonly whyNotNow?: string;
  run(stage: Stage, plan: Plan): Promise<readonly Finding[]>;
}
