/** docs/backup.md, line by line: one installation is saved, goes on, and is restored elsewhere. */
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createPatchbay } from "../../client/llm.ts";
import { makeApiKey } from "../../server/domain/access/api-key-format.ts";
import { blocksOf } from "../../server/test/docs/documents.ts";
import { CommandShell } from "../../server/test/server/command-shell.ts";
import { ServerProcess } from "../../server/test/server/server-process.ts";
import { apiKey, llmRequest } from "../../server/test/service/llm-requests.ts";
import { says } from "../../server/test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../server/test/upstream/scripted-upstream.ts";
import { OwnPostgres } from "../torture/own-postgres.ts";

const TIMEOUT_MS = 240_000;
const SECRET = "sk-canary-0123456789abcdef";

/** Debian's PostgreSQL, whose pg_dump is no older than its server. */
const [bin] = globSync("/usr/lib/postgresql/*/bin").filter((folder) =>
  ["pg_dump", "pg_restore", "initdb", "postgres"].every((program) => existsSync(join(folder, program))),
);
if (!bin)
  console.log("skipped: docs/backup.md, because there is no pg_dump with its server; apt-get install postgresql");

let shell: CommandShell;
let upstream: ScriptedUpstream;
beforeAll(async () => {
  shell = new CommandShell();
  upstream = await ScriptedUpstream.start({ otherwise: says("Hello.") });
});
afterAll(async () => {
  await upstream.close();
  shell.remove();
});

const [dump, heads, restore, verify, save, put] = blocksOf("docs/backup.md").map(({ text }) => text);

async function run(lines: string | undefined, settings: Record<string, string>): Promise<string> {
  expect(lines).toBeDefined();
  const { stdout, stderr, exitCode } = await shell.run(`set -e\n${lines}`, { PORT: "0", ...settings });
  expect({ lines, stdout, stderr, exitCode }).toMatchObject({ exitCode: 0 });
  expect(stdout + stderr).not.toContain("canary");
  return stdout;
}

async function start(settings: Record<string, string>) {
  const adminKey = makeApiKey().reveal();
  const common = { EGRESS_ALLOW: upstream.url, BOOTSTRAP_API_KEY: adminKey, SHUTDOWN_GRACE_SECONDS: "0" };
  const server = new ServerProcess({ ...common, ...settings });
  onTestFinished(() => void server.end("SIGKILL"));
  return { server, client: createPatchbay({ url: await server.url(), apiKey: adminKey }) };
}

/** An Llm with a key; answers with its id. */
async function fill({ client }: Awaited<ReturnType<typeof start>>, alias: string): Promise<string> {
  const { llm } = await client.llms.createLlm(
    llmRequest({ alias, endpointUrl: `${upstream.url}/v1`, modelIdentifier: alias, credentials: apiKey(SECRET) }),
  );
  await client.chat.chat({ llmId: llm?.llmId ?? "", message: "Hello" });
  return llm?.llmId ?? "";
}

/** The Llms that are there, and that the first of them still has its key. */
async function expectRestored({ client }: Awaited<ReturnType<typeof start>>, llmId: string): Promise<void> {
  const { caller } = await client.access.getCaller({});
  expect(caller).toBeDefined();
  const before = upstream.requests.length;
  await client.chat.chat({ llmId, message: "Are you there?" });
  expect(upstream.requests[before]?.headers.authorization).toBe(`Bearer ${SECRET}`);
  expect((await client.llms.listLlms({})).llms.map(({ alias }) => alias)).toEqual(["saved"]);
}

describe("docs/backup.md", { timeout: TIMEOUT_MS }, () => {
  it.skipIf(!bin)("restores a dump into a newer PostgreSQL elsewhere, and everything opens", async () => {
    const programs = { initdb: join(bin ?? "", "initdb"), postgres: join(bin ?? "", "postgres") };
    const here = await OwnPostgres.create(join(shell.folder.path, "here"), programs);
    onTestFinished(() => here.stop());
    const elsewhere = await OwnPostgres.create(join(shell.folder.path, "elsewhere"));
    onTestFinished(() => elsewhere.stop());
    const urlOf = (postgres: OwnPostgres) =>
      `postgres://postgres:${postgres.password}@127.0.0.1:${postgres.port}/patchbay`;
    const settings = { DATABASE_URL: urlOf(here), KEYRING_FILE: join(shell.folder.path, "ring") };
    const first = await start(settings);
    const llmId = await fill(first, "saved");
    await run(dump, settings);
    await run(heads, settings);
    await fill(first, "later");

    const renewed = { NEW_DATABASE_URL: urlOf(elsewhere), NEW_KEYRING_FILE: join(shell.folder.path, "new-ring") };
    await run(restore, { ...settings, ...renewed });
    expect(await run(verify, { ...settings, ...renewed })).toMatch(/whole[\s\S]*Nothing is wrong/);
    const second = await start({ DATABASE_URL: renewed.NEW_DATABASE_URL, KEYRING_FILE: renewed.NEW_KEYRING_FILE });
    await expectRestored(second, llmId);

    const stranger = join(shell.folder.path, "stranger");
    await run(`(umask 077; patchbay keys generate > ${stranger})`, {});
    const wrong = await shell.run("patchbay keys verify", { DATABASE_URL: urlOf(elsewhere), KEYRING_FILE: stranger });
    expect(wrong.exitCode).toBe(1);
  });

  it("restores the folder of an embedded PostgreSQL", async () => {
    const data = join(shell.folder.path, "data");
    const first = await start({ DATA_DIR: data });
    const llmId = await fill(first, "saved");
    expect(await first.server.end("SIGTERM")).toBe(0);
    const renewed = join(shell.folder.path, "new/data");
    await run(save, { DATA_DIR: data });
    await run(put, { DATA_DIR: data, NEW_DATA_DIR: renewed });
    const second = await start({ DATA_DIR: renewed });
    await expectRestored(second, llmId);
    expect(await second.server.end("SIGTERM")).toBe(0);
  });
});
