/**
 * The package as people get it: packed, installed into empty folders by the npm of this machine, and run by whatever Node
 * is on PATH, as a program that npx fetches, as one that is installed for all, and as a dependency of another project. It
 * needs the registry and some minutes, and so is no part of `npm test`.
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** What an installation may take; 193 of them are Node, of which 67 are C headers. */
const MAX_INSTALLED_MB = 330;

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "patchbay-package-"));
// npm puts its own Node before that of the machine: people have only theirs.
const PATH = (process.env.PATH ?? "")
  .split(delimiter)
  .filter((entry) => !entry.includes("node_modules"))
  .join(delimiter);
const env = { ...process.env, PATH, HOME: join(folder, "home"), npm_config_cache: join(folder, "npm-cache") };
for (const name of Object.keys(env)) {
  if (/^(npm_(?!config_(registry|cache|cafile))|NODE_|INIT_CWD|DATA_DIR|XDG_)/.test(name))
    delete env[name as keyof typeof env];
}
mkdirSync(env.HOME);

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

/** Starts a server by a command line, chats with what it says of itself, and stops it as a supervisor would. */
async function serve(claim: string, cwd: string, command: string, args: string[]): Promise<void> {
  const server = spawn(command, args, { cwd, env: { ...env, PORT: "0", MODEL_CHECK_HOURS: "0" }, detached: true });
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
    process.kill(server.pid as number, "SIGTERM");
    const code = await ended;
    check(`${claim}: SIGTERM to the process that was started ends it well`, code === 0, `${code}\n${output}`);
    const refused = await fetch(`${url}/healthz`).then(
      () => false,
      () => true,
    );
    check(`${claim}: nothing goes on running`, refused);
  } finally {
    try {
      process.kill(-(server.pid as number), "SIGKILL");
    } catch {
      // It has ended.
    }
  }
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
  run(dependent, "npm", "install", "--no-audit", "--no-fund", tarball);
  const [kilobytes = "0"] = run(dependent, "du", "-sk", "node_modules").split("\t");
  const megabytes = Math.round(Number(kilobytes) / 1_024);
  check(`a dependency: the tree takes ${megabytes} MB, at most ${MAX_INSTALLED_MB}`, megabytes <= MAX_INSTALLED_MB);
  const manifest = JSON.parse(readFileSync(join(dependent, "node_modules/patchbay/package.json"), "utf8"));
  const hooks = ["preinstall", "install", "postinstall"].filter((name) => manifest.scripts?.[name]);
  check("a dependency: nothing runs when it is installed", hooks.length === 0, hooks);
  const program =
    'import { createPatchbay, problemOf } from "patchbay";\n' +
    'await createPatchbay({ url: "http://127.0.0.1:9", apiKey: "k" }).llms.listLlms({}).catch((e) => console.log(problemOf(e).code));\n';
  writeFileSync(join(dependent, "program.js"), program);
  check("a dependency: the client is imported", run(dependent, "node", "program.js").length > 1);
  check("a dependency: npx patchbay", run(dependent, "npx", "patchbay", "--version").trim() === manifest.version);
  check("a dependency: help", run(dependent, "npx", "patchbay", "llms", "create", "--help").includes("--key-env"));
  await serve("a dependency", dependent, join(dependent, "node_modules/.bin/patchbay"), []);
  const dataDir = join(env.HOME, ".local/share/patchbay/data");
  check(
    `its data are in the platform's place, not in the folder`,
    existsSync(`${dataDir}.keyring`) && !existsSync(join(dependent, "data")),
  );

  const prefix = inFolder("global");
  run(folder, "npm", "install", "--global", "--prefix", prefix, "--no-audit", "--no-fund", tarball);
  await serve(
    "for all (npm install -g), on the data that are there",
    inFolder("anywhere"),
    join(prefix, "bin/patchbay"),
    ["serve"],
  );

  const empty = inFolder("empty");
  check("npx TARBALL", run(empty, "npx", "--yes", tarball, "--version").trim() === manifest.version);
  console.log("The package works as a dependency, for all, and by npx.");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
