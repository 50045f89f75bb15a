import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPatchbay, type Patchbay } from "../../client/llm.ts";
import { EmbeddedPostgres } from "../store/embedded/embedded-postgres.ts";
import { formatKeyRing, parseKeyRing } from "../store/vault/key-ring.ts";
import { makeTemporaryFolder } from "../test/base/temporary-folder.ts";
import { COMPILE_CACHE, ServerProcess } from "../test/server/server-process.ts";
import { startServer } from "../test/server/test-server.ts";
import { apiKey, llmRequest } from "../test/service/llm-requests.ts";
import { createDatabase, type TestDatabase } from "../test/store/databases.ts";
import { FakeTransit } from "../test/upstream/fake-transit.ts";
import { ScriptedUpstream } from "../test/upstream/scripted-upstream.ts";

const MAIN = join(import.meta.dirname, "patchbay.ts");
const KEY = "sk-canary-0123456789abcdef";

interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `node server/cli/patchbay.ts keys …` as a process of its own. */
async function keys(settings: Record<string, string>, ...words: string[]): Promise<Outcome> {
  const { PATH = "", HOME = "" } = process.env;
  const env = { PATH, HOME, NODE_COMPILE_CACHE: COMPILE_CACHE, ...settings };
  const child = spawn(process.execPath, [MAIN, "keys", ...words], { env });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  await once(child, "close");
  return { exitCode: child.exitCode, stdout, stderr };
}

let folder: ReturnType<typeof makeTemporaryFolder>;
let upstream: ScriptedUpstream;
beforeAll(async () => {
  folder = makeTemporaryFolder("command");
  upstream = await ScriptedUpstream.start({ apiKey: KEY });
});
afterAll(async () => {
  await upstream.close();
  folder.remove();
});

async function createLlm(patchbay: Patchbay): Promise<string> {
  const { llm } = await patchbay.llms.createLlm(
    llmRequest({ endpointUrl: `${upstream.url}/v1`, credentials: apiKey(KEY) }),
  );
  return llm?.llmId ?? "";
}

describe("keys, beside a server on its embedded database", { timeout: 120_000 }, () => {
  let dataDir: string;
  let server: ServerProcess;
  let patchbay: Patchbay;
  let llmId: string;
  let names: string[];
  const ringKeys = () => parseKeyRing(readFileSync(`${dataDir}.keyring`, "utf8"), "it").keys.map(({ id }) => id);
  beforeAll(async () => {
    dataDir = join(folder.path, "data");
    server = new ServerProcess({ DATA_DIR: dataDir, EGRESS_ALLOW: upstream.url });
    const url = await server.url();
    patchbay = createPatchbay({ url, apiKey: server.apiKey });
    llmId = await createLlm(patchbay);
    names = ringKeys();
  });
  afterAll(() => server.end("SIGKILL"));

  const run = (...words: string[]) => keys({ DATA_DIR: dataDir }, ...words);

  it("status tells which keys there are and what needs them", async () => {
    const { exitCode, stdout } = await run("status");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`${names[0]} +wraps 2 data keys +\\(active\\)`));
    expect(stdout).toContain("2 data keys, sealing 1 secret:");
  });

  it("rotate makes a new key and new data keys, and the server goes on without a pause", async () => {
    let isRotating = true;
    const chats = (async () => {
      for (let count = 0; ; count++) {
        await patchbay.chat.chat({ llmId, message: "hello" });
        if (!isRotating) return count;
      }
    })();
    const { exitCode, stdout } = await run("rotate", "--data-keys");
    isRotating = false;
    expect(await chats).toBeGreaterThan(0);
    expect(exitCode).toBe(0);
    const [added, ...others] = ringKeys();
    expect(others).toEqual(names);
    expect(stdout).toContain(`${added} is the new key`);
    expect(stdout).toContain("2 data keys re-wrapped, 1 secret re-sealed.");
    expect(statSync(`${dataDir}.keyring`).mode & 0o777).toBe(0o600);
    await createLlm(patchbay).catch(() => {}); // A duplicate: what counts is that its key was sealed.
    await patchbay.chat.chat({ llmId, message: "hello" });
  });

  it("retire refuses the active key, and removes one that nothing needs", async () => {
    const [active = "", old = ""] = ringKeys();
    const refused = await run("retire", active);
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("keys rotate") });
    expect(await run("retire", old)).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(old) });
    expect(ringKeys()).toEqual([active]);
    expect(await run("verify")).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("all of them open") });
  });

  it("verify lists what does not open by id, and exits with 1", async () => {
    await server.end("SIGTERM"); // Without a server it opens the database itself.
    const postgres = await EmbeddedPostgres.open(dataDir, () => {});
    const client = new Client(postgres.address);
    await client.connect();
    await client.query("update llm set credentials_version = 7 where id = $1", [llmId]);
    await client.end();
    await postgres.stop();
    const { exitCode, stdout, stderr } = await run("verify");
    expect(exitCode).toBe(1);
    expect(stdout).toContain(`llm.credentials ${llmId} does not open`);
    expect(stdout + stderr).not.toContain("sk-");
    const rotated = await run("rotate", "--data-keys");
    expect(rotated).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining("1 did not open and are as they were"),
    });
  });
});

describe("keys, with DATABASE_URL", { timeout: 120_000 }, () => {
  it("brings everything to a key that was put first into KEYRING, and says when there is nothing to do", async () => {
    const [first] = parseKeyRing((await keys({}, "generate")).stdout, "it").keys;
    const [second] = parseKeyRing((await keys({}, "generate")).stdout, "it").keys;
    const before = formatKeyRing([first as never]);
    const after = formatKeyRing([second as never, first as never]);
    const server = await startServer({ EGRESS_ALLOW: upstream.url, KEYRING_FILE: "", KEYRING: after });
    const settings = { DATABASE_URL: server.database.url };
    const llmId = await createLlm(server.client(server.adminKey));
    expect(await keys({ ...settings, KEYRING: before }, "rotate", "--data-keys")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`lacks the key ${second?.id}`),
    });
    const idle = await keys({ ...settings, KEYRING: after }, "rotate");
    expect(idle).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining("Add a key before the others in KEYRING"),
    });
    const reversed = { ...settings, KEYRING: formatKeyRing([first as never, second as never]) };
    expect(await keys(reversed, "rotate")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("2 data keys re"),
    });
    expect(await keys({ ...settings, KEYRING: before }, "verify")).toMatchObject({ exitCode: 0 });
    await server.client(server.adminKey).chat.chat({ llmId, message: "hello" });
    await server.stop();
  });

  it("brings everything to the newest version of a transit key", async () => {
    const transit = await FakeTransit.start();
    const settings = {
      KEYRING_FILE: "",
      VAULT_TRANSIT_KEY: "patchbay",
      VAULT_ADDR: transit.address,
      VAULT_TOKEN: transit.token,
    };
    const server = await startServer({ EGRESS_ALLOW: upstream.url, ...settings });
    const run = (...words: string[]) => keys({ DATABASE_URL: server.database.url, ...settings }, ...words);
    const llmId = await createLlm(server.client(server.adminKey));
    expect(await run("rotate")).toMatchObject({ exitCode: 1, stdout: expect.stringContaining("vault write -f") });
    transit.rotate();
    expect(await run("rotate")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("2 data keys re-wrapped"),
    });
    const { stdout } = await run("status");
    expect(stdout).toMatch(/transit\/patchbay:v2 +wraps 2 data keys +\(active\)/);
    expect(await run("verify")).toMatchObject({ exitCode: 0 });
    await server.client(server.adminKey).chat.chat({ llmId, message: "hello" });
    await server.stop();
    transit.token = "revoked";
    expect(await run("status")).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("403") });
    await transit.close();
  });
});

describe("keys, mistyped or misplaced", { timeout: 120_000 }, () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  it.each([
    { words: ["rotat"], says: "Did you mean rotate?" },
    { words: ["status", "kek-1"], says: "too many arguments" },
    { words: ["rotate", "--all"], says: "unknown option '--all'" },
    { words: ["verify", "--data-keys"], says: "unknown option '--data-keys'" },
    { words: ["retire"], says: "missing required argument 'key'" },
  ])("$words is refused before anything is opened", async ({ words, says }) => {
    const { exitCode, stderr } = await keys({ DATA_DIR: "/nowhere" }, ...words);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(says);
  });

  it("makes neither a key ring nor a database where there is none", async () => {
    const dataDir = join(folder.path, "elsewhere");
    expect(await keys({ DATA_DIR: dataDir }, "rotate")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`no key ring ${dataDir}.keyring`),
    });
    writeFileSync(`${dataDir}.keyring`, (await keys({}, "generate")).stdout, { mode: 0o600 });
    expect(await keys({ DATA_DIR: dataDir }, "rotate")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`no database in ${dataDir}`),
    });
  });

  it("says how to retire, and what --help says", async () => {
    const settings = { DATABASE_URL: database.url, KEYRING: (await keys({}, "generate")).stdout };
    expect((await keys(settings, "retire", "kek-1")).stderr).toContain("not Patchbay's to change");
    const { exitCode, stdout } = await keys({}, "--help");
    expect(exitCode).toBe(0);
    for (const command of ["status", "rotate", "verify", "retire", "generate"])
      expect(stdout).toContain(`\n  ${command}`);
  });
});
