import { expect, it } from "vitest";
import { tortureDatabase } from "./run.ts";

/** As many kinds of faults as fit; `npm run torture:database` has all of them, and many rounds. */
const FAULTS = ["kill the server", "half open", "terminate busy sessions", "read only", "another password"];

it("a server survives its database's bad days, and loses and doubles nothing", { timeout: 240_000 }, async () => {
  // The figures are those of the script, on a quiet machine; this one may be a busy one.
  const { violations, ...verdict } = await tortureDatabase({ rounds: 5, seed: 11, faults: FAULTS, patience: 6 });
  expect(violations).toEqual([]);
  expect(verdict).toMatchObject({ rounds: 5, kills: 2 });
  expect(verdict.chats).toBeGreaterThan(10);
});
