/** A program with one of its rules dropped or loosened. */
export interface Mutant {
  /** What no longer holds. */
  readonly rule: string;
  /** The file that is changed, from the root of the repository. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly from: string;
  readonly to: string;
  /** Who should notice. */
  readonly tests: Tests;
}

/** Test files, or folders of them, and which of their tests; undefined: all. */
export interface Tests {
  readonly files: readonly string[];
  /** A part of the tests' names, as vitest's -t takes it. */
  readonly named?: string;
}
