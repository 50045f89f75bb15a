/**
 * What `npm test` runs: every check of this repository, in one go, with nothing installed but its packages. It goes on
 * after a failure, so that one run tells everything, and closes with `N passed, N failed`. With `--programs NAME,…` it
 * runs these of `npm run test:programs` too, which come from registries.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";

interface Step {
  readonly name: string;
  /** Whether it passed, or how many of its tests did. */
  readonly run: (output: Output) => Promise<boolean | Tests>;
}

/** Where the programs of a step print: here at once, or into a list that is shown when the step has ended. */
type Output = "at once" | string[];

interface Tests {
  readonly passed: number;
  readonly failed: number;
}

const { programs } = parseArgs({ options: { programs: { type: "string" } } }).values;
const root = join(import.meta.dirname, "..");
const binaries = join(root, "node_modules/.bin");
const scratch = mkdtempSync(join(tmpdir(), "patchbay-check-"));

const checks: Step[] = [
  { name: "vendored protos", run: (output) => run(output, "node", "scripts/vendor-protos.ts") },
  { name: "types", run: (output) => run(output, "tsc", "--noEmit") },
  { name: "lint", run: (output) => run(output, "biome", "check", "--error-on-warnings") },
  { name: "proto lint", run: (output) => run(output, "buf", "lint") },
  { name: "proto format", run: (output) => run(output, "buf", "format", "--diff", "--exit-code", "proto") },
  {
    name: "proto breaking",
    run: (output) => run(output, "buf", "breaking", "proto", "--against", "proto/published.binpb"),
  },
  { name: "generated code is fresh", run: isGeneratedCodeFresh },
  ...withFixture("transcoding", "scripts/check-transcoding.ts"),
  ...withFixture("egress", "scripts/check-egress.ts"),
  { name: "canary scan", run: (output) => run(output, "node", "proofs/canary-scan/run.ts") },
];
const tests: Step = { name: "tests", run: () => runTests("vitest.config.ts") };
const hostileTests: Step = { name: "hostile tests", run: () => runTests("vitest.hostile.config.ts") };

let [passed, failed] = [0, 0];
// These wait for their endpoints and for registries most of the time; what computes does so meanwhile.
const waiting = [inTurn(upstreamCases(), []), inTurn(programsOfPeople(), [])];
await inTurn(checks, []);
await inTurn([tests], "at once");
await Promise.all(waiting);
// They measure times and memory, and so run when nothing else does.
await inTurn([hostileTests], "at once");
rmSync(scratch, { recursive: true });
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);

async function inTurn(steps: readonly Step[], output: Output): Promise<void> {
  for (const { name, run: step } of steps) {
    const startedAt = performance.now();
    console.log(output === "at once" ? `\n── ${name}` : `begun: ${name}`);
    const outcome = await step(output);
    if (output !== "at once") process.stdout.write(`\n── ${name}\n${output.splice(0).join("")}`);
    const counted = typeof outcome === "boolean" ? { passed: Number(outcome), failed: Number(!outcome) } : outcome;
    passed += counted.passed;
    failed += counted.failed;
    const verdict = counted.failed === 0 ? "passed" : "FAILED";
    console.log(`   ${verdict} in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  }
}

async function run(output: Output, command: string, ...args: string[]): Promise<boolean> {
  const env = { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH}` };
  // No terminal, on which vitest would draw over the lines that other steps print meanwhile.
  const child = spawn(command, args, { cwd: root, stdio: ["inherit", "pipe", "pipe"], env });
  child.stdout.setEncoding("utf8").on("data", (text) => tell(output, text));
  child.stderr.setEncoding("utf8").on("data", (text) => tell(output, text));
  return new Promise((resolve) => {
    child.once("error", ({ message }) => {
      tell(output, `${message}\n`);
      resolve(false);
    });
    child.once("close", (code) => resolve(code === 0));
  });
}

function tell(output: Output, text: string): void {
  if (output === "at once") process.stdout.write(text);
  else output.push(text);
}

/** Cases that are shared between projects lie beside this one; a clone alone has none. */
function withFixture(name: string, script: string): Step[] {
  const file = join(root, "../shared/fixtures", `${name}.json`);
  if (existsSync(file)) return [{ name: `${name} cases`, run: (output) => run(output, "node", script, file) }];
  console.log(`skipped: ${name} cases, because ../shared/fixtures/${name}.json is not there`);
  return [];
}

/**
 * What upstreams really send, the shared cases and ours, each against a server that is started for it, as one takes so many
 * tests of connections a minute; two minutes.
 */
function upstreamCases(): Step[] {
  const tool = join(root, "../shared/tools/check-upstreams.mjs");
  const shared = join(root, "../shared/fixtures/upstreams.json");
  if (!existsSync(tool) || !existsSync(shared)) {
    console.log("skipped: upstream cases, because ../shared/tools/check-upstreams.mjs or its cases are not there");
    return [];
  }
  const ours = (name: string) => join(root, "proofs/upstreams", name);
  const played = {
    "upstream cases": [shared, ours("cases.json")],
    "blind upstream cases": [ours("blind-cases.json")],
  };
  return Object.entries(played).map(([name, files]) => ({
    name,
    run: (output) => run(output, "node", tool, "--start", root, "--jobs", "8", ...files),
  }));
}

/** Programs that people own, where they are asked for. */
function programsOfPeople(): Step[] {
  const names = programs?.split(",") ?? [];
  const script = "proofs/programs/run.ts";
  return names.length > 0 ? [{ name: "programs", run: (output) => run(output, "node", script, ...names) }] : [];
}

async function isGeneratedCodeFresh(output: Output): Promise<boolean> {
  const fresh = join(scratch, "fresh");
  const isMade =
    (await run(output, "buf", "generate", "--output", fresh)) &&
    (await run(output, "node", "scripts/generate-openapi.ts", join(fresh, "gen/openapi.json"))) &&
    (await run(output, "node", "scripts/build-console.ts", join(fresh, "gen/console")));
  if (!isMade) return false;
  if (await run(output, "diff", "--recursive", "--brief", join(fresh, "gen"), "gen")) return true;
  tell(output, "gen/ is not what the protos generate. Run: npm run proto:generate\n");
  return false;
}

/** Runs tests, which count one by one; a run that fails without a failed test (it did not get that far) counts as one. */
async function runTests(config: string): Promise<Tests> {
  const report = join(scratch, `${config}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const isFine = await run("at once", "vitest", "run", "--config", config, ...reporters);
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
