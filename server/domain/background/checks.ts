import { Fault } from "../../base/fault.ts";
import type { DueLlm } from "../../store/queries/schedules.ts";
import type { Scope } from "../call/scope.ts";
import type { ConnectionTests } from "../llms/connection-tests.ts";
import { backOff, type Done } from "./due-work.ts";

const HOUR_MS = 3_600_000;

/**
 * Tests an Llm by the interval that its owner set. Checks go on while it is failing, less and less often, up to one an hour
 * or as seldom as the owner wants them, so that it recovers by itself.
 */
export async function check(tests: ConnectionTests, scope: Scope, due: DueLlm): Promise<Done> {
  const intervalMs = due.intervalSeconds * 1_000;
  const hasPassed = await passes(tests, scope, due.llmId);
  // It is deleted, and may come back.
  if (hasPassed === undefined) return { delayMs: HOUR_MS, failures: 0 };
  if (hasPassed) return { delayMs: intervalMs, failures: 0 };
  const failures = due.failures + 1;
  return { delayMs: Math.max(intervalMs, backOff(2 * intervalMs, failures, HOUR_MS)), failures };
}

/** Undefined if there is nothing to check. */
async function passes(tests: ConnectionTests, scope: Scope, llmId: string): Promise<boolean | undefined> {
  try {
    return (await tests.check(scope, llmId)).outcome === "OK";
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (error.reason === "LLM_NOT_FOUND") return undefined;
    if (error.reason === "CREDENTIALS_UNREADABLE") return false;
    throw error;
  }
}
