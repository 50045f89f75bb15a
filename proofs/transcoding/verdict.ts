import { isDeepStrictEqual } from "node:util";

/** What a case came to. A choice is a difference that a rule of ours explains. */
export type Verdict =
  | { readonly kind: "passed" }
  | { readonly kind: "chosen"; readonly reasons: readonly string[] }
  | { readonly kind: "failed"; readonly input: unknown; readonly expected: unknown; readonly got: unknown };

/** The verdict on a case: passed if it came out as expected, whatever choices were set aside before. */
export function compare(input: unknown, expected: unknown, got: unknown, reasons: readonly string[] = []): Verdict {
  if (!isDeepStrictEqual(plain(expected), plain(got))) return { kind: "failed", input, expected, got };
  return reasons.length === 0 ? { kind: "passed" } : { kind: "chosen", reasons };
}

/** The result of a function, or its error as a value. */
export function attempt<T>(run: () => T): T | Error {
  try {
    return run();
  } catch (error) {
    return error as Error;
  }
}

/** Without prototypes and without undefined, as JSON would have it. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
