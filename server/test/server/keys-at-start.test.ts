import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createPatchbay } from "../../../client/llm.ts";
import { makeApiKey } from "../../domain/access/api-key-format.ts";
import { formatKeyRing, generateKey } from "../../store/vault/key-ring.ts";
import { makeTemporaryFolder } from "../base/temporary-folder.ts";
import { apiKey, llmRequest } from "../service/llm-requests.ts";
import { createDatabase, type TestDatabase } from "../store/databases.ts";
import { FakeTransit } from "../upstream/fake-transit.ts";
import { ServerProcess } from "./server-process.ts";

/** How long a refusal may take; on a busy machine, so many times what a process takes that only prints its help. */
const MAX_MS = 2_000;
const MAX_HELPS = 8;
const CANARY = "hunter2-canary";

let folder: ReturnType<typeof makeTemporaryFolder>;
let database: TestDatabase;
let transit: FakeTransit;
let maxMs: number;
beforeAll(async () => {
  const startedAt = performance.now();
  await new ServerProcess({}, ["--help"]).exit();
  maxMs = Math.max(MAX_MS, MAX_HELPS * (performance.now() - startedAt));
  folder = makeTemporaryFolder("start");
  database = await createDatabase();
  transit = await FakeTransit.start();
});
afterAll(async () => {
  await transit.close();
  await database.drop();
  folder.remove();
});

const started: ServerProcess[] = [];
afterEach(async () => {
  for (const server of started.splice(0)) await server.end("SIGKILL");
});

function start(settings: Record<string, string>): ServerProcess {
  // Nobody has to notice that it is going.
  const ending = { SHUTDOWN_GRACE_SECONDS: "0" };
  const server = new ServerProcess({ DATABASE_URL: database.url, LOG_LEVEL: "warn", ...ending, ...settings });
  started.push(server);
  return server;
}

/** What a server that must refuse to start says, in one line and in time. */
async function refusalOf(settings: Record<string, string>): Promise<string> {
  const startedAt = performance.now();
  const server = start(settings);
  expect(await server.exit()).toBe(1);
  expect(performance.now() - startedAt).toBeLessThan(maxMs);
  const lines = server.stderr.trim().split("\n");
  expect(lines.filter((line) => !line.startsWith("{"))).toHaveLength(1);
  expect(server.stdout + server.stderr).not.toContain(CANARY);
  return lines.at(-1) ?? "";
}

function fileWith(text: string, mode = 0o600): string {
  const file = join(folder.path, randomBytes(6).toString("hex"));
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

const ring = (...keys: ReturnType<typeof generateKey>[]) => formatKeyRing(keys);
const weak = (text: string) =>
  JSON.stringify({ keys: [{ kty: "oct", kid: "k", k: Buffer.from(text).toString("base64url") }] });
const vault = (changes: Record<string, string> = {}) => ({
  VAULT_TRANSIT_KEY: "patchbay",
  VAULT_ADDR: transit.address,
  VAULT_TOKEN: transit.token,
  ...changes,
});

describe("a server does not start", { timeout: 180_000 }, () => {
  it.each([
    { name: "an empty file", text: "", says: /is not JSON.*generate/ },
    { name: "a password", text: CANARY, says: /is not JSON.*generate/ },
    { name: "a known key", text: weak("sk-1234"), says: /weak/ },
    { name: "a known key repeated", text: weak("sk-1234".repeat(5).slice(0, 32)), says: /weak/ },
    { name: "an empty key", text: weak(""), says: /weak/ },
    { name: "zeros", text: weak("\0".repeat(32)), says: /weak/ },
    { name: "no keys", text: "{}", says: /has no keys/ },
  ])("with $name as its key ring, in a file or in the environment", async ({ text, says }) => {
    expect(await refusalOf({ KEYRING_FILE: fileWith(text) })).toMatch(says);
    // An empty variable is one that is not set.
    expect(await refusalOf({ KEYRING: text || '""' })).toMatch(text === "" ? /has no keys/ : says);
  });

  it.each([0o644, 0o640])("with a key ring of mode %o", async (mode) => {
    const file = fileWith(ring(generateKey()), mode);
    expect(await refusalOf({ KEYRING_FILE: file })).toContain(`chmod 600 ${file}`);
  });

  it("with a key ring that it cannot make", async () => {
    const fresh = await createDatabase();
    const says = await refusalOf({
      DATABASE_URL: fresh.url,
      KEYRING_FILE: join(fileWith("a file, not a folder"), "keyring"),
    });
    expect(says).toContain("KEYRING_FILE");
    await fresh.drop();
  });

  it("with keys from two places", async () => {
    const keyRing = ring(generateKey());
    expect(await refusalOf({ KEYRING_FILE: fileWith(keyRing), KEYRING: keyRing })).toContain(
      "KEYRING_FILE and KEYRING",
    );
    expect(await refusalOf({ KEYRING: keyRing, ...vault() })).toContain("KEYRING and VAULT_TRANSIT_KEY");
  });

  it.each([
    { name: "without an address", change: { VAULT_ADDR: "" }, says: /VAULT_ADDR must look like https/ },
    { name: "with an address that is none", change: { VAULT_ADDR: `http://${CANARY}@x/y` }, says: /VAULT_ADDR/ },
    { name: "without a token", change: { VAULT_TOKEN: "" }, says: /VAULT_TOKEN or VAULT_TOKEN_FILE/ },
    { name: "with two tokens", change: { VAULT_TOKEN_FILE: "/x" }, says: /and not both/ },
    {
      name: "with a name that leads elsewhere",
      change: { VAULT_TRANSIT_KEY: "../sys/seal" },
      says: /VAULT_TRANSIT_KEY/,
    },
    { name: "that refuses the token", change: { VAULT_TOKEN: CANARY }, says: /answers 403: the token has expired/ },
    { name: "that is down", change: { VAULT_ADDR: "http://127.0.0.1:9" }, says: /VAULT_ADDR\) cannot be reached/ },
    { name: "without the key", change: { VAULT_TRANSIT_KEY: "other" }, says: /has no key other/ },
  ])("with HashiCorp Vault $name", async ({ change, says }) => {
    expect(await refusalOf(vault(change))).toMatch(says);
  });

  it("with other keys than those its database was made with, or with none, and makes no new ones", async () => {
    const own = generateKey();
    const file = fileWith(ring(own));
    const key = makeApiKey().reveal();
    const first = start({ KEYRING_FILE: file, BOOTSTRAP_API_KEY: key });
    await createPatchbay({ url: await first.url(), apiKey: key }).llms.createLlm(
      llmRequest({ credentials: apiKey("sk-0123456789abcdefghij") }),
    );
    await first.end("SIGTERM");

    expect(await refusalOf({ KEYRING_FILE: fileWith(ring(generateKey())) })).toContain(`lacks the key ${own.id}`);
    const namesake = { ...generateKey(), id: own.id };
    expect(await refusalOf({ KEYRING_FILE: fileWith(ring(namesake)) })).toContain("was not made with");
    expect(await refusalOf({ KEYRING: ring(generateKey()) })).toContain(`KEYRING lacks the key ${own.id}`);
    expect(await refusalOf(vault())).toContain("was not made with the transit key");
    const absent = join(folder.path, "absent");
    expect(await refusalOf({ KEYRING_FILE: absent })).toMatch(/is missing, and the database holds credentials/);
    expect(existsSync(absent)).toBe(false);

    const moved = start({ KEYRING: ring(own) });
    await moved.url(); // The same keys from elsewhere are as good.
    await moved.end("SIGTERM");
  });

  it("when the data keys are gone but what they sealed is not, with or without a key ring", async () => {
    const client = new Client({ connectionString: database.url });
    await client.connect();
    await client.query("delete from wrapped_key");
    await client.end();
    const absent = join(folder.path, "absent");
    expect(await refusalOf({ KEYRING_FILE: absent })).toContain("is missing");
    expect(existsSync(absent)).toBe(false);
    expect(await refusalOf({ KEYRING: ring(generateKey()) })).toContain("Restore the table wrapped_key");
  });
});

describe("servers that start for the first time together", { timeout: 180_000 }, () => {
  it("agree on one key ring and one installation key", async () => {
    const fresh = await createDatabase();
    const file = join(folder.path, "together");
    const key = makeApiKey().reveal();
    const settings = { DATABASE_URL: fresh.url, KEYRING_FILE: file, BOOTSTRAP_API_KEY: key };
    const servers = [start(settings), start(settings), start(settings)];
    const [one, ...others] = await Promise.all(servers.map((server) => server.url()));
    const request = llmRequest({ credentials: apiKey("sk-0123456789abcdefghij") });
    await createPatchbay({ url: one as string, apiKey: key }).llms.createLlm(request);
    for (const url of others) {
      await expect(createPatchbay({ url, apiKey: key }).llms.createLlm(request)).rejects.toThrow("same connection");
    }
    for (const server of servers) await server.end("SIGTERM");
    await fresh.drop();
  });
});
