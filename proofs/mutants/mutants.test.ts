import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { fileOf, placesOf } from "./apply.ts";
import { MUTANTS } from "./mutants.ts";

// Running them takes hours; that what they take away has moved would be seen only then.
it("each mutant has its one place in the code", () => {
  const stale = MUTANTS.filter((mutant) => placesOf(mutant, readFileSync(fileOf(mutant), "utf8")) !== 1);
  expect(stale.map(({ file, rule }) => `${file}: ${rule}`)).toEqual([]);
});
