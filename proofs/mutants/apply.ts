import { join } from "node:path";
import type { Mutant } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";

export const ROOT = join(import.meta.dirname, "../..");

/** Which of MUTANTS a process is to run as; empty: none, the program as it is. */
export const VARIABLE = "MUTANT";

/** The mutant that this process is to run as. */
export const chosen: Mutant | undefined = MUTANTS[Number(process.env[VARIABLE] || Number.NaN)];

/** The path of the file that a mutant changes. */
export function fileOf({ file }: Mutant): string {
  return join(ROOT, file);
}

/** How many places of a source a mutant fits; one is right. */
export function placesOf({ from }: Mutant, source: string): number {
  return source.split(from).length - 1;
}

/** The source of its file with the mutant's change; throws an Error when the source is no longer what it changes. */
export function mutate(mutant: Mutant, source: string): string {
  const places = placesOf(mutant, source);
  if (places === 1) return source.replace(mutant.from, () => mutant.to);
  throw new Error(`the mutant of "${mutant.rule}" fits ${places} places of ${mutant.file}`);
}
