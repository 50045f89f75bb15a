import { join } from "node:path";
import { MUTANTS, type Mutant } from "./mutants.ts";

export const ROOT = join(import.meta.dirname, "../..");

/** Which of MUTANTS a process is to run as; empty: none, the guard as it is. */
export const VARIABLE = "EGRESS_MUTANT";

/** The mutant that this process is to run as. */
export const chosen: Mutant | undefined = MUTANTS[Number(process.env[VARIABLE] || Number.NaN)];

/** The path of the file that a mutant changes. */
export function fileOf({ file }: Mutant): string {
  return join(ROOT, "server/upstream/egress", file);
}

/** The source of its file with the mutant's change; throws an Error when the source is no longer what it changes. */
export function mutate({ rule, file, from, to }: Mutant, source: string): string {
  const places = source.split(from).length - 1;
  if (places === 1) return source.replace(from, () => to);
  throw new Error(`the mutant of "${rule}" fits ${places} places of ${file}: mend it in mutants.ts`);
}
