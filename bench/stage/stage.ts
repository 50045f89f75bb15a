import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import packageJson from "../../package.json" with { type: "json" };
import { makeApiKey } from "../../server/domain/access/api-key-format.ts";
import { EmbeddedPostgres } from "../../server/store/embedded/embedded-postgres.ts";
import { readPostmaster } from "../../server/store/embedded/postmaster.ts";
import type { Role } from "../measure/pinning.ts";
import { MODELS } from "../peers/replies.ts";
import { installLiteLlm, installPeers, LITELLM_MAIN, PORTKEY_MAIN } from "./install-peers.ts";
import { furnish, getLlmAnswer, type PatchbayServer, UPSTREAM_KEY } from "./patchbay.ts";
import { type ProcessOptions, ServerProcess } from "./process.ts";

/** `server/main.ts`, as `npm start` runs it: with the flags and the environment that that gives it. */
export const PATCHBAY_ARGS = [
  ...packageJson.scripts.start.split(" ").filter((word) => word.startsWith("--")),
  join(import.meta.dirname, "../../server/main.ts"),
];
export const PATCHBAY_ENV = { NODE_COMPILE_CACHE: join(import.meta.dirname, "../../node_modules/.cache/node") };
/** It reads much of Python before it listens. */
const LITELLM_STARTS_MS = 180_000;
const peer = (name: string) => join(import.meta.dirname, "../peers", name);

/** A peer that listens. */
export interface Peer {
  readonly pid: number;
  readonly urls: readonly string[];
}

/** How to start a Patchbay of its own. */
export interface PatchbayOptions {
  /** Arguments of node that go before the program. */
  readonly nodeArgs?: readonly string[];
  readonly database?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A Patchbay that listens and has never been called. */
export interface EmptyPatchbay {
  readonly process: ServerProcess;
  readonly keyringFile: string;
  furnish(): Promise<PatchbayServer>;
}

/** All that a row may need, each started when it is first asked for and then up until the end. */
export class Stage {
  readonly folder: string;
  readonly #processes: ServerProcess[] = [];
  readonly #started = new Map<string, Promise<unknown>>();
  #postgres: EmbeddedPostgres | undefined;
  #isClosed = false;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "patchbay-bench-"));
    chmodSync(this.folder, 0o755);
  }

  /** The URL of an empty database; the PostgreSQL is the embedded one, as durable as it is for users. */
  async createDatabase(name: string): Promise<string> {
    const { host, user } = await this.#once("postgres", async () => {
      this.#postgres = await EmbeddedPostgres.open(join(this.folder, "data"), () => {});
      return this.#postgres.address;
    });
    const client = new Client({ host, user, database: "postgres" });
    await client.connect();
    await client.query(`create database ${name}`);
    await client.end();
    return `postgres://${user}@localhost/${name}?host=${encodeURIComponent(host)}`;
  }

  /** The process that all sessions of the database belong to. */
  async databasePid(): Promise<number | undefined> {
    await this.database();
    return this.#postgres && (await readPostmaster(this.#postgres.files))?.pid;
  }

  /** The database of the Patchbay that most rows measure. */
  database(): Promise<string> {
    return this.#once("database", () => this.createDatabase("bench"));
  }

  /** The mock model's address. */
  model(): Promise<string> {
    return this.#once("model", async () => {
      const [url = ""] = await this.start("mock-model", "supporting", [peer("mock-model.ts")]).urls();
      return url;
    });
  }

  /** The Patchbay that most rows measure. */
  patchbay(): Promise<PatchbayServer> {
    return this.#once("patchbay", async () =>
      (await this.startPatchbay({ database: await this.database() })).furnish(),
    );
  }

  /** A Patchbay of a row's own at its default settings, empty until it is furnished. */
  async startPatchbay({ nodeArgs = [], database, env = {} }: PatchbayOptions = {}): Promise<EmptyPatchbay> {
    const name = `patchbay_${this.#processes.length}`;
    const apiKey = makeApiKey().reveal();
    const keyringFile = join(this.folder, `${name}.keyring`);
    const modelUrl = await this.model();
    const process = this.start(name, "measured", [...nodeArgs, ...PATCHBAY_ARGS], {
      PORT: "0",
      DATABASE_URL: database ?? (await this.createDatabase(name)),
      KEYRING_FILE: keyringFile,
      BOOTSTRAP_API_KEY: apiKey,
      EGRESS_ALLOW: modelUrl,
      ...PATCHBAY_ENV,
      ...env,
    });
    await process.urls();
    return { process, keyringFile, furnish: () => furnish(process, apiKey, modelUrl) };
  }

  /** Portkey's gateway, as npm has it. */
  portkey(): Promise<Peer> {
    return this.#once("portkey", async () => {
      installPeers();
      const port = await freePort();
      const process = this.start("portkey", "measured", [PORTKEY_MAIN, `--port=${port}`, "--headless"]);
      const url = `http://127.0.0.1:${port}`;
      await process.until(() =>
        fetch(url).then(
          (response) => response.ok,
          () => false,
        ),
      );
      return { pid: process.pid, urls: [url] };
    });
  }

  /** LiteLLM's proxy, with the mock's models and one worker; undefined where it cannot be had. */
  liteLlm(): Promise<Peer | undefined> {
    return this.#once("litellm", async () => {
      if (!installLiteLlm()) return undefined;
      const port = await freePort();
      const modelUrl = await this.model();
      const config = join(this.folder, "litellm.yaml");
      writeFileSync(config, liteLlmConfig(modelUrl));
      const args = ["--config", config, "--host", "127.0.0.1", "--port", String(port), "--num_workers", "1"];
      const env = { LITELLM_MASTER_KEY: UPSTREAM_KEY, LITELLM_LOCAL_MODEL_COST_MAP: "True", LITELLM_LOG: "ERROR" };
      const process = this.#track({ name: "litellm", role: "measured", command: LITELLM_MAIN, args, env });
      const url = `http://127.0.0.1:${port}`;
      await process.until(
        () =>
          fetch(`${url}/health/liveliness`).then(
            (response) => response.ok,
            () => false,
          ),
        LITELLM_STARTS_MS,
      );
      return { pid: process.pid, urls: [url] };
    });
  }

  /** GetLlm on the bare stock adapter: over HTTP/1.1 at its first address, over HTTP/2 at its second. */
  connectEcho(): Promise<Peer> {
    return this.#once("connect-echo", async () => {
      const BENCH_ANSWER = await getLlmAnswer(await this.patchbay());
      return this.#peer("connect-echo", { BENCH_ANSWER });
    });
  }

  /** GetLlm written by hand on Fastify and pg, from the same row. */
  fastify(): Promise<Peer> {
    return this.#once("fastify", async () => {
      installPeers();
      const { authorization } = await this.patchbay();
      const API_KEY = authorization.replace("Bearer ", "");
      return this.#peer("fastify-llm", { API_KEY, DATABASE_URL: await this.database() });
    });
  }

  /** Starts a program that ends with the stage, if not before. */
  start(name: string, role: Role, args: readonly string[], env: Record<string, string> = {}): ServerProcess {
    return this.#track({ name, role, args, env });
  }

  #track(options: Omit<ProcessOptions, "folder">): ServerProcess {
    if (this.#isClosed) throw new Error("the bench is being stopped");
    const process = new ServerProcess({ ...options, folder: this.folder });
    this.#processes.push(process);
    return process;
  }

  /** Ends everything and leaves nothing behind. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#processes.map((process) => process.stop()));
    await this.#postgres?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #peer(name: string, env: Record<string, string>): Promise<Peer> {
    const process = this.start(name, "measured", [peer(`${name}.ts`)], env);
    return { urls: await process.urls(), pid: process.pid };
  }

  #once<Value>(name: string, start: () => Promise<Value>): Promise<Value> {
    const started = this.#started.get(name) ?? start();
    this.#started.set(name, started);
    return started as Promise<Value>;
  }
}

/** Each model of the mock by its own name; no more than what is asked for is done. */
function liteLlmConfig(modelUrl: string): string {
  const models = Object.keys(MODELS).map(
    (model) =>
      `  - model_name: ${model}\n    litellm_params: {model: openai/${model}, api_base: "${modelUrl}/v1", api_key: ${UPSTREAM_KEY}}`,
  );
  return `model_list:\n${models.join("\n")}\n`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
