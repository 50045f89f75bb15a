import { it } from "vitest";
import { type Defect, KNOWN_DEFECTS } from "./known-defects.ts";

/** A test of what should be; one that is expected to fail while what it is about is a known defect. */
export function should(defect: Defect | undefined, name: string, test: () => Promise<void>): void {
  const isKnown = defect !== undefined && KNOWN_DEFECTS.includes(defect);
  (isKnown ? it.fails : it)(name, test);
}
