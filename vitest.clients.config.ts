import { defineConfig } from "vitest/config";
import { shared } from "./vitest.config.ts";

/** Clients of other languages, generated and compiled by the tools of their trade: `npm run test:clients`, minutes. */
export default defineConfig({
  test: {
    ...shared,
    include: ["proofs/clients/**/*.test.ts"],
    maxWorkers: 1,
    // Each test as it ends.
    reporters: ["verbose"],
    testTimeout: 600_000,
    hookTimeout: 900_000,
  },
});
