import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { FamilyCpu, ProcessCpu } from "../measure/cpu.ts";
import { figureOf } from "../measure/stats.ts";
import { PATCHBAY_ENV } from "../stage/stage.ts";
import type { Row } from "./row.ts";

const LLMS = 1_000;
const CLI = join(import.meta.dirname, "../../server/cli/patchbay.ts");

/** A manifest of a thousand Llms, applied by the command to a server that was just started, and applied once more. */
export const apply: Row = {
  name: "apply",
  what: "1,000 Llms applied",
  async run(stage) {
    const server = await stage.startPatchbay();
    const { url, authorization } = await server.furnish();
    const manifest = join(stage.folder, "many.yaml");
    writeFileSync(manifest, manifestOf(await stage.model()));
    const { PATH = "", HOME = "" } = process.env;
    const env = {
      ...{ PATH, HOME, ...PATCHBAY_ENV },
      PATCHBAY_URL: url,
      PATCHBAY_API_KEY: authorization.replace("Bearer ", ""),
      PATCHBAY_CONFIG_DIR: stage.folder,
    };
    const postgres = await stage.databasePid();
    const family = postgres === undefined ? undefined : new FamilyCpu(postgres);
    const ofServer = new ProcessCpu(server.process.pid);
    const cpuS = () => (ofServer.read().runNs + (family?.read().runNs ?? 0)) / 1e9;
    const timed = () => {
      const before = cpuS();
      const startedAt = performance.now();
      const args = [CLI, "apply", "-f", manifest, "--yes"];
      const { status, stderr } = spawnSync(process.execPath, args, { env, stdio: ["ignore", "ignore", "pipe"] });
      if (status !== 0) throw new Error(`apply ended with ${status}: ${stderr}`);
      return { seconds: (performance.now() - startedAt) / 1_000, cpuS: cpuS() - before };
    };
    const first = timed();
    const again = timed();
    return [
      { what: "1,000 Llms applied", against: "", target: 10, figure: figureOf([first.seconds]), unit: " s" },
      {
        what: "1,000 Llms applied, CPU of server and PostgreSQL",
        against: "its clock does not see what else this machine does",
        target: 10,
        figure: figureOf([first.cpuS]),
        unit: " s",
      },
      {
        what: "the same applied again",
        against: "nothing is left to do",
        target: 3,
        figure: figureOf([again.seconds]),
        unit: " s",
      },
    ];
  },
};

function manifestOf(modelUrl: string): string {
  const llms = Array.from({ length: LLMS }, (_, index) => ({
    alias: `llm-${index}`,
    providerType: "CUSTOM_OPENAI_COMPATIBLE",
    modelIdentifier: `model-${index}`,
    endpointUrl: `${modelUrl}/v1`,
    labels: { team: "bench" },
  }));
  return JSON.stringify({ llms });
}
