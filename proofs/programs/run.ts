/**
 * `npm run test:programs [-- NAME…]`: programs that people own, installed from npm and PyPI at exact versions, each in a
 * fresh home and an empty environment, pointed at a server of ours by a base URL and a key, over endpoints that speak each of
 * the three APIs. Each has a model call a tool and tell its result.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { createPatchbay } from "../../client/llm.ts";
import { Budget_Period } from "../../gen/patchbay/v1/budget_pb.ts";
import { Llm_ProviderType } from "../../gen/patchbay/v1/llm_pb.ts";
import { makeTemporaryFolder } from "../../server/test/base/temporary-folder.ts";
import { ServerProcess } from "../../server/test/server/server-process.ts";
import { install, NotReached } from "./install.ts";
import { PROGRAMS, type Program, type Stage } from "./programs.ts";
import { RoundTripUpstream } from "./upstream.ts";

/** opencode takes up to a minute to start on a machine that is busy. */
const PATIENCE_MS = 180_000;

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !PROGRAMS.some((program) => program.name === name));
if (unknown.length > 0) {
  console.error(`there is no program ${unknown.join(", ")}; there are ${PROGRAMS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

/** Whose endpoint speaks which API: a program is run on each. */
const MODELS = { chat: "round-chat", responses: "round-responses", messages: "round-claude" } as const;
/** One with a budget of nothing. */
const PENNILESS = "round-penniless";
/** What is said of it. */
const NOTHING_LEFT = "is $0";

const folder = makeTemporaryFolder("programs");
const upstream = await RoundTripUpstream.start();
const server = new ServerProcess({
  DATA_DIR: join(folder.path, "data"),
  EGRESS_ALLOW: upstream.url,
  CHATS_PER_MINUTE: "0",
  METRICS: "on",
});
let failures = 0;
try {
  const base = await server.url();
  const key = server.apiKey;
  await register(base, key);
  for (const program of PROGRAMS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const packages = installed(program);
    if (packages === undefined) continue;
    for (const [api, model] of Object.entries(MODELS)) {
      const home = makeTemporaryFolder(program.name);
      const failure = await run(program, {
        base,
        key,
        model,
        embeddings: "round-embeddings",
        home: home.path,
        packages,
      });
      home.remove();
      console.log(`${failure === undefined ? "ok    " : "FAILED"} ${program.name} on an endpoint of ${api}`);
      if (failure !== undefined) {
        failures++;
        console.log(failure.replace(/^/gm, "       "));
      }
    }
    if (program.stopsWithoutMoney) {
      const home = makeTemporaryFolder(program.name);
      const failure = await refuse(program, {
        base,
        key,
        model: PENNILESS,
        embeddings: PENNILESS,
        home: home.path,
        packages,
      });
      home.remove();
      console.log(`${failure === undefined ? "ok    " : "FAILED"} ${program.name} with a budget of nothing`);
      if (failure !== undefined) {
        failures++;
        console.log(failure.replace(/^/gm, "       "));
      }
    }
  }
} finally {
  await server.end("SIGTERM");
  upstream.stop();
  folder.remove();
}
process.exit(failures === 0 ? 0 : 1);

async function register(url: string, apiKey: string): Promise<void> {
  const { llms, budgets } = createPatchbay({ url, apiKey });
  const { CUSTOM_OPENAI_COMPATIBLE, OPENAI, ANTHROPIC } = Llm_ProviderType;
  const types = { [MODELS.chat]: CUSTOM_OPENAI_COMPATIBLE, [MODELS.responses]: OPENAI, [MODELS.messages]: ANTHROPIC };
  for (const [modelIdentifier, providerType] of Object.entries({
    ...types,
    "round-embeddings": OPENAI,
    [PENNILESS]: OPENAI,
  })) {
    const credentials = { apiKey: { source: { case: "inlineSecret" as const, value: "sk-round-0123456789abcdef" } } };
    const price = { input: "1", output: "2", cacheRead: "1", cacheWrite: "1" };
    const { llm } = await llms.createLlm({
      displayName: modelIdentifier,
      providerType,
      modelIdentifier,
      endpointUrl: `${upstream.url}/v1`,
      credentials,
      price,
    });
    if (modelIdentifier === PENNILESS)
      await budgets.setBudget({ llmId: llm?.llmId ?? "", amountUsd: "0", period: Budget_Period.MONTH });
  }
}

function installed({ name, packages }: Program): string | undefined {
  try {
    return install(packages);
  } catch (error) {
    if (!(error instanceof NotReached)) throw error;
    console.log(`skipped: ${name}, because ${error.message}`);
    return undefined;
  }
}

/** Undefined when it called once, stopped, and told why; else what it did. */
async function refuse(program: Program, stage: Stage): Promise<string | undefined> {
  const before = await callsOf(stage.base);
  const { status, output } = await execute(program, stage);
  const calls = (await callsOf(stage.base)) - before;
  if (calls === 1 && output.includes(NOTHING_LEFT)) return undefined;
  return `exit ${status} after ${calls} calls\n${output.trim().slice(-2_500)}`;
}

/** How many calls of models the server has had in the words of other APIs. */
async function callsOf(base: string): Promise<number> {
  const text = await (await fetch(`${base}/metrics`)).text();
  const lines = [
    ...text.matchAll(
      /^patchbay_rpc_calls_total\{rpc="dialects\.(?:openai|anthropic)\.v1\.\w+\/Create\w+"[^}]*\} (\d+)/gm,
    ),
  ];
  return lines.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Undefined when it did what it should, else what it did. */
async function run(program: Program, stage: Stage): Promise<string | undefined> {
  const before = upstream.requests.length;
  const { status, output } = await execute(program, stage);
  const missing = program.prints.filter((text) => !output.includes(text));
  if (status === 0 && missing.length === 0) return undefined;
  const calls = upstream.requests.slice(before).map(({ path }) => path);
  return `exit ${status}; it did not print ${JSON.stringify(missing)}; upstream: ${calls.join(" ")}\n${output.trim().slice(-2_500)}`;
}

async function execute(program: Program, stage: Stage): Promise<{ status: number | null; output: string }> {
  const { command, args, env } = program.start(stage);
  const PATH = process.env.PATH ?? "";
  const child = spawn(command, args, {
    cwd: stage.home,
    env: { PATH, HOME: stage.home, LANG: "C.UTF-8", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const timer = setTimeout(() => kill(child.pid), PATIENCE_MS);
  const status = await new Promise<number | null>((resolve, reject) =>
    child.once("close", resolve).once("error", reject),
  );
  clearTimeout(timer);
  return { status, output: stripVTControlCharacters(output) };
}

/** With all that it has started, and nothing else: it is the leader of a group of its own. */
function kill(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}
