/**
 * What `npm run bench` runs: Patchbay beside its peers and floors, all in one run, and what is wanted beside what came out.
 * Only ratios within one run mean anything. What each row read is kept in bench/RESULTS.md.
 */
import { availableParallelism, cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { canMeasureCpu } from "./measure/cpu.ts";
import type { Finding, Unmeasured } from "./measure/finding.ts";
import { pinOurselves } from "./measure/pinning.ts";
import { allSaid, printFindings, printUnmeasured, say } from "./measure/print.ts";
import { keepResults } from "./measure/results-page.ts";
import type { Plan } from "./measure/rounds.ts";
import type { Row } from "./rows/row.ts";
import { ROWS, UNMEASURED } from "./rows/rows.ts";
import { Stage } from "./stage/stage.ts";

const FULL: Plan = { rounds: 7, warmUpMs: 2_000, roundMs: 1_200, starts: 5, scale: 1 };
const QUICK: Plan = { rounds: 5, warmUpMs: 1_000, roundMs: 400, starts: 2, scale: 0.1 };

const HELP = `npm run bench                      all rows but those of a year's data, in 20 minutes
npm run bench -- growth            those of a year's data, which it makes first
npm run bench -- --quick           either in less time, with a wider spread, and with a tenth of the data
npm run bench -- --only NAME       one row: ${ROWS.map(({ name }) => name).join(", ")}
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { help: { type: "boolean" }, quick: { type: "boolean" }, only: { type: "string" } },
});
const group = positionals[0] ?? "now";
const rows = ROWS.filter(({ name, isGrowth }) =>
  values.only ? name === values.only : (isGrowth ?? false) === (group === "growth"),
);
if (values.help || rows.length === 0 || !["now", "growth"].includes(group)) {
  process.stdout.write(HELP);
  process.exit(values.help ? 0 : 1);
}
process.exit((await bench(rows, values.quick ? QUICK : FULL)) ? 0 : 1);

async function bench(rows: readonly Row[], plan: Plan): Promise<boolean> {
  const load = loadavg()[0] ?? 0;
  const machine =
    `${availableParallelism()} cores (${cpus()[0]?.model}), Node ${process.version}, load ${load.toFixed(1)}` +
    (plan === QUICK ? ", with --quick" : "");
  say(machine);
  if (load > 0.5) say("This machine is at work already: compare within this run, and believe no small difference.");
  say(`${pinOurselves()}; ${plan.rounds} rounds, interleaved; medians, with smallest and largest`);
  if (!canMeasureCpu) say("This system has no /proc/PID/schedstat: there will be no CPU time, only latencies.");

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
      const before = allSaid().length;
      try {
        const found = await row.run(stage, plan);
        findings.push(...found);
        printFindings(found);
        keepResults(row, machine, allSaid().slice(before));
      } catch (error) {
        failed.push({ what: row.what, why: `failed: ${(error as Error).stack}` });
      }
    }
  } finally {
    await close();
  }
  if (rows.length > 1) say("\nwhat is wanted, and what came out:");
  if (rows.length > 1) printFindings(findings);
  printUnmeasured([...failed, ...(values.only ? [] : UNMEASURED)]);
  return failed.length === 0;
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
