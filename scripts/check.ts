/**
 * What `npm test` runs: every check of this repository, in one go, with nothing installed but its packages. It goes on
 * after a failure, so that one run tells everything, and closes with `N passed, N failed`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

interface Step {
  readonly name: string;
  readonly run: () => boolean;
}

const root = join(import.meta.dirname, "..");
const binaries = join(root, "node_modules/.bin");
const scratch = mkdtempSync(join(tmpdir(), "patchbay-check-"));
const report = join(scratch, "tests.json");

const steps: Step[] = [
  { name: "vendored protos", run: () => run("node", "scripts/vendor-protos.ts") },
  { name: "types", run: () => run("tsc", "--noEmit") },
  { name: "lint", run: () => run("biome", "check", "--error-on-warnings") },
  { name: "proto lint", run: () => run("buf", "lint") },
  { name: "proto format", run: () => run("buf", "format", "--diff", "--exit-code", "proto") },
  { name: "proto breaking", run: () => run("buf", "breaking", "proto", "--against", "proto/published.binpb") },
  { name: "generated code is fresh", run: isGeneratedCodeFresh },
  ...withFixture("transcoding", "scripts/check-transcoding.ts"),
  ...withFixture("egress", "scripts/check-egress.ts"),
  {
    name: "tests",
    run: () => run("vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`),
  },
];

let failed = 0;
for (const { name, run: step } of steps) {
  const startedAt = performance.now();
  console.log(`\n── ${name}`);
  const passed = step();
  if (!passed) failed++;
  console.log(`   ${passed ? "passed" : "FAILED"} in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
}
const tests = countTests();
rmSync(scratch, { recursive: true });
const checks = steps.length - 1;
// The step "tests" counts by its tests, or as one if it did not get that far.
const failures = failed - (tests.failed > 0 ? 1 : 0) + tests.failed;
console.log(`\n${checks - (failures - tests.failed) + tests.passed} passed, ${failures} failed`);
process.exit(failures > 0 ? 1 : 0);

function run(command: string, ...args: string[]): boolean {
  const env = { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH}` };
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", env });
  if (error) console.error(error.message);
  return status === 0;
}

/** Cases that are shared between projects lie beside this one; a clone alone has none. */
function withFixture(name: string, script: string): Step[] {
  const file = join(root, "../shared/fixtures", `${name}.json`);
  if (existsSync(file)) return [{ name: `${name} cases`, run: () => run("node", script, file) }];
  console.log(`skipped: ${name} cases, because ../shared/fixtures/${name}.json is not there`);
  return [];
}

function isGeneratedCodeFresh(): boolean {
  const fresh = join(scratch, "fresh");
  if (!run("buf", "generate", "--output", fresh)) return false;
  if (!run("node", "scripts/generate-openapi.ts", join(fresh, "gen/openapi.json"))) return false;
  const isSame = run("diff", "--recursive", "--brief", join(fresh, "gen"), "gen");
  if (!isSame) console.error("gen/ is not what the protos generate. Run: npm run proto:generate");
  return isSame;
}

function countTests(): { passed: number; failed: number } {
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, "utf8"));
    return { passed: numPassedTests, failed: numFailedTests };
  } catch {
    return { passed: 0, failed: 0 };
  }
}
