import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "..");

/** Where Portkey's gateway begins. */
export const PORTKEY_MAIN = join(folder, "node_modules/@portkey-ai/gateway/build/start-server.js");

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
