import { defineConfig } from "vitest/config";
import { chosen, fileOf, mutate, ROOT } from "./apply.ts";

/** The egress layer's own tests, against the guard as one mutant. None of them needs a database. */
export default defineConfig({
  root: ROOT,
  plugins: [
    {
      name: "egress-mutant",
      enforce: "pre",
      transform: (source, id) => (chosen && id === fileOf(chosen) ? mutate(chosen, source) : undefined),
    },
  ],
  test: {
    include: ["server/upstream/egress/*.test.ts"],
    bail: 1,
    // It knows nothing of mutants: it would run each as the last one, and later tests too.
    fsModuleCache: false,
    testTimeout: 10_000,
    reporters: ["dot"],
    isolate: false,
  },
});
