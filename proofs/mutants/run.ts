/**
 * `npm run mutants [-- LIST] [WORDS]`: does anybody notice when a rule is missing? LIST is egress, domain, store, service
 * or upstream; with words, only the rules that have them.
 *
 * Every mutant runs against the tests that should notice it, and those of egress against its corpus before that; one that
 * passes all of them has survived. The corpus that is shared between projects is put to the guard as well where it is
 * there: what it alone would notice is told, since it counts for nothing on a bare clone.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { makeTemporaryFolder } from "../../server/test/base/temporary-folder.ts";
import { openSharedPostgres } from "../../server/test/store/shared-postgres.ts";
import { fileOf, placesOf, ROOT, VARIABLE } from "./apply.ts";
import type { Mutant, Tests } from "./mutant.ts";
import { LISTS, MUTANTS } from "./mutants.ts";
import { HOST_VARIABLE } from "./postgres.setup.ts";

const PROBE_PATIENCE_MS = 60_000;
/** For the tests of one mutant, on a machine that has other things to do as well. */
const TESTS_PATIENCE_MS = 900_000;
const SHARED = join(ROOT, "../shared/fixtures/egress.json");

const probe = join(import.meta.dirname, "probe.ts");
const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
const config = join(import.meta.dirname, "vitest.config.ts");
const hasShared = existsSync(SHARED);

const startedAt = performance.now();
const [list, words] = readArguments(process.argv.slice(2));
const asked = MUTANTS.filter((mutant) => (!list || LISTS[list]?.includes(mutant)) && mutant.rule.includes(words));
const stale = asked.filter((mutant) => placesOf(mutant, readFileSync(fileOf(mutant), "utf8")) !== 1);
const waiting = asked.filter((mutant) => !stale.includes(mutant));
const total = waiting.length;
if (total === 0 && stale.length === 0) {
  console.error(
    `no rule of ${list || "any list"} has the words "${words}"; the lists are ${Object.keys(LISTS).join(", ")}`,
  );
  process.exit(2);
}

const noticed = { corpus: 0, tests: 0, shared: 0 };
/** How many did not end in time: each was noticed, unless the machine was too busy for its tests. */
let late = 0;
const survivors: Mutant[] = [];
const folder = makeTemporaryFolder("mutants");
const postgres = await openSharedPostgres(folder.path);
try {
  process.env[HOST_VARIABLE] = postgres.address.host;
  await requirePassing();
  await Promise.all(Array.from({ length: availableParallelism() }, work));
} finally {
  await postgres.stop();
  folder.remove();
}

if (hasShared && noticed.corpus > 0) console.log(`the shared corpus alone notices ${noticed.shared}`);
console.log(
  `egress' corpus notices ${noticed.corpus}, the tests ${noticed.tests} more, in ${secondsSince(startedAt)} s`,
);
for (const { rule, file } of survivors) console.error(`survived: without "${rule}" (${file}) nothing fails`);
for (const { rule, file } of stale)
  console.error(`stale: "${rule}" fits no place of ${file}, or several; mend its list`);
if (late > 0) console.log(`${late} did not end in time, which counts as noticed`);
console.log(`${total - survivors.length} killed, ${survivors.length} survived, ${stale.length} stale`);
process.exit(survivors.length + stale.length > 0 ? 1 : 0);

function readArguments([first = "", ...rest]: readonly string[]): [list: string, words: string] {
  return first in LISTS ? [first, rest.join(" ")] : ["", [first, ...rest].join(" ").trim()];
}

async function work(): Promise<void> {
  for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
    const begunAt = performance.now();
    const by = await noticedBy(mutant);
    if (by === undefined) survivors.push(mutant);
    else noticed[by]++;
    const done = total - waiting.length;
    console.log(`${done}/${total} ${by ? "killed" : "SURVIVED"} in ${secondsSince(begunAt)} s: ${mutant.rule}`);
  }
}

async function noticedBy(mutant: Mutant): Promise<"corpus" | "tests" | undefined> {
  const name = String(MUTANTS.indexOf(mutant));
  if (LISTS.egress?.includes(mutant)) {
    if (hasShared && !(await passes(name, PROBE_PATIENCE_MS, [probe, SHARED]))) noticed.shared++;
    if (!(await passes(name, PROBE_PATIENCE_MS, [probe]))) return "corpus";
  }
  return (await passes(name, TESTS_PATIENCE_MS, testRun([mutant.tests]))) ? undefined : "tests";
}

function testRun(tests: readonly Tests[]): string[] {
  const named = tests.flatMap((those) => those.named ?? []);
  const files = [...new Set(tests.flatMap((those) => those.files))];
  // What is one test's name is a part of no other's: several are asked for at once only to see that they pass as it is.
  const only = named.length === tests.length ? ["-t", named.map(escaped).join("|")] : [];
  return [vitest, "run", "--config", config, ...files, ...only];
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** A test that fails without a change would make its mutants look noticed. */
async function requirePassing(): Promise<void> {
  const isEgress = waiting.some((mutant) => LISTS.egress?.includes(mutant));
  const corpus = !isEgress || (await passes("", PROBE_PATIENCE_MS, [probe]));
  const named = waiting.map(({ tests }) => tests).filter((tests) => tests.named !== undefined);
  const whole = waiting.map(({ tests }) => tests).filter((tests) => tests.named === undefined);
  // All their tests, one after the other.
  const patienceMs = TESTS_PATIENCE_MS * new Set(waiting.flatMap(({ tests }) => tests.files)).size;
  const passed = [
    named.length === 0 || (await passes("", patienceMs, testRun(named), "inherit")),
    whole.length === 0 || (await passes("", patienceMs, testRun(whole), "inherit")),
  ];
  if (corpus && passed.every(Boolean)) return;
  const files = [...new Set(waiting.flatMap(({ tests }) => tests.files))];
  console.error(`the tests do not pass without a mutant; run: npx vitest run ${files.join(" ")}`);
  await postgres.stop();
  folder.remove();
  process.exit(2);
}

/** Whether a program ends well as a mutant. One that does not end has noticed it. */
function passes(
  mutant: string,
  patienceMs: number,
  args: readonly string[],
  stdio: "ignore" | "inherit" = "ignore",
): Promise<boolean> {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    stdio,
    env: { ...process.env, [VARIABLE]: mutant },
    timeout: patienceMs,
    killSignal: "SIGKILL",
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      if (signal === "SIGKILL") late++;
      resolve(code === 0);
    });
  });
}

function secondsSince(start: number): string {
  return ((performance.now() - start) / 1_000).toFixed(0);
}
