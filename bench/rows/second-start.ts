import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { makeApiKey } from "../../server/domain/access/api-key-format.ts";
import { cpuTimeOf } from "../measure/cpu.ts";
import { figureOf } from "../measure/stats.ts";
import { PATCHBAY_ARGS, PATCHBAY_ENV } from "../stage/stage.ts";
import type { Row } from "./row.ts";

/** From the start of the process, over its own PostgreSQL that has been there before, to the first rows from it. */
export const secondStart: Row = {
  name: "second-start",
  what: "second start, embedded, to the first answer",
  async run(stage, plan) {
    const folder = mkdtempSync(join(stage.folder, "start-"));
    const apiKey = makeApiKey().reveal();
    const seconds: number[] = [];
    const cpu: number[] = [];
    for (let start = 0; start <= plan.starts; start++) {
      const startedAt = performance.now();
      const server = stage.start("patchbay-start", "anywhere", PATCHBAY_ARGS, {
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
    const [first = Number.NaN, ...later] = seconds;
    const against = `the first one took ${first.toFixed(2)} s`;
    return [
      { what: "second start to first answer", against, target: 1.5, figure: figureOf(later), unit: " s" },
      { what: "second start, CPU of the server", against: "", target: 0.5, figure: figureOf(cpu.slice(1)), unit: " s" },
    ];
  },
};

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
