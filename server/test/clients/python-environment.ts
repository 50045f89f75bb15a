import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isOffline } from "./generated-client.ts";
import { findProgram, run, runWell } from "./program.ts";

/** An interpreter, or why there is none. */
export type PythonEnvironment =
  | { readonly python: string; readonly missing?: undefined }
  | { readonly python?: undefined; readonly missing: string };

/** The interpreter of an environment with what a requirements.txt names, which later runs find again. */
export async function openEnvironment(requirements: string): Promise<PythonEnvironment> {
  const system = findProgram("python3");
  if (system === undefined) return { missing: "python3 is not on PATH" };
  const version = await runWell(system, ["--version"]);
  const digest = createHash("sha256").update(version).update(readFileSync(requirements)).digest("hex").slice(0, 16);
  const environment = join(tmpdir(), `patchbay-python-${digest}`);
  if (!existsSync(environment)) {
    const fresh = mkdtempSync(`${environment}-`);
    const missing = await fill(fresh, system, requirements);
    if (missing !== undefined) {
      rmSync(fresh, { recursive: true });
      return { missing };
    }
    renameSync(fresh, environment);
  }
  return { python: join(environment, "bin/python") };
}

/** Installs what a requirements.txt names into a new environment; says what is missing for that. */
async function fill(environment: string, system: string, requirements: string): Promise<string | undefined> {
  const made = await run(system, ["-m", "venv", environment], { timeoutMs: 60_000 });
  if (made.exitCode !== 0) return "python3 makes no venv (apt-get install python3-venv)";
  const pip = ["-m", "pip", "install", "--quiet", "--retries", "1", "--timeout", "15", "-r", requirements];
  const installed = await run(join(environment, "bin/python"), pip, { timeoutMs: 300_000 });
  if (isOffline(installed)) return "pip reaches no registry";
  if (installed.exitCode !== 0) throw new Error(`pip failed: ${installed.stderr}`);
  return undefined;
}
