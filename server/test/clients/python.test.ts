import { createHash } from "node:crypto";
import { existsSync, globSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeGeneratedClient, type GeneratedClient, isOffline, ROOT } from "./generated-client.ts";
import { findProgram, run, runWell } from "./program.ts";

const FOLDER = join(import.meta.dirname, "python");
const REQUIREMENTS = join(FOLDER, "requirements.txt");

describeGeneratedClient("Python", await prepare());

async function prepare(): Promise<GeneratedClient> {
  const { python, missing } = await openEnvironment();
  if (missing !== undefined) return { missing };
  const folder = mkdtempSync(join(tmpdir(), "patchbay-python-"));
  // Those of google.api and google.rpc come with googleapis-common-protos, generated.
  const protos = [...globSync("patchbay/v1/*.proto", { cwd: join(ROOT, "proto") }), "buf/validate/validate.proto"];
  const includes = ["proto", "third_party/protovalidate", "third_party/googleapis"].map((folder) => `-I${folder}`);
  const outputs = [`--python_out=${folder}`, `--grpc_python_out=${folder}`];
  await runWell(python, ["-m", "grpc_tools.protoc", ...includes, ...outputs, ...protos], { cwd: ROOT });
  return { command: ["env", `PYTHONPATH=${folder}`, python, join(FOLDER, "client.py")], folder };
}

/** The interpreter of an environment with what requirements.txt names, which later runs find again. */
async function openEnvironment(): Promise<
  { python: string; missing?: undefined } | { python?: undefined; missing: string }
> {
  const system = findProgram("python3");
  if (system === undefined) return { missing: "python3 is not on PATH" };
  const version = await runWell(system, ["--version"]);
  const digest = createHash("sha256").update(version).update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 16);
  const environment = join(tmpdir(), `patchbay-python-${digest}`);
  if (!existsSync(environment)) {
    const fresh = mkdtempSync(`${environment}-`);
    const missing = await fill(fresh, system);
    if (missing !== undefined) {
      rmSync(fresh, { recursive: true });
      return { missing };
    }
    renameSync(fresh, environment);
  }
  return { python: join(environment, "bin/python") };
}

/** Installs what requirements.txt names into a new environment; says what is missing for that. */
async function fill(environment: string, system: string): Promise<string | undefined> {
  const made = await run(system, ["-m", "venv", environment], { timeoutMs: 60_000 });
  if (made.exitCode !== 0) return "python3 makes no venv (apt-get install python3-venv)";
  const pip = ["-m", "pip", "install", "--quiet", "--retries", "1", "--timeout", "15", "-r", REQUIREMENTS];
  const installed = await run(join(environment, "bin/python"), pip, { timeoutMs: 120_000 });
  if (isOffline(installed)) return "pip reaches no registry";
  if (installed.exitCode !== 0) throw new Error(`pip failed: ${installed.stderr}`);
  return undefined;
}
