import { defineConfig } from "vitest/config";
import { shared } from "./vitest.config.ts";

/** Simulated fleets for longer, and LiteLLM before the same ones where PyPI gives it. Nothing else runs meanwhile. */
export default defineConfig({
  test: { ...shared, include: ["proofs/fleets/whole/**/*.test.ts"], fileParallelism: false },
});
