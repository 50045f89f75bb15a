import { afterAll, describe, expect, it } from "vitest";
import { RouteTier_Policy } from "../../../gen/patchbay/v1/route_pb.ts";
import packageJson from "../../../package.json" with { type: "json" };
import { startFleet } from "../fleet.ts";
import { installLitellm, litellmConfig, litellmOver } from "../litellm.ts";
import { drive } from "../load.ts";
import { patchbayOver } from "../patchbay.ts";
import { type OpenGateway, type Report, runScenario } from "../scenario.ts";

const seed = Number(process.env.FLEETS_SEED ?? 17);
const seconds = Number(process.env.FLEETS_SECONDS ?? 15);
const asked = { seed, troubleMs: seconds * 1_000, patienceMs: 30_000, callers: 8, paceMs: 20 };
const TROUBLES = ["dies", "limps", "is limited", "cuts streams"] as const;
const litellm = installLitellm();
const reports = new Map<string, Report[]>();

const policyFor = (trouble: Report["trouble"]) =>
  trouble === "limps" ? RouteTier_Policy.LEAST_BUSY : RouteTier_Policy.WEIGHTED;

async function run(name: string, open: OpenGateway, trouble: Report["trouble"]): Promise<Report> {
  const report = await runScenario(open, trouble, asked);
  reports.set(name, [...(reports.get(name) ?? []), report]);
  return report;
}

describe("Patchbay, while one of three", () => {
  it.each(TROUBLES)("%s", { timeout: 120_000 }, async (trouble) => {
    const report = await run(`Patchbay ${packageJson.version}`, patchbayOver(policyFor(trouble)), trouble);
    expect(report.failed / report.calls).toBeLessThanOrEqual(0.001);
    expect(report.perCall).toBeLessThanOrEqual(1.1);
    expect(report.backAfterMs).toBeLessThanOrEqual(10_000);
    expect(report.untold).toBe(0);
    // Those under way when the first was cut, and one at a time in a cooldown of up to eight seconds.
    expect(report.cut).toBeLessThanOrEqual(trouble === "cuts streams" ? asked.callers + 6 : 0);
  });

  it("is well, 10,000 calls come out as the weights are", { timeout: 300_000 }, async () => {
    const weights = [70, 20, 10];
    const members = await startFleet(seed);
    const gateway = await patchbayOver(RouteTier_Policy.WEIGHTED, weights)(members);
    const outcomes = await drive(gateway, { callers: 16, goOn: (made) => made < 10_000 });
    expect(outcomes.filter(({ result }) => result !== "ok")).toEqual([]);
    for (const [index, { name }] of members.entries()) {
      const share = (100 * outcomes.filter(({ member }) => member === name).length) / outcomes.length;
      console.log(`weight ${weights[index]}: ${share.toFixed(1)} %`);
      expect(Math.abs(share - (weights[index] ?? 0))).toBeLessThanOrEqual(2);
    }
    await gateway.close();
    await Promise.all(members.map((member) => member.close()));
  });
});

describe.skipIf("missing" in litellm)("LiteLLM before the same fleet, while one of three", () => {
  const name = "version" in litellm ? litellm.version.replace("litellm", "LiteLLM") : "";

  it.each(TROUBLES)("%s", { timeout: 300_000 }, async (trouble) => {
    const report = await run(name, litellmOver, trouble);
    expect(report.calls).toBeGreaterThan(0);
  });
});

afterAll(() => {
  console.log(`seed ${seed}, ${seconds} s of trouble, ${asked.callers} callers, Node ${process.version}`);
  if ("missing" in litellm) console.log(`without LiteLLM: ${litellm.missing}`);
  else console.log(`what LiteLLM was told:\n${litellmConfig([{ name: "a", url: "http://127.0.0.1:PORT" }])}`);
  console.log(tableOf(reports));
});

/** As in docs/routes.md. */
function tableOf(all: ReadonlyMap<string, readonly Report[]>): string {
  const head =
    "| one of three | gateway | calls | failed before the first piece | cut after it | not told | calls of endpoints per call | its share meanwhile | back after |";
  const rows = TROUBLES.flatMap((trouble) =>
    [...all].flatMap(([name, found]) => found.filter((one) => one.trouble === trouble).map((one) => rowOf(name, one))),
  );
  return [head, "| --- | --- | --- | --- | --- | --- | --- | --- | --- |", ...rows].join("\n");
}

function rowOf(name: string, report: Report): string {
  const { trouble, calls, failed, cut, untold, perCall, share, backAfterMs } = report;
  const failures = `${failed} (${((100 * failed) / calls).toFixed(2)} %)`;
  const back = backAfterMs === undefined ? "not within 30 s" : `${(backAfterMs / 1_000).toFixed(1)} s`;
  const shown = [
    trouble,
    name,
    calls,
    failures,
    cut,
    untold,
    perCall.toFixed(2),
    `${(100 * share).toFixed(0)} %`,
    back,
  ];
  return `| ${shown.join(" | ")} |`;
}
