import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { makeApiKey } from "../../server/domain/access/api-key-format.ts";
import { cpuTimeOf } from "../measure/cpu.ts";
import type { Finding } from "../measure/finding.ts";
import type { Plan } from "../measure/rounds.ts";
import { figureOf } from "../measure/stats.ts";
import type { Stage } from "../stage/stage.ts";
import { PATCHBAY_ARGS, PATCHBAY_ENV } from "../stage/stage.ts";
import type { Row } from "./row.ts";

/** From the start of the process, over its own PostgreSQL that has been there before, to the first rows from it. */
export const secondStart: Row = {
  name: "second-start",
  what: "second start, embedded, to the first answer",
  async run(stage, plan) {
    const clone = await timeStarts(stage, plan, "clone", PATCHBAY_ARGS);
    execFileSync(process.execPath, [join(root, "scripts/build-package.ts")], { stdio: "ignore" });
    const packed = await timeStarts(stage, plan, "package", [join(root, "dist/bin/patchbay.js"), "serve"]);
    return [clone, packed].flatMap(({ name, seconds: [first = Number.NaN, ...later], cpu }): Finding[] => [
      {
        what: `second start of the ${name} to first answer`,
        against: `the first one took ${first.toFixed(2)} s`,
        target: 1.5,
        figure: figureOf(later),
        unit: " s",
      },
      {
        what: `second start of the ${name}, CPU of the server`,
        against: "",
        target: 0.5,
        figure: figureOf(cpu.slice(1)),
        unit: " s",
      },
    ]);
  },
};

/** What the first start and those after it take, in seconds. */
async function timeStarts(stage: Stage, plan: Plan, name: string, args: readonly string[]) {
  const folder = mkdtempSync(join(stage.folder, "start-"));
  const apiKey = makeApiKey().reveal();
  const seconds: number[] = [];
  const cpu: number[] = [];
  for (let start = 0; start <= plan.starts; start++) {
    const startedAt = performance.now();
    const server = stage.start(`patchbay-start-${name}`, "anywhere", args, {
      PORT: "0",
      DATA_DIR: join(folder, "data"),
      BOOTSTRAP_API_KEY: apiKey,
      ...PATCHBAY_ENV,
    });
    try {
      const [url] = await server.urls();
      const response = await fetch(`${url}/v1/llms`, { headers: { authorization: `Bearer ${apiKey}` } });
      if (!response.ok) throw new Error(`the first answer was ${response.status}: ${await response.text()}`);
      await response.text();
      seconds.push((performance.now() - startedAt) / 1_000);
      cpu.push(cpuTimeOf(server.pid).runNs / 1e9);
    } finally {
      await server.stop();
    }
  }
  return { name, seconds, cpu };
}

/** What `npm ci --omit=dev` puts on a disk, by package.json as it is. */
export const installSize: Row = {
  name: "install-size",
  what: "install size",
  async run(stage) {
    const folder = mkdtempSync(join(stage.folder, "install-"));
    for (const file of ["package.json", "package-lock.json"]) copyFileSync(join(root, file), join(folder, file));
    const args = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    const { status } = spawnSync("npm", args, { cwd: folder, stdio: "inherit" });
    if (status !== 0) throw new Error("npm ci failed");
    const { stdout } = spawnSync("du", ["-sm", join(folder, "node_modules")], { encoding: "utf8" });
    const figure = figureOf([Number.parseInt(stdout, 10)]);
    return [{ what: "npm ci --omit=dev", against: "on disk", target: 290, figure, unit: " MB" }];
  },
};

const root = join(import.meta.dirname, "../..");
