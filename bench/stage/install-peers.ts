import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "..");

/** Where Portkey's gateway begins. */
export const PORTKEY_MAIN = join(folder, "node_modules/@portkey-ai/gateway/build/start-server.js");

/** LiteLLM is a program of Python's: in an environment of its own, which stays from one run to the next. */
const LITELLM = "litellm[proxy]==1.108.7";
const environment = process.env.BENCH_VENV ?? join(folder, "node_modules/.cache/litellm");
/** Where LiteLLM's proxy begins. */
export const LITELLM_MAIN = join(environment, "bin/litellm");

/** Installs LiteLLM, unless it is there; false where there is no Python, or no PyPI. */
export function installLiteLlm(): boolean {
  if (existsSync(LITELLM_MAIN)) return true;
  console.log("Installing LiteLLM into bench/node_modules/.cache, this one time.");
  const made = spawnSync("python3", ["-m", "venv", environment], { stdio: "inherit" });
  if (made.status !== 0) return false;
  const args = ["-m", "pip", "install", "--quiet", LITELLM];
  return spawnSync(join(environment, "bin/python"), args, { stdio: "inherit" }).status === 0;
}

/** Installs the peers that bench/package.json pins, unless they are there. */
export function installPeers(): void {
  if (existsSync(PORTKEY_MAIN) && existsSync(join(folder, "node_modules/fastify"))) return;
  console.log("Installing the peers (Portkey's gateway and Fastify) into bench/node_modules, this one time.");
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: folder,
    stdio: "inherit",
  });
  if (status !== 0) throw new Error("npm ci failed in bench/; the peers come from the npm registry");
}
