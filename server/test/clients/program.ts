import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe } from "vitest";

const BINARIES = join(import.meta.dirname, "../../../node_modules/.bin");
/** Where programs are looked for: among our packages' first. */
export const SEARCH_PATH = `${BINARIES}${delimiter}${process.env.PATH ?? ""}`;

/** Where a program of this name is; undefined if it is nowhere. */
export function findProgram(name: string): string | undefined {
  return SEARCH_PATH.split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

const told = new Set<string>();

/** `describe`, or if something is missing a skipped one, for which one line says why. */
export function describeUnless(missing: string | undefined): typeof describe | typeof describe.skip {
  if (missing === undefined) return describe;
  if (!told.has(missing)) process.stdout.write(`skipped: ${missing}\n`);
  told.add(missing);
  return describe.skip;
}

/** What a program did. */
export interface Ran {
  /** Null if a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly timeoutMs?: number;
  /** Sees each piece of what it prints as it comes. */
  readonly onOutput?: (text: string) => void;
}

/** Runs a program to its end; it is killed when the time is over. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { cwd = process.cwd(), env = {}, timeoutMs = 15_000, onOutput } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, PATH: SEARCH_PATH, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeoutMs,
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
      onOutput?.(text);
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    child.once("error", reject);
    child.once("close", (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

/** Runs a program that must succeed. */
export async function runWell(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await run(command, args, options);
  if (exitCode !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${exitCode}: ${stderr}${stdout}`);
  return stdout;
}
