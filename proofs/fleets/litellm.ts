import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Member, MODEL } from "./fleet.ts";
import type { OpenGateway } from "./scenario.ts";

const PACKAGE = "litellm[proxy]==1.108.7";
const folder = process.env.FLEETS_VENV ?? join(tmpdir(), "patchbay-fleets");
const python = join(folder, "v/bin/python");
const KEY = "sk-of-the-fleet";

/** What it has to be told: its own words for what a route of ours does by itself. */
export function litellmConfig(members: readonly Pick<Member, "name" | "url">[]): string {
  const deployments = members.flatMap(({ name, url }) => [
    `  - model_name: ${MODEL}`,
    "    litellm_params:",
    `      model: openai/${MODEL}`,
    `      api_base: ${url}/v1`,
    `      api_key: sk-of-member-${name}`,
  ]);
  const settings = [
    "router_settings:",
    "  routing_strategy: simple-shuffle",
    "  num_retries: 2",
    "  allowed_fails: 1",
    "  cooldown_time: 5",
    "  retry_after: 0",
    "general_settings:",
    `  master_key: ${KEY}`,
  ];
  return `${["model_list:", ...deployments, ...settings].join("\n")}\n`;
}

/** Its version; or why it is not here. */
export function installLitellm(): { readonly version: string } | { readonly missing: string } {
  if (spawnSync("python3", ["--version"]).status !== 0) return { missing: "there is no python3" };
  mkdirSync(folder, { recursive: true });
  if (!existsSync(python)) spawnSync("python3", ["-m", "venv", join(folder, "v")]);
  const installed = spawnSync(python, ["-m", "pip", "install", "--quiet", PACKAGE]);
  if (installed.status !== 0) return { missing: `PyPI does not give ${PACKAGE}` };
  return { version: PACKAGE.replace("[proxy]==", " ") };
}

/** LiteLLM's proxy over a fleet, without a database. */
export const litellmOver: OpenGateway = async (members) => {
  const port = await freePort();
  const config = join(folder, `config-${port}.yaml`);
  writeFileSync(config, litellmConfig(members));
  const child = spawn(join(folder, "v/bin/litellm"), ["--config", config, "--host", "127.0.0.1", "--port", `${port}`], {
    env: { ...process.env, LITELLM_LOCAL_MODEL_COST_MAP: "True", LITELLM_LOG: "ERROR", NO_PROXY: "*" },
    stdio: "ignore",
  });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(url, child);
  return { name: "LiteLLM", url, key: KEY, close: () => end(child) };
};

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (child.exitCode !== null) throw new Error(`LiteLLM ended with ${child.exitCode}`);
    const answer = await fetch(`${url}/health/readiness`).catch(() => undefined);
    if (answer?.ok) return;
    await pause(200);
  }
  throw new Error("LiteLLM is not ready after two minutes");
}

async function end(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
