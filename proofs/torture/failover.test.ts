import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPatchbay, problemOf } from "../../client/llm.ts";
import { makeApiKey } from "../../server/domain/access/api-key-format.ts";
import { makeTemporaryFolder } from "../../server/test/base/temporary-folder.ts";
import { ServerProcess } from "../../server/test/server/server-process.ts";
import { llmRequest } from "../../server/test/service/llm-requests.ts";
import { says } from "../../server/test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../server/test/upstream/scripted-upstream.ts";
import { OwnPostgres } from "./own-postgres.ts";

const TIMEOUT_MS = 240_000;

let folder: ReturnType<typeof makeTemporaryFolder>;
let primary: OwnPostgres;
let standby: OwnPostgres;
let upstream: ScriptedUpstream;
beforeAll(async () => {
  folder = makeTemporaryFolder("failover");
  upstream = await ScriptedUpstream.start({ otherwise: says("yes") });
  primary = await OwnPostgres.create(join(folder.path, "one"));
  standby = await OwnPostgres.standbyOf(primary, join(folder.path, "two"));
}, TIMEOUT_MS);
afterAll(async () => {
  await primary?.stop();
  await standby?.stop();
  await upstream?.close();
  folder?.remove();
});

it("a standby that is promoted takes over, without a restart and without a lost write", {
  timeout: TIMEOUT_MS,
}, async () => {
  const adminKey = makeApiKey().reveal();
  const passwordFile = join(folder.path, "password");
  writeFileSync(passwordFile, primary.password);
  const hosts = [primary, standby].map(({ port }) => `127.0.0.1:${port}`).join(",");
  const server = new ServerProcess({
    DATABASE_URL: `postgres://postgres@${hosts}/patchbay?target_session_attrs=read-write`,
    DATABASE_PASSWORD_FILE: passwordFile,
    KEYRING_FILE: join(folder.path, "keyring"),
    BOOTSTRAP_API_KEY: adminKey,
    EGRESS_ALLOW: upstream.url,
    SHUTDOWN_GRACE_SECONDS: "0",
  });
  try {
    const url = await server.url();
    const { llms, chat } = createPatchbay({ url, apiKey: adminKey });
    const { llm } = await llms.createLlm(llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: "some" }));
    const llmId = llm?.llmId ?? "";
    // So that what is acknowledged is on both.
    await primary.administer("alter system set synchronous_standby_names = '*'");
    await primary.administer("select pg_reload_conf()");
    let written = 0;
    const write = async (n: number) => {
      await llms.updateLlm({ llmId, description: `write ${n}` }, { timeoutMs: 30_000 });
      written = n;
    };
    for (let n = 1; n <= 20; n++) await write(n);
    await primary.kill();
    const promoted = standby.promote();
    const problem = problemOf(await llms.getLlm({ llmId }, { timeoutMs: 30_000 }).catch((error) => error));
    expect(problem.reason === "" || problem.reason === "STORE_UNAVAILABLE").toBe(true);
    await promoted;
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status, { timeout: 90_000, interval: 100 }).toBe(200);
    expect((await llms.getLlm({ llmId })).llm?.description).toBe(`write ${written}`);
    await write(21);
    await chat.chat({ llmId, message: "Does it work?" });

    // The old one comes back as what it was: a server that is asked for one that writes still has one.
    await pause(500);
    expect(await server.end("SIGTERM")).toBe(0);
  } finally {
    await server.end("SIGKILL");
  }
});

it("a server does not start on a standby, and says what to do", { timeout: TIMEOUT_MS }, async () => {
  const other = await OwnPostgres.standbyOf(standby, join(folder.path, "three"));
  const start = async (url: string) => {
    const server = new ServerProcess({ DATABASE_URL: url, KEYRING_FILE: join(folder.path, "keyring") });
    expect(await server.exit()).toBe(1);
    expect(server.stderr).not.toContain("    at ");
    expect(server.stderr).not.toContain(other.password);
    return server.stderr;
  };
  const url = (database = "patchbay", password = other.password, port = other.port) =>
    `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
  try {
    expect(await start(url())).toMatch(/is a standby.*target_session_attrs=read-write/s);
    expect(await start(`${url()}?target_session_attrs=read-write`)).toContain("target_session_attrs=read-write");
    expect(await start(url("no_such_database"))).toMatch(/no such database/);
    expect(await start(url("patchbay", "wrong"))).toMatch(/does not take the user or the password/);
    expect(await start(`${url()}?sslmode=require`)).toMatch(/does not speak TLS/);
    expect(await start(url("patchbay", "any", 1))).toMatch(/cannot be reached \(ECONNREFUSED\)/);
    other.signalAll("SIGSTOP");
    expect(await start(url())).toMatch(/does not answer within 5000 ms/);
  } finally {
    await other.stop();
  }
});
