import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["server/**/*.test.ts", "client/**/*.test.ts", "scripts/**/*.test.ts"],
    // They come after the others, alone: vitest.hostile.config.ts.
    exclude: ["**/node_modules/**", "server/test/hostile/**"],
    globalSetup: ["server/test/postgres.setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
