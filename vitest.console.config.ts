import { defineConfig } from "vitest/config";
import { shared } from "./vitest.config.ts";

/** What takes minutes of the console: a million Llms, and the pictures of docs/console. */
export default defineConfig({
  test: { ...shared, include: ["server/test/console/whole/**/*.test.ts"], fileParallelism: false },
});
