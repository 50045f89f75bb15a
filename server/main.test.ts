import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createPatchbay } from "../client/llm.ts";
import { SETTINGS } from "./config/settings.ts";
import { settingsPage } from "./config/settings-text.ts";
import { makeApiKey } from "./domain/access/api-key-format.ts";
import { isAlive, readPostmaster } from "./store/embedded/postmaster.ts";
import { makeTemporaryFolder } from "./test/base/temporary-folder.ts";
import { ServerProcess } from "./test/server/server-process.ts";
import { apiKey, llmRequest } from "./test/service/llm-requests.ts";

/** Some start a server several times, on machines that have other things to do. */
const PATIENCE_MS = 180_000;

let folder: ReturnType<typeof makeTemporaryFolder>;
let dataDir: string;
beforeAll(() => {
  folder = makeTemporaryFolder("main");
  dataDir = join(folder.path, "data");
});
afterAll(() => folder.remove());

const started: ServerProcess[] = [];
afterEach(async () => {
  // What a failed test left running must not fail the next one.
  for (const server of started.splice(0)) await server.end("SIGKILL");
});

function start(settings: Record<string, string> = {}, args: string[] = []): ServerProcess {
  const server = new ServerProcess({ DATA_DIR: dataDir, ...settings }, args);
  started.push(server);
  return server;
}

describe("a server on a fresh machine", () => {
  let key: string;
  let llmId: string;

  it("makes all it needs and prints a curl that works", async () => {
    const server = start();
    const url = await server.url();
    key = server.apiKey;
    expect(server.stdout).toContain(dataDir);
    expect(server.stdout).toContain(`${dataDir}.keyring`);
    expect(statSync(`${dataDir}.keyring`).mode & 0o777).toBe(0o600);
    const [, command = ""] = /Try it:\n\s+(curl .*)/.exec(server.stdout) ?? [];
    expect(JSON.parse(execFileSync("sh", ["-c", `${command} --silent`], { encoding: "utf8" }))).toEqual({
      llms: [],
      nextPageToken: "",
    });
    const { llm } = await createPatchbay({ url, apiKey: key }).llms.createLlm(
      llmRequest({ credentials: apiKey("sk-0123456789abcdefghij") }),
    );
    llmId = llm?.llmId ?? "";
    expect(await server.end("SIGINT")).toBe(0);
    expect(await readPostmaster(join(dataDir, "postgres"))).toBeUndefined();
  });

  it("finds everything as it was on the second start, and shows no key", async () => {
    const server = start();
    const url = await server.url();
    expect(server.apiKey).toBe("");
    const { llm } = await createPatchbay({ url, apiKey: key }).llms.getLlm({ llmId });
    expect(llm).toMatchObject({ llmId, credentialsHint: "…ghij" });
    expect(await server.end("SIGTERM")).toBe(0);
  });

  it("starts again over what a kill -9 left running, and what was acknowledged is there", async () => {
    const killed = start();
    const url = await killed.url();
    const client = createPatchbay({ url, apiKey: key }).llms;
    const acknowledged: string[] = [];
    const writing = (async () => {
      for (;;) acknowledged.push((await client.createLlm(llmRequest())).llm?.llmId ?? "");
    })().catch(() => "the connection broke");
    await expect.poll(() => acknowledged.length, { timeout: 10_000 }).toBeGreaterThan(5);
    await killed.end("SIGKILL");
    await writing;
    expect(await readPostmaster(join(dataDir, "postgres"))).toBeDefined();

    const server = start();
    const again = createPatchbay({ url: await server.url(), apiKey: key }).llms;
    for (const id of acknowledged) expect((await again.getLlm({ llmId: id })).llm?.llmId).toBe(id);
    expect(await server.end("SIGTERM")).toBe(0);
  });

  it("refuses a second server on the same folder, and serves on", async () => {
    const first = start();
    const url = await first.url();
    const second = start();
    expect(await second.exit()).toBe(1);
    expect(second.stderr).toMatch(new RegExp(`process ${first.child.pid}.*DATA_DIR`, "s"));
    await createPatchbay({ url, apiKey: key }).llms.getLlm({ llmId });
    expect(await first.end("SIGTERM")).toBe(0);
  });

  it("takes a bootstrap key as an ADMIN's, next to the keys there are", async () => {
    const bootstrapKey = makeApiKey().reveal();
    const server = start({ BOOTSTRAP_API_KEY: bootstrapKey });
    const url = await server.url();
    await createPatchbay({ url, apiKey: bootstrapKey }).llms.getLlm({ llmId });
    expect(server.stdout).not.toMatch(/pb_live_\w/);
    expect(await server.end("SIGTERM")).toBe(0);
  });

  it("starts its PostgreSQL again when that is killed", async () => {
    const server = start();
    const client = createPatchbay({ url: await server.url(), apiKey: key }).llms;
    const postmaster = await readPostmaster(join(dataDir, "postgres"));
    process.kill(postmaster?.pid ?? 0, "SIGKILL");
    const startedAt = Date.now();
    for (;;) {
      const found = await client.getLlm({ llmId }).then(
        ({ llm }) => llm?.llmId,
        () => undefined,
      );
      if (found === llmId) break;
      expect(Date.now() - startedAt).toBeLessThan(10_000);
    }
    expect(await server.end("SIGTERM")).toBe(0);
  });

  it("refuses to start without the key ring of its database, or with one that others can read", async () => {
    const ring = `${dataDir}.keyring`;
    renameSync(ring, `${ring}.away`);
    const without = start();
    expect(await without.exit()).toBe(1);
    expect(without.stderr).toMatch(/key ring .* is missing/);
    expect(existsSync(ring)).toBe(false);
    renameSync(`${ring}.away`, ring);
    chmodSync(ring, 0o644);
    const open = start();
    expect(await open.exit()).toBe(1);
    expect(open.stderr).toContain("chmod 600");
    chmodSync(ring, 0o600);
    expect(await readPostmaster(join(dataDir, "postgres"))).toBeUndefined();
  });

  it("keeps no key where it could be read", () => {
    const texts = readdirSync(dataDir)
      .filter((name) => name.endsWith(".log"))
      .map((name) => readFileSync(join(dataDir, name), "latin1"));
    for (const text of texts) expect(text).not.toMatch(/sk-0123456789|pb_live_/);
  });
});

describe("a first API key", () => {
  const keyOf = (url: string, apiKey: string) => createPatchbay({ url, apiKey }).llms.listLlms({});

  it("is replaced at each start until it is used, also when a start fails behind it", {
    timeout: PATIENCE_MS,
  }, async () => {
    const settings = { DATA_DIR: join(folder.path, "first-key") };
    const taken = start();
    const { port } = new URL(await taken.url());
    const failed = start({ ...settings, PORT: port });
    expect(await failed.exit()).toBe(1);
    expect(failed.stdout).toBe("");

    const second = start(settings);
    await second.url();
    const lost = second.apiKey;
    expect(await second.end("SIGTERM")).toBe(0);
    const third = start(settings);
    const url = await third.url();
    expect(third.apiKey).not.toBe(lost);
    await expect(keyOf(url, lost)).rejects.toThrow("unauthenticated");
    await keyOf(url, third.apiKey);
    expect(await third.end("SIGKILL")).toBe(null);

    const fourth = start(settings);
    await keyOf(await fourth.url(), third.apiKey);
    expect(fourth.apiKey).toBe("");
    expect(fourth.stdout).toContain("npm run new-key");

    const command = new ServerProcess(settings, ["new-key"], join(import.meta.dirname, "cli/patchbay.ts"));
    expect(await command.exit()).toBe(0);
    expect(command.stdout.trim()).toMatch(/^pb_live_\w+$/);
    await keyOf(await fourth.url(), command.stdout.trim());
    for (const server of [fourth, taken]) expect(await server.end("SIGTERM")).toBe(0);
  });
});

describe("npm start", () => {
  /** As a supervisor has it: a group of its own, of which only the first process is told to end. */
  function supervise(dataDir: string) {
    const { PATH = "", HOME = "" } = process.env;
    const env = { PATH, HOME, PORT: "0", MODEL_CHECK_HOURS: "0", DATA_DIR: dataDir };
    const npm = spawn("npm", ["start"], { cwd: join(import.meta.dirname, ".."), env, detached: true });
    let stdout = "";
    npm.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
    });
    const listening = expect.poll(() => stdout, { timeout: 60_000 }).toContain("listens on");
    const ended = once(npm, "exit").then(([code]) => code);
    return { npm, listening, ended };
  }

  it.each([
    { name: "SIGTERM", end: (pid: number) => process.kill(pid, "SIGTERM"), code: 0 },
    { name: "SIGINT to npm alone", end: (pid: number) => process.kill(pid, "SIGINT"), code: 0 },
    { name: "Ctrl-C, which goes to the whole group", end: (pid: number) => process.kill(-pid, "SIGINT"), code: 0 },
    { name: "SIGKILL, which npm cannot pass on", end: (pid: number) => process.kill(pid, "SIGKILL"), code: null },
  ])("leaves nothing running after $name", { timeout: PATIENCE_MS }, async ({ name, end, code }) => {
    const place = join(folder.path, `npm ${name.split(" ", 1)}`);
    const { npm, listening, ended } = supervise(place);
    await listening;
    const { pid } = (await readPostmaster(join(place, "postgres"))) ?? { pid: 0 };
    expect(pid).toBeGreaterThan(0);
    end(npm.pid ?? 0);
    expect(await ended).toBe(code);
    await expect.poll(() => isAlive(pid), { timeout: 30_000 }).toBe(false);
    expect(await readPostmaster(join(place, "postgres"))).toBeUndefined();
  });
});

describe("the program that npm installs", () => {
  /** The Node of this machine, which may be so old that the program goes on in another one. */
  const PATH = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((entry) => !entry.includes("node_modules"))
    .join(delimiter);

  it.each([
    { name: "SIGTERM", end: (pid: number) => process.kill(pid, "SIGTERM") },
    { name: "SIGINT to it alone", end: (pid: number) => process.kill(pid, "SIGINT") },
    { name: "Ctrl-C, which goes to the whole group", end: (pid: number) => process.kill(-pid, "SIGINT") },
  ])("ends well after $name, and leaves nothing running", { timeout: PATIENCE_MS }, async ({ name, end }) => {
    const place = join(folder.path, `bin ${name.split(" ", 1)}`);
    const env = { PATH, HOME: folder.path, PORT: "0", MODEL_CHECK_HOURS: "0", DATA_DIR: place };
    const child = spawn("node", [join(import.meta.dirname, "../bin/patchbay.js")], { env, detached: true });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
    });
    await expect.poll(() => stdout, { timeout: 60_000 }).toContain("Try it");
    const { pid } = (await readPostmaster(join(place, "postgres"))) ?? { pid: 0 };
    expect(pid).toBeGreaterThan(0);
    const ended = once(child, "exit");
    end(child.pid ?? 0);
    expect(await ended).toEqual([0, null]);
    await expect.poll(() => isAlive(pid), { timeout: 30_000 }).toBe(false);
  });
});

describe("a server that is told to end", () => {
  it("ends at once when it is told again, and keeps what was acknowledged", { timeout: PATIENCE_MS }, async () => {
    const settings = { DATA_DIR: join(folder.path, "twice") };
    const server = start(settings);
    const client = createPatchbay({ url: await server.url(), apiKey: server.apiKey });
    const { llm } = await client.llms.createLlm(
      llmRequest({ endpointUrl: "patchbay:demo", modelIdentifier: "demo", providerType: 7 }),
    );
    const llmId = llm?.llmId ?? "";
    const message = "word ".repeat(2_000);
    const chat = client.chat.streamChat({ llmId, message })[Symbol.asyncIterator]();
    await chat.next(); // Goes on for more than a minute.
    const { pid } = (await readPostmaster(join(settings.DATA_DIR, "postgres"))) ?? { pid: 0 };
    server.child.kill("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(server.child.exitCode).toBe(null);
    expect(await server.end("SIGTERM")).toBe(0);
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);

    const again = start(settings);
    const found = await createPatchbay({ url: await again.url(), apiKey: server.apiKey }).llms.getLlm({ llmId });
    expect(found.llm?.llmId).toBe(llmId);
    expect(await again.end("SIGTERM")).toBe(0);
  });

  it("ends also while it is still starting", async () => {
    const place = join(folder.path, "early");
    const server = start({ DATA_DIR: place });
    await expect.poll(() => existsSync(place), { timeout: 30_000 }).toBe(true);
    expect(await server.end("SIGTERM")).toBe(0);
    expect(await readPostmaster(join(place, "postgres"))).toBeUndefined();
  });

  it("stops its PostgreSQL whatever becomes of its data folder", async () => {
    const place = join(folder.path, "removed");
    const server = start({ DATA_DIR: place });
    await server.url();
    const { pid } = (await readPostmaster(join(place, "postgres"))) ?? { pid: 0 };
    renameSync(place, `${place}-away`);
    expect(await server.end("SIGTERM")).toBe(0);
    expect(isAlive(pid)).toBe(false);
  });
});

describe("settings", () => {
  it.each([
    { place: "a file", path: "file", says: /DATA_DIR is .*, which is a file and no folder/ },
    { place: "a folder in a file", path: "file/data", says: /DATA_DIR is .*, of which a part is a file and no folder/ },
    { place: "a folder in /proc", path: "/proc/patchbay/data", says: /DATA_DIR is .*, where no folder can be made/ },
  ])("refuse $place as DATA_DIR", async ({ path, says }) => {
    writeFileSync(join(folder.path, "file"), "");
    const server = start({ DATA_DIR: resolve(folder.path, path) });
    expect(await server.exit()).toBe(1);
    expect(server.stderr).toMatch(says);
    expect(server.stderr).toContain("Set DATA_DIR to");
    expect(server.stderr.trim().split("\n")).toHaveLength(1);
  });

  it.each([
    { words: ["--prot", "1"], says: "--port" },
    { words: ["--log-level", "debug"], says: "LOG_LEVEL=… npm start. See: npm start -- --help" },
    { words: ["--port"], says: "--port 9000" },
    { words: ["9000"], says: 'no command "9000"' },
  ])("come from the environment, says $words", async ({ words, says }) => {
    const server = start({}, words);
    expect(await server.exit()).toBe(1);
    expect(server.stderr).toContain(says);
  });

  it("are told of a variable that is almost one of them, and not of its value", async () => {
    const server = start({ DATABSE_URL: "postgres://user:hunter2@db.example/x" });
    await server.url();
    // Lines of the log come together, in time or at the end.
    expect(await server.end("SIGTERM")).toBe(0);
    expect(server.stderr).toContain("there is no setting DATABSE_URL; did you mean DATABASE_URL?");
    expect(server.stderr).not.toContain("hunter2");
  });

  it("are options where they are no secrets, and stand before the environment's", async () => {
    const place = join(folder.path, "by-option");
    const server = start({ PORT: "1" }, ["--port", "0", "--data-dir", place]);
    await server.url();
    expect(existsSync(place)).toBe(true);
    expect(await server.end("SIGTERM")).toBe(0);
    const version = start({}, ["--version"]);
    expect(await version.exit()).toBe(0);
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    { setting: "PORT", value: "http", says: /0 to 65535/ },
    { setting: "PORT", value: "70000", says: /0 to 65535/ },
    { setting: "DATABASE_URL", value: "mysql://root:hunter2@x/y", says: /postgres:\/\// },
    { setting: "EGRESS_ALLOW", value: "localhost", says: /http:\/\/localhost:11434/ },
    { setting: "MODEL_CHECK_HOURS", value: "721", says: /from 0, which is never, to 720/ },
    { setting: "CORS_ORIGINS", value: "https://app.example.com/", says: /scheme:\/\/host/ },
    { setting: "TLS_KEY_FILE", value: "key.pem", says: /TLS_CERT_FILE/ },
    { setting: "LOG_LEVEL", value: "loud", says: /trace, debug/ },
    { setting: "METRICS", value: "yes", says: /on or off/ },
    { setting: "OTEL_EXPORTER_OTLP_ENDPOINT", value: "http://me:hunter2@localhost:4318", says: /OTLP_HEADERS/ },
    { setting: "BOOTSTRAP_API_KEY", value: "sk-hunter2", says: /--new-api-key/ },
  ])("refuse $setting=$value", async ({ setting, value, says }) => {
    const server = start({ DATA_DIR: join(folder.path, "never"), [setting]: value });
    expect(await server.exit()).toBe(1);
    expect(server.stderr).toContain(setting);
    expect(server.stderr).toMatch(says);
    expect(server.stderr).not.toContain("hunter2");
    expect(server.stderr.trim().split("\n")).toHaveLength(1);
    expect(existsSync(join(folder.path, "never"))).toBe(false);
  });

  it("are all named by --help, and docs/settings.md is what `npm run docs:settings` writes", async () => {
    const help = start({}, ["--help"]);
    expect(await help.exit()).toBe(0);
    for (const { name } of SETTINGS) expect(help.stdout).toContain(name);
    expect(readFileSync(join(import.meta.dirname, "../docs/settings.md"), "utf8")).toBe(settingsPage());
  });

  it("refuse a port that is taken", async () => {
    const first = start();
    const { port } = new URL(await first.url());
    const second = start({ DATA_DIR: join(folder.path, "second"), PORT: port });
    expect(await second.exit()).toBe(1);
    expect(second.stderr).toContain("PORT");
    expect(await first.end("SIGTERM")).toBe(0);
  });
});
