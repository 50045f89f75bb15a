import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Packages } from "./install.ts";
import { SAYS, TOOL_RESULT } from "./upstream.ts";

/** Where a program is to find its model, and the folders that it runs in. */
export interface Stage {
  /** Such as `http://127.0.0.1:8080`. */
  readonly base: string;
  readonly key: string;
  readonly model: string;
  readonly embeddings: string;
  /** Fresh and empty. */
  readonly home: string;
  /** Where its packages are installed. */
  readonly packages: string;
}

/** What to run. */
export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A program that people own, and how it is pointed here: by a base URL and a key. */
export interface Program {
  readonly name: string;
  readonly packages: Packages;
  /** Writes what configuration it needs, and says how it is started. */
  start(stage: Stage): Command;
  /** What it prints when all went well. */
  readonly prints: readonly string[];
  /** Whether it is also run with a budget of nothing: it calls once, stops, and says why. */
  readonly stopsWithoutMoney?: true;
}

const clients = join(import.meta.dirname, "clients");
const SAID = `${SAYS}: ${TOOL_RESULT}`;
const PROMPT = "Run echo in a shell and tell what it prints.";

const sdk = ({ base, key, model, embeddings }: Stage) => ({
  BASE: base,
  KEY: key,
  MODEL: model,
  EMBEDDINGS: embeddings,
});
const bin = ({ packages }: Stage, name: string) => join(packages, "node_modules/.bin", name);

/** Modules are looked for from where a script lies. */
const script = (stage: Stage, name: string): Command => {
  const file = join(stage.packages, name);
  copyFileSync(join(clients, name), file);
  return { command: process.execPath, args: [file], env: sdk(stage) };
};
const python = (stage: Stage, name: string): Command => ({
  command: join(stage.packages, "bin/python"),
  args: [join(clients, name)],
  env: sdk(stage),
});

function copilot(name: string, type: "openai" | "anthropic", api: "completions" | "responses"): Program {
  return {
    name: `copilot-${name}`,
    packages: { from: "npm", names: ["@github/copilot@1.0.102"] },
    start: (stage) => ({
      command: bin(stage, "copilot"),
      args: ["-p", PROMPT, "--allow-all-tools"],
      env: {
        COPILOT_OFFLINE: "true",
        COPILOT_PROVIDER_BASE_URL: type === "anthropic" ? stage.base : `${stage.base}/v1`,
        COPILOT_PROVIDER_API_KEY: stage.key,
        COPILOT_PROVIDER_TYPE: type,
        COPILOT_PROVIDER_WIRE_API: api,
        COPILOT_MODEL: stage.model,
      },
    }),
    prints: [SAID],
  };
}

/** All that are run, with the versions that they were measured at. */
export const PROGRAMS: readonly Program[] = [
  {
    name: "claude-code",
    stopsWithoutMoney: true,
    packages: { from: "npm", names: ["@anthropic-ai/claude-code@2.1.197"] },
    start: (stage) => ({
      command: join(stage.packages, `node_modules/@anthropic-ai/claude-code-linux-${process.arch}/claude`),
      args: ["-p", PROMPT, "--model", stage.model, "--allowedTools", "Bash"],
      env: {
        ANTHROPIC_BASE_URL: stage.base,
        ANTHROPIC_AUTH_TOKEN: stage.key,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      },
    }),
    prints: [SAID],
  },
  {
    name: "codex",
    stopsWithoutMoney: true,
    packages: { from: "npm", names: ["@openai/codex@0.171.0"] },
    start: (stage) => {
      mkdirSync(join(stage.home, ".codex"), { recursive: true });
      writeFileSync(
        join(stage.home, ".codex/config.toml"),
        `model = "${stage.model}"\nmodel_provider = "patchbay"\n\n[model_providers.patchbay]\nname = "Patchbay"\n` +
          `base_url = "${stage.base}/v1"\nenv_key = "PB_KEY"\nwire_api = "responses"\n`,
      );
      const args = ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", PROMPT];
      return { command: bin(stage, "codex"), args, env: { PB_KEY: stage.key } };
    },
    prints: [SAID],
  },
  {
    // As it comes: it asks for a WebSocket first, and takes the 426 for what it says.
    name: "codex-own-openai",
    stopsWithoutMoney: true,
    packages: { from: "npm", names: ["@openai/codex@0.171.0"] },
    start: (stage) => {
      mkdirSync(join(stage.home, ".codex"), { recursive: true });
      writeFileSync(join(stage.home, ".codex/auth.json"), JSON.stringify({ OPENAI_API_KEY: stage.key }));
      writeFileSync(
        join(stage.home, ".codex/config.toml"),
        `model = "${stage.model}"\nopenai_base_url = "${stage.base}/v1"\n`,
      );
      const args = ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", PROMPT];
      return { command: bin(stage, "codex"), args, env: { CODEX_API_KEY: stage.key } };
    },
    prints: [SAID],
  },
  {
    name: "openai-js",
    stopsWithoutMoney: true,
    packages: { from: "npm", names: ["openai@6.49.0"] },
    start: (stage) => script(stage, "openai.mjs"),
    prints: [`chat: ${SAID} with usage`, `responses: ${SAID}`, "models: listed found", "embeddings: 2 0.5,-0.25,0.125"],
  },
  {
    name: "openai-py",
    stopsWithoutMoney: true,
    packages: { from: "pypi", names: ["openai==3.57.0"] },
    start: (stage) => python(stage, "round_openai.py"),
    prints: [`chat: ${SAID} with usage`, `responses: ${SAID}`, "models: listed found", "embeddings: 2 0.5,-0.25,0.125"],
  },
  {
    name: "anthropic-js",
    stopsWithoutMoney: true,
    packages: { from: "npm", names: ["@anthropic-ai/sdk@1.14.0"] },
    start: (stage) => script(stage, "anthropic.mjs"),
    prints: [`messages: ${SAID} with usage`, "count: counted", "models: listed"],
  },
  {
    name: "anthropic-py",
    stopsWithoutMoney: true,
    packages: { from: "pypi", names: ["anthropic==1.17.0"] },
    start: (stage) => python(stage, "round_anthropic.py"),
    prints: [`messages: ${SAID} with usage`, "count: counted", "models: listed"],
  },
  copilot("chat", "openai", "completions"),
  copilot("responses", "openai", "responses"),
  copilot("messages", "anthropic", "completions"),
  {
    name: "opencode",
    packages: { from: "npm", names: ["opencode-ai@1.18.33"] },
    start: (stage) => {
      const provider = {
        npm: "@ai-sdk/openai-compatible",
        options: { baseURL: `${stage.base}/v1`, apiKey: stage.key },
        models: { [stage.model]: {} },
      };
      const config = {
        model: `patchbay/${stage.model}`,
        provider: { patchbay: provider },
        permission: { bash: "allow" },
      };
      mkdirSync(join(stage.home, ".config/opencode"), { recursive: true });
      writeFileSync(join(stage.home, ".config/opencode/opencode.json"), JSON.stringify(config));
      return {
        command: join(stage.packages, `node_modules/opencode-linux-${process.arch}/bin/opencode`),
        args: ["run", PROMPT],
        env: { OPENCODE_DISABLE_AUTOUPDATE: "1", OPENCODE_DISABLE_MODELS_FETCH: "1" },
      };
    },
    prints: [SAID],
  },
  {
    name: "aider",
    packages: { from: "pypi", names: ["aider-chat==0.86.2"] },
    start: (stage) => ({
      command: join(stage.packages, "bin/aider"),
      args: `--model openai/${stage.model} --no-git --yes-always --no-check-update --analytics-disable --no-show-model-warnings --message`
        .split(" ")
        .concat("say hi"),
      env: { OPENAI_API_KEY: stage.key, OPENAI_API_BASE: `${stage.base}/v1` },
    }),
    prints: [SAYS],
  },
  {
    name: "llm",
    packages: { from: "pypi", names: ["llm==0.36"] },
    start: (stage) => {
      const folder = join(stage.home, ".config/io.datasette.llm");
      mkdirSync(folder, { recursive: true });
      writeFileSync(
        join(folder, "extra-openai-models.yaml"),
        `- model_id: pb\n  model_name: ${stage.model}\n  api_base: "${stage.base}/v1"\n  api_key_name: pb\n`,
      );
      writeFileSync(join(folder, "keys.json"), JSON.stringify({ pb: stage.key }));
      return { command: join(stage.packages, "bin/llm"), args: ["-m", "pb", "say hi"], env: { LLM_USER_PATH: folder } };
    },
    prints: [SAYS],
  },
  {
    name: "ai-sdk",
    packages: {
      from: "npm",
      names: [
        "ai@6.0.326",
        "@ai-sdk/openai-compatible@2.0.92",
        "@ai-sdk/openai@3.0.141",
        "@ai-sdk/anthropic@3.0.140",
        "zod@4.1.13",
      ],
    },
    start: (stage) => script(stage, "ai.mjs"),
    prints: ["compatible", "responses", "chat", "anthropic"].map((name) => `${name}: ${SAID} / ${SAID} with usage`),
  },
  {
    name: "openai-agents",
    packages: { from: "npm", names: ["@openai/agents@0.20.0", "openai@6.49.0", "zod@4.1.13"] },
    start: (stage) => script(stage, "agents.mjs"),
    prints: [`responses: ${SAID}`, `chat: ${SAID}`],
  },
  {
    name: "langchain",
    packages: { from: "pypi", names: ["langchain-openai==1.7.4", "langchain-anthropic==1.7.10"] },
    start: (stage) => python(stage, "round_langchain.py"),
    prints: ["openai", "responses", "anthropic"].map((name) => `${name}: ${SAID}`),
  },
];
