import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectTo } from "../../client/cli/calls/connection.ts";
import { Contexts } from "../../client/cli/calls/contexts.ts";
import { readEnvironment } from "../../client/cli/environment.ts";
import { createProgram } from "../../client/cli/program.ts";
import type { Patchbay } from "../../client/llm.ts";
import { ApiKey_Role } from "../../gen/patchbay/v1/api_key_pb.ts";
import { Budget_Period } from "../../gen/patchbay/v1/budget_pb.ts";
import { Llm_ProviderType } from "../../gen/patchbay/v1/llm_pb.ts";
import { RouteService } from "../../gen/patchbay/v1/route_service_pb.ts";
import { CommandShell } from "../test/server/command-shell.ts";
import { ServerProcess } from "../test/server/server-process.ts";
import { startServer, type TestServer } from "../test/server/test-server.ts";
import { says } from "../test/upstream/behaviours.ts";
import { servesModels } from "../test/upstream/models.ts";
import { ScriptedUpstream } from "../test/upstream/scripted-upstream.ts";
import { addOperatorCommands } from "./operator-commands.ts";

const MAIN = join(import.meta.dirname, "patchbay.ts");

/** What other gateways export, as the examples of import name it. */
const OTHERS = {
  "config.yaml":
    "model_list:\n  - {model_name: moved, litellm_params: {model: gpt-4o, api_key: os.environ/MOVED_KEY}}\n",
  ".env": "MOVED_KEY=sk-moved-0123456789abcdef\n",
  "keys.json": JSON.stringify({ keys: [{ token: "e0f1", key_alias: "old", models: ["moved"] }] }),
  "texts.txt": "sk-Zx81mQp04LkT7vRbNw3YdA\n",
  "webui.json": JSON.stringify({ openai: { api_base_urls: ["https://api.openai.com/v1"], api_keys: [""] } }),
  "webui-models.json": "[]",
  "bifrost.json": JSON.stringify({
    providers: { openai: { keys: [{ name: "a", value: "env.MOVED_KEY", models: ["gpt-4o"] }] } },
  }),
  "connections.json": JSON.stringify({ data: [{ provider: "openai", adapter: "openai", customModels: ["mine"] }] }),
  "langfuse-models.json": JSON.stringify({ data: [] }),
};

let upstream: ScriptedUpstream;
let server: TestServer;
let client: Patchbay;
let shell: CommandShell;
let folder: CommandShell["folder"];

beforeAll(async () => {
  upstream = await ScriptedUpstream.start({
    otherwise: (call) => (call.path.endsWith("/models") ? servesModels("demo")(call) : says("Hello.")(call)),
  });
  server = await startServer({ EGRESS_ALLOW: `${upstream.url},http://localhost:11434` });
  client = server.client(server.adminKey);
  shell = new CommandShell();
  folder = shell.folder;
  const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  writeFileSync(join(folder.path, "photo.png"), Buffer.from(png, "base64"));
  writeFileSync(join(folder.path, "key.txt"), `${server.adminKey}\n`);
  const manifest = "llms:\n  - {alias: helper, providerType: OPENAI, modelIdentifier: gpt-4o}\n";
  writeFileSync(join(folder.path, "team.yaml"), manifest);
  for (const [name, text] of Object.entries(OTHERS)) writeFileSync(join(folder.path, name), text);
  mkdirSync(join(folder.path, "config"));
  writeFileSync(join(folder.path, "config/team.yaml"), manifest);
  const llm = "displayName: From a file\nproviderType: OPENAI\nmodelIdentifier: gpt-4o\nprice: {input: 2.5}\n";
  writeFileSync(join(folder.path, "llm.yaml"), llm);
  writeFileSync(join(folder.path, "bad.yaml"), "providerType: OPENAI\nmodelIdentifier: x\nprice: {input: -1}\n");
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
  shell.remove();
});

/** Things that the examples speak of, made anew where an example before has taken them away. */
async function makeWorld(): Promise<Record<string, string>> {
  const { llms } = await client.llms.listLlms({});
  for (const { llmId, displayName } of llms) if (displayName !== "demo") await client.llms.deleteLlm({ llmId });
  if (!llms.some(({ displayName }) => displayName === "demo")) await makeDemo();
  await client.providers.upsertProvider({ name: "openai" });
  await remakeRoute();
  const { account } = await client.access.createAccount({ displayName: "Search" });
  const { apiKey } = await client.access.createApiKey({ displayName: "Alice", role: ApiKey_Role.MEMBER });
  const { sessionId } = await client.chat.chat({ message: "Hello", newSession: true });
  const { budget } = await client.budgets.setBudget({ amount: 10n ** 13n, period: Budget_Period.DAY });
  return {
    KEY_ID: apiKey?.apiKeyId ?? "",
    ACCOUNT_ID: account?.accountId ?? "",
    SESSION_ID: sessionId,
    BUDGET_ID: budget?.budgetId ?? "",
  };
}

/** The route called team; those that examples made are gone. */
async function remakeRoute(): Promise<void> {
  const connection = connectTo(server.url, server.adminKey);
  const { routes } = await connection.call(RouteService.method.listRoutes, {});
  for (const { routeId = "" } of routes as { routeId: string }[])
    await connection.call(RouteService.method.deleteRoute, { routeId });
  await connection.call(RouteService.method.createRoute, { name: "team", tiers: [{ targets: [{ llmId: "demo" }] }] });
}

async function makeDemo(): Promise<void> {
  const { llm } = await client.llms.createLlm({
    displayName: "demo",
    alias: "demo",
    providerType: Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE,
    endpointUrl: `${upstream.url}/v1`,
    modelIdentifier: "demo",
    price: { input: "0", output: "0" },
  });
  await client.llms.setDefaultLlm({ llmId: llm?.llmId ?? "" });
}

/** As `patchbay login` does. */
async function signIn(): Promise<void> {
  await new Contexts(readEnvironment(shell.settings)).save("prod", server.url, server.adminKey);
}

/** Runs a line as a shell does, with a context called prod. */
function run(line: string, more: Record<string, string> = {}) {
  return shell.run(line, {
    ...server.settings,
    PATCHBAY_API_KEY: server.adminKey,
    URL: server.url,
    OPENAI_API_KEY: "sk-0123456789abcdefghijklmn",
    ...more,
  });
}

function commandsOf(command: Command, path: string): { path: string; command: Command }[] {
  return [
    { path, command },
    ...command.commands.flatMap((inner) => commandsOf(inner, `${path} ${inner.name()}`.trim())),
  ];
}

function helpOf(command: Command): string {
  let help = "";
  command.configureOutput({ writeOut: (more) => (help += more) });
  command.outputHelp();
  return help;
}

const program = createProgram("0.0.0");
addOperatorCommands(program);
const leaves = commandsOf(program, "").filter(({ command }) => command.commands.length === 0);
const examples = leaves.flatMap(({ path, command }) =>
  [...helpOf(command).matchAll(/^ {2}\$ (.*)$/gm)].map(([, line = ""]) => ({ path, line })),
);

describe("the examples of --help", { timeout: 120_000 }, () => {
  it("are there, for every command", () => {
    const without = leaves.filter(({ path }) => !examples.some((example) => example.path === path));
    expect(without.map(({ path }) => path)).toEqual([]);
  });

  it.each(examples.filter(({ path }) => path !== "serve"))("$line", async ({ line }) => {
    const world = await makeWorld();
    await signIn();
    const ring = line.includes("RING_KEY") ? await ringKeyToRetire() : "";
    const { exitCode, stderr, stdout } = await run(line, { ...world, RING_KEY: ring });
    expect({ exitCode, stderr, stdout }, line).toMatchObject({ exitCode: 0 });
    expect(stdout + stderr, "it never shows a key that it was given").not.toContain("sk-0123456789");
  });

  /** Rotates, so that the key before is needed by nothing. */
  async function ringKeyToRetire(): Promise<string> {
    await run("patchbay keys rotate");
    const { stdout } = await run("patchbay keys status");
    return /^ {2}(\S+) {2}wraps 0 data keys/m.exec(stdout)?.[1] ?? "";
  }
});

describe("patchbay serve", { timeout: 120_000 }, () => {
  it("starts a server on the port that it is told, and stops it by a signal", async () => {
    const running = new ServerProcess({ DATA_DIR: join(folder.path, "data") }, ["serve", "--port", "0"], MAIN);
    const url = await running.url();
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(await running.end("SIGTERM")).toBe(0);
  });
});

describe("patchbay routes explain", { timeout: 120_000 }, () => {
  it("tells of each Llm by its name, and ends with 7 where a chat would go to none", async () => {
    await makeWorld();
    await signIn();
    const well = await run("patchbay routes explain team");
    const [title, demo] = well.stdout.split("\n").map((line) => line.split(/ {2,}/));
    expect(title).toEqual(["TIER", "LLM", "WEIGHT", "STANDING", "UNDER WAY", "WHY"]);
    expect(demo?.map((cell) => cell.trim())).toEqual([
      ...["", "1", "demo", "1", "CHOSEN", "0", "by chance and its weight"],
    ]);
    await client.llms.updateLlm({ llmId: "demo", disabled: true });
    const none = await run("patchbay routes explain team");
    await client.llms.updateLlm({ llmId: "demo", disabled: false });
    expect(none).toMatchObject({ exitCode: 7, stderr: expect.stringContaining("to none of them") });
    expect(none.stdout).toContain("DISABLED");
  });
});

describe("what goes wrong", { timeout: 120_000 }, () => {
  const key = { PATCHBAY_API_KEY: "pb_live_0000000000000000000000000000000000000000000000000000000000000000" };

  it.each([
    { name: "a word that is no command", line: "patchbay lmls list", exitCode: 2, told: "Did you mean llms?" },
    { name: "a flag that is none", line: "patchbay llms list --stat X", exitCode: 2, told: "Did you mean --status?" },
    {
      name: "a key in an argument",
      line: "patchbay llms create --api-key sk-12345",
      exitCode: 2,
      told: "arguments are seen",
    },
    { name: "a name that nothing has", line: "patchbay llms get nope", exitCode: 4, told: 'no Llm called "nope"' },
    {
      name: "an id that nothing has",
      line: "patchbay keys get 0000000000000000",
      exitCode: 4,
      told: "API_KEY_NOT_FOUND",
    },
    { name: "a key that is refused", line: "patchbay whoami -u $URL", more: key, exitCode: 3, told: "patchbay login" },
    { name: "no server", line: "patchbay whoami -u http://127.0.0.1:2", exitCode: 6, told: "nothing listens at" },
    {
      name: "TLS where there is none",
      line: `patchbay login "\${URL/http:/https:}" --key-file key.txt`,
      exitCode: 6,
      told: "does not speak TLS. Sign in with: patchbay login http://",
    },
    {
      name: "a path that is none",
      line: "patchbay login $URL/v1 --key-file key.txt",
      exitCode: 6,
      told: "is no Patchbay server",
    },
    {
      name: "a protocol that is none",
      line: "patchbay login ftp://x --key-file key.txt",
      exitCode: 2,
      told: "is no address",
    },
    {
      name: "a server without a key",
      line: "patchbay whoami",
      more: { ...key, PATCHBAY_API_KEY: "", PATCHBAY_URL: "http://127.0.0.1:1" },
      exitCode: 3,
      told: "no key is known for http://127.0.0.1:1",
    },
    {
      name: "a key that no shell has put in",
      line: "patchbay login $URL --key-env KEPT",
      more: { KEPT: "$KEY" },
      exitCode: 2,
      told: "no shell has replaced",
    },
    {
      name: "a key in quotes",
      line: "patchbay login $URL --key-env KEPT",
      more: { KEPT: '"pb_live_x"' },
      exitCode: 2,
      told: "in quotes",
    },
    {
      name: "whose key is refused",
      line: "patchbay status",
      more: key,
      exitCode: 3,
      told: "The key is that of PATCHBAY_API_KEY. Sign in anew",
    },
    {
      name: "an option's value",
      line: "patchbay llms create --type openai --model x --check-interval 5 --key-env OPENAI_API_KEY",
      exitCode: 2,
      told: "--check-interval: must be from 60",
    },
    {
      name: "an option that is missing",
      line: "patchbay keys create --name x",
      exitCode: 2,
      told: "--role: must be one of ADMIN",
    },
    {
      name: "what --set says",
      line: "patchbay keys create --name x --role VIEWER --set limits.parallelCalls=-1",
      exitCode: 2,
      told: "--set limits.parallelCalls: must be from 0",
    },
    {
      name: "a word of the command line",
      line: "patchbay routes create Team --tier demo",
      exitCode: 2,
      told: "<name>: must be lower-case",
    },
    {
      name: "what leads to no budget",
      line: "patchbay budgets create --amount much --period DAY",
      exitCode: 2,
      told: "--amount: must be dollars",
    },
    {
      name: "a line of a file",
      line: "patchbay llms create -f bad.yaml --key-env OPENAI_API_KEY",
      exitCode: 2,
      told: "bad.yaml:3: price.input: must be dollars",
    },
    { name: "a filter", line: "patchbay usage --from yesterday", exitCode: 2, told: "--from: must be a day" },
    {
      name: "a field that is none",
      line: "patchbay llms create --set endpontUrl=x",
      exitCode: 2,
      told: "Did you mean --endpoint?",
    },
    { name: "a verb before its noun", line: "patchbay get llms", exitCode: 2, told: "patchbay llms get" },
    { name: "help on nothing", line: "patchbay help nonsense", exitCode: 2, told: "no help on" },
    { name: "a file that is not there", line: "patchbay llms create -f nope.yaml", exitCode: 2, told: "nope.yaml" },
    { name: "nobody to ask", line: "patchbay llms delete demo", exitCode: 2, told: "say --yes" },
  ])("$name is told, with an exit code of its own", async ({ line, exitCode, told, more = {} }) => {
    await makeWorld();
    await signIn();
    const outcome = await run(line, more);
    expect(outcome).toMatchObject({ exitCode, stdout: "" });
    expect(outcome.stderr).toContain(told);
    expect(outcome.stderr, "no stack").not.toMatch(/^\s+at /m);
    expect(outcome.stderr).not.toContain("sk-12345");
  });

  it("results are in the form that is asked for", async () => {
    await makeWorld();
    await signIn();
    const first = async (line: string) => (await run(line)).stdout.split("\n")[0];
    expect(await first("patchbay llm list -o yaml")).toMatch(/^- llmId: /);
    expect(await first("patchbay routes list | tail -n +2")).toMatch(/^team +team +demo /);
    expect(await first("patchbay chat team Hello -o name")).toBe("Hello.");
    expect(await first("patchbay chat team Hello -o yaml")).toMatch(/^llmId: /);
    expect(await first("patchbay test demo -o yaml")).toBe("---");
    expect(await first("patchbay contexts list -o yaml")).toBe("current: prod");
    expect(await run("patchbay diff -f config/team.yaml -o name")).toMatchObject({
      stdout: "llms/helper\n",
      stderr: "",
    });
    expect(await first("patchbay llms create --alias unnamed --type ollama --model x --dry-run -o yaml")).toMatch(
      /^llmId: /,
    );
  });

  it("a test that fails is no failure of the command, and yet not 0", async () => {
    await makeWorld();
    const { llm } = await client.llms.createLlm({
      displayName: "closed",
      providerType: Llm_ProviderType.OLLAMA,
      endpointUrl: "http://localhost:11434/v1",
      modelIdentifier: "none",
    });
    const outcome = await run(`patchbay test ${llm?.llmId} -o name`);
    expect(outcome).toMatchObject({ exitCode: 7, stdout: "UNREACHABLE\n" });
  });
});
