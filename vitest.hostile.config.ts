import { defineConfig } from "vitest/config";
import { HOSTILE, shared } from "./vitest.config.ts";

/**
 * What tries to break the server, other each time unless given a seed. It measures times and memory of a process of its
 * own: nothing else runs meanwhile.
 */
export default defineConfig({
  test: { ...shared, include: HOSTILE, fileParallelism: false },
});
