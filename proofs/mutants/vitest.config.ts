import { defineConfig } from "vitest/config";
import { shared } from "../../vitest.config.ts";
import { chosen, fileOf, mutate, ROOT } from "./apply.ts";

/** The tests that should notice, against the program as one mutant, on the PostgreSQL of the run. */
export default defineConfig({
  root: ROOT,
  plugins: [
    {
      name: "mutant",
      enforce: "pre",
      transform: (source, id) => (chosen && id === fileOf(chosen) ? mutate(chosen, source) : undefined),
    },
  ],
  test: {
    ...shared,
    include: ["server/**/*.test.ts"],
    globalSetup: ["proofs/mutants/postgres.setup.ts"],
    bail: 1,
    // It knows nothing of mutants: it would run each as the last one, and later tests too.
    fsModuleCache: false,
    reporters: ["dot"],
    isolate: false,
    maxWorkers: 1,
  },
});
