/**
 * What `npm run bench` runs: Patchbay beside its peers and floors, all in one run, and design.md's figures beside what
 * came out. Only ratios within one run mean anything.
 */
import { availableParallelism, cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { canMeasureCpu } from "./measure/cpu.ts";
import type { Finding, Unmeasured } from "./measure/finding.ts";
import { pinOurselves } from "./measure/pinning.ts";
import { printFindings, printUnmeasured } from "./measure/print.ts";
import type { Plan } from "./measure/rounds.ts";
import type { Row } from "./rows/row.ts";
import { ROWS, UNMEASURED } from "./rows/rows.ts";
import { Stage } from "./stage/stage.ts";

const FULL: Plan = { rounds: 7, warmUpMs: 2_000, roundMs: 1_200, starts: 5 };
const QUICK: Plan = { rounds: 5, warmUpMs: 1_000, roundMs: 400, starts: 2 };

const HELP = `npm run bench                      all rows but the slow ones, in 13 minutes
npm run bench -- --quick           the same in less time, with a wider spread
npm run bench -- --only NAME       one row: ${ROWS.map(({ name }) => name).join(", ")}
`;

const { values } = parseArgs({
  options: { help: { type: "boolean" }, quick: { type: "boolean" }, only: { type: "string" } },
});
const rows = ROWS.filter(({ name, whyNotNow }) => (values.only ? name === values.only : whyNotNow === undefined));
if (values.help || rows.length === 0) {
  process.stdout.write(HELP);
  process.exit(values.help ? 0 : 1);
}
process.exit((await bench(rows, values.quick ? QUICK : FULL)) ? 0 : 1);

async function bench(rows: readonly Row[], plan: Plan): Promise<boolean> {
  const load = loadavg()[0] ?? 0;
  console.log(
    `${availableParallelism()} cores (${cpus()[0]?.model}), Node ${process.version}, load ${load.toFixed(1)}`,
  );
  if (load > 0.5)
    console.log("This machine is at work already: compare within this run, and believe no small difference.");
  console.log(`${pinOurselves()}; ${plan.rounds} rounds, interleaved; medians, with smallest and largest`);
  if (!canMeasureCpu) console.log("This system has no /proc/PID/schedstat: there will be no CPU time, only latencies.");

  const stage = new Stage();
  const close = once(() => stage.close());
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      // Whatever fails now fails because its servers go.
      process.on("uncaughtException", () => {});
      close().finally(() => process.exit(1));
    });
  }
  const findings: Finding[] = [];
  const failed: Unmeasured[] = [];
  try {
    for (const row of rows) {
      try {
        findings.push(...(await row.run(stage, plan)));
      } catch (error) {
        failed.push({ what: row.what, why: `failed: ${(error as Error).stack}` });
      }
    }
  } finally {
    await close();
  }
  if (findings.length > 0) console.log("\ndesign.md, the column now:");
  if (findings.length > 0) printFindings(findings);
  const left = ROWS.filter((row) => !rows.includes(row) && row.whyNotNow).map(({ what, whyNotNow = "" }) => {
    return { what, why: whyNotNow };
  });
  printUnmeasured([...failed, ...(values.only ? [] : [...left, ...UNMEASURED])]);
  return failed.length === 0;
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
