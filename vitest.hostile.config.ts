import { defineConfig } from "vitest/config";
import shared from "./vitest.config.ts";

/** What tries to break the server: long, loud, and different each time it is given another seed. */
export default defineConfig({
  test: { ...shared.test, include: ["server/test/hostile/**/*.test.ts"], exclude: [] },
});
