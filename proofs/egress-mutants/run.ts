/**
 * `npm run test:egress:mutants [-- WORDS]`: does anybody notice when a rule of the guard is missing? With words, only for
 * the rules that have them.
 *
 * Every mutant of mutants.ts is put to our own corpus, and if that does not notice it, to the egress layer's tests; one
 * that passes both has survived. The corpus that is shared between projects is put to all of them as well where it is
 * there: what it alone would notice is told, since it counts for nothing on a bare clone.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileOf, mutate, ROOT, VARIABLE } from "./apply.ts";
import { MUTANTS } from "./mutants.ts";

const PROBE_PATIENCE_MS = 60_000;
const TESTS_PATIENCE_MS = 120_000;
const SHARED = join(ROOT, "../shared/fixtures/egress.json");

const probe = join(import.meta.dirname, "probe.ts");
const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
const config = join(import.meta.dirname, "vitest.config.ts");
const hasShared = existsSync(SHARED);

const startedAt = performance.now();
for (const mutant of MUTANTS) mutate(mutant, readFileSync(fileOf(mutant), "utf8"));
if (!hasShared) console.log(`skipped: the shared corpus, because ${SHARED} is not there`);
await requirePassing();

const noticed = { corpus: 0, tests: 0, shared: 0 };
const survivors: string[] = [];
const words = process.argv.slice(2).join(" ");
const waiting = MUTANTS.map((_, index) => index).filter((index) => MUTANTS[index]?.rule.includes(words));
const total = waiting.length;
await Promise.all(Array.from({ length: availableParallelism() }, work));

const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
if (hasShared) console.log(`the shared corpus alone notices ${noticed.shared} of ${total}`);
console.log(`our corpus notices ${noticed.corpus}, the tests ${noticed.tests} more, in ${seconds} s`);
for (const survivor of survivors) console.error(`survived: without "${survivor}" nothing fails`);
console.log(`${total - survivors.length} killed, ${survivors.length} survived`);
process.exit(survivors.length > 0 ? 1 : 0);

async function work(): Promise<void> {
  for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
    if (hasShared && !(await passes(String(index), PROBE_PATIENCE_MS, [probe, SHARED]))) noticed.shared++;
    if (!(await passes(String(index), PROBE_PATIENCE_MS, [probe]))) noticed.corpus++;
    else if (!(await passes(String(index), TESTS_PATIENCE_MS, [vitest, "run", "--config", config]))) noticed.tests++;
    else survivors.push(MUTANTS[index]?.rule ?? "");
  }
}

/** A guard that fails without a change would make every mutant look noticed. */
async function requirePassing(): Promise<void> {
  const corpus = await passes("", PROBE_PATIENCE_MS, [probe]);
  const tests = await passes("", TESTS_PATIENCE_MS, [vitest, "run", "--config", config]);
  if (corpus && tests) return;
  console.error("the guard as it is does not pass; run: npx vitest run server/upstream/egress");
  process.exit(2);
}

/** Whether a program ends well with the guard as a mutant. One that does not end has noticed it. */
function passes(mutant: string, patienceMs: number, args: readonly string[]): Promise<boolean> {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    stdio: "ignore",
    env: { ...process.env, [VARIABLE]: mutant },
    timeout: patienceMs,
    killSignal: "SIGKILL",
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code === 0));
  });
}
