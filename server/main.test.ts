import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createPatchbay } from "../client/llm.ts";
import { SETTINGS } from "./config/settings.ts";
import { makeApiKey } from "./domain/access/api-key-format.ts";
import { readPostmaster } from "./store/embedded/postmaster.ts";
import { makeTemporaryFolder } from "./test/base/temporary-folder.ts";
import { ServerProcess } from "./test/server/server-process.ts";
import { apiKey, llmRequest } from "./test/service/llm-requests.ts";

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
    expect(server.stdout).not.toContain("pb_live");
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

describe("settings", () => {
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

  it("are all named by --help and in the README", async () => {
    const help = start({}, ["--help"]);
    expect(await help.exit()).toBe(0);
    const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
    for (const { name } of SETTINGS) {
      expect(help.stdout).toContain(name);
      expect(readme).toContain(`\`${name}\``);
    }
  });

  it("refuse a port that is taken, and an option that does not exist", async () => {
    const first = start();
    const { port } = new URL(await first.url());
    const second = start({ DATA_DIR: join(folder.path, "second"), PORT: port });
    expect(await second.exit()).toBe(1);
    expect(second.stderr).toContain("PORT");
    expect(await first.end("SIGTERM")).toBe(0);
    const third = start({}, ["--prot", "1"]);
    expect(await third.exit()).toBe(1);
    expect(third.stderr).toContain("--prot");
  });
});
