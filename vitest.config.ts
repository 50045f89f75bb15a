import { defineConfig } from "vitest/config";

/** What all tests have, those too that have a run of their own: vitest.hostile.config.ts and its like. */
export const shared = {
  globalSetup: ["server/test/store/postgres.setup.ts"],
  testTimeout: 30_000,
  hookTimeout: 60_000,
  // What is waited for comes as soon as a busy machine has the time; a second, which is usual, is too short for that.
  expect: { poll: { timeout: 10_000 } },
};
const { globalSetup, ...limits } = shared;

const ALL = [
  "server/**/*.test.ts",
  "bench/**/*.test.ts",
  "client/**/*.test.ts",
  "scripts/**/*.test.ts",
  "proofs/**/*.test.ts",
  "tools/**/*.test.ts",
];

/** They measure how long others wait, and have the machine for themselves: vitest.hostile.config.ts. */
export const HOSTILE = ["server/test/hostile/**/*.test.ts", "server/wire/http/flood.test.ts"];

/** They come after the others, alone, or by themselves: vitest.hostile.config.ts and its like for clients and console. */
const ELSEWHERE = [
  "**/node_modules/**",
  ...HOSTILE,
  "server/test/console/whole/**",
  "proofs/clients/**",
  "proofs/fleets/whole/**",
];

/** Each in a process of its own: they start programs, measure their process, or change what belongs to all of it. */
const ALONE = [
  "server/*.test.ts",
  "server/{cli,test}/**/*.test.ts",
  "{bench,scripts,proofs}/**/*.test.ts",
  "server/base/heap.test.ts",
  "server/upstream/egress/guarded-connect.test.ts",
  "server/upstream/upstreams.test.ts",
  "server/wire/rest/{hostile,request-body}.test.ts",
];

export default defineConfig({
  test: {
    globalSetup,
    // Half of what each does is waiting: for servers that start, for what is due, for deadlines. On two cores, two leave one idle.
    maxWorkers: 3,
    projects: [
      { test: { ...limits, name: "alone", include: ALONE, exclude: ELSEWHERE } },
      {
        test: {
          ...limits,
          name: "together",
          include: ALL,
          exclude: [...ELSEWHERE, ...ALONE],
          // A worker imports what we are made of once, and not again for each of its files, at a second of CPU for each.
          isolate: false,
        },
      },
    ],
  },
});
