import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["server/**/*.test.ts", "client/**/*.test.ts", "scripts/**/*.test.ts"],
    // npm run test:hostile
    exclude: ["**/node_modules/**", "server/test/hostile/**"],
    globalSetup: ["server/test/postgres.setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
