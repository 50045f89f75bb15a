import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeTemporaryFolder } from "../../server/test/base/temporary-folder.ts";
import { ServerProcess } from "../../server/test/server/server-process.ts";
import { OwnPostgres } from "./own-postgres.ts";

const TIMEOUT_MS = 180_000;

let folder: ReturnType<typeof makeTemporaryFolder>;
let postgres: OwnPostgres;
beforeAll(async () => {
  folder = makeTemporaryFolder("passfile");
  postgres = await OwnPostgres.create(join(folder.path, "postgres"));
}, TIMEOUT_MS);
afterAll(async () => {
  await postgres?.stop();
  folder?.remove();
});

it("a password from libpq's passfile may change without a restart", { timeout: TIMEOUT_MS }, async () => {
  const passfile = join(folder.path, "pgpass");
  const write = (password: string) =>
    writeFileSync(passfile, `127.0.0.1:${postgres.port}:patchbay:postgres:${password}\n`, { mode: 0o600 });
  const settings = {
    DATABASE_URL: `postgres://postgres@127.0.0.1:${postgres.port}/patchbay`,
    KEYRING_FILE: join(folder.path, "keyring"),
    PGPASSFILE: passfile,
    SHUTDOWN_GRACE_SECONDS: "0",
  };
  write("");
  const refused = new ServerProcess(settings);
  expect(await refused.exit()).toBe(1);
  expect(refused.stderr).toContain("wants a password, and there is none");

  write(postgres.password);
  const server = new ServerProcess(settings);
  try {
    const url = await server.url();
    const readiness = async () => (await fetch(`${url}/readyz`)).status;
    await expect.poll(readiness, { timeout: 30_000 }).toBe(200);
    await postgres.administer("alter role postgres password 'second-password'");
    postgres.password = "second-password";
    await postgres.administer("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'patchbay'");
    await expect.poll(readiness, { timeout: 30_000 }).toBe(503);
    write("second-password");
    await expect.poll(readiness, { timeout: 60_000 }).toBe(200);
    expect(server.stdout + server.stderr).not.toMatch(/first-password|second-password/);
  } finally {
    await server.end("SIGTERM");
  }
});
