import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [
      "server/**/*.test.ts",
      "bench/**/*.test.ts",
      "client/**/*.test.ts",
      "scripts/**/*.test.ts",
      "proofs/**/*.test.ts",
      "tools/**/*.test.ts",
    ],
    // They come after the others, alone, or by themselves: vitest.hostile.config.ts and its like for clients and console.
    exclude: [
      "**/node_modules/**",
      "server/test/hostile/**",
      "server/test/console/whole/**",
      "proofs/clients/**",
      "proofs/fleets/whole/**",
    ],
    // Each starts servers, with connections to PostgreSQL of their own; one worker leaves a core idle for most of the time.
    maxWorkers: 2,
    globalSetup: ["server/test/store/postgres.setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
