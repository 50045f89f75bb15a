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
  /** Whether it passed, or how many of its tests did. */
  readonly run: () => boolean | Tests;
}

interface Tests {
  readonly passed: number;
  readonly failed: number;
}

const root = join(import.meta.dirname, "..");
const binaries = join(root, "node_modules/.bin");
const scratch = mkdtempSync(join(tmpdir(), "patchbay-check-"));

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
  ...upstreamCases(),
  { name: "canary scan", run: () => run("node", "proofs/canary-scan/run.ts") },
  { name: "tests", run: () => runTests("vitest.config.ts") },
  { name: "hostile tests", run: () => runTests("vitest.hostile.config.ts") },
];

let [passed, failed] = [0, 0];
for (const { name, run: step } of steps) {
  const startedAt = performance.now();
  console.log(`\n── ${name}`);
  const outcome = step();
  const tests = typeof outcome === "boolean" ? { passed: Number(outcome), failed: Number(!outcome) } : outcome;
  passed += tests.passed;
  failed += tests.failed;
  const verdict = tests.failed === 0 ? "passed" : "FAILED";
  console.log(`   ${verdict} in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
}
rmSync(scratch, { recursive: true });
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);

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

/** What upstreams really send, the shared cases and ours, played against a server that is started for it; two minutes. */
function upstreamCases(): Step[] {
  const [tool, cases] = ["tools/check-upstreams.mjs", "fixtures/upstreams.json"].map((file) =>
    join(root, "../shared", file),
  );
  const ours = join(root, "proofs/upstreams/cases.json");
  if (tool && cases && existsSync(tool) && existsSync(cases)) {
    return [{ name: "upstream cases", run: () => run("node", tool, "--start", root, "--jobs", "8", cases, ours) }];
  }
  console.log("skipped: upstream cases, because ../shared/tools/check-upstreams.mjs or its cases are not there");
  return [];
}

function isGeneratedCodeFresh(): boolean {
  const fresh = join(scratch, "fresh");
  if (!run("buf", "generate", "--output", fresh)) return false;
  if (!run("node", "scripts/generate-openapi.ts", join(fresh, "gen/openapi.json"))) return false;
  if (!run("node", "scripts/build-console.ts", join(fresh, "gen/console"))) return false;
  const isSame = run("diff", "--recursive", "--brief", join(fresh, "gen"), "gen");
  if (!isSame) console.error("gen/ is not what the protos generate. Run: npm run proto:generate");
  return isSame;
}

/** Runs tests, which count one by one; a run that fails without a failed test (it did not get that far) counts as one. */
function runTests(config: string): Tests {
  const report = join(scratch, `${config}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const isFine = run("vitest", "run", "--config", config, ...reporters);
  const { passed, failed } = readReport(report);
  return { passed, failed: isFine ? failed : Math.max(1, failed) };
}

function readReport(report: string): Tests {
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, "utf8"));
    return { passed: numPassedTests, failed: numFailedTests };
  } catch {
    return { passed: 0, failed: 0 };
  }
}
