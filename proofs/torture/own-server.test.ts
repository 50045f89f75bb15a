import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeTemporaryFolder } from "../../server/test/base/temporary-folder.ts";
import { createDatabase, type TestDatabase } from "../../server/test/store/databases.ts";
import { OwnServer } from "./own-server.ts";

let folder: ReturnType<typeof makeTemporaryFolder>;
let database: TestDatabase;
beforeAll(async () => {
  folder = makeTemporaryFolder("own-server");
  database = await createDatabase();
});
afterAll(async () => {
  await database.drop();
  folder.remove();
});

it("tells of a server that ends by itself, with its signal and what it said, and keeps both", {
  timeout: 120_000,
}, async () => {
  const deaths: string[] = [];
  const keyring = join(folder.path, "keyring");
  const settings = { DATABASE_URL: database.url, KEYRING_FILE: keyring, SHUTDOWN_GRACE_SECONDS: "0" };
  const server = new OwnServer(settings, join(folder.path, "log"), (told) => deaths.push(told));
  await server.start();
  await server.end("SIGTERM");
  await server.start();
  expect(deaths).toEqual([]);
  process.kill(Number(/--- start 2, process (\d+)/.exec(readFileSync(server.logFile, "utf8"))?.[1]), "SIGKILL");
  await expect.poll(() => deaths, { timeout: 60_000 }).toHaveLength(1);
  expect(deaths[0]).toMatch(/by SIGKILL; it said last: [\s\S]*listens on/);
  expect(server.isRunning).toBe(false);
  await server.close();
  const log = readFileSync(server.logFile, "utf8");
  expect(log).toMatch(/ended with exit code 0, as it was told/);
  expect(log).toMatch(/ended by SIGKILL\n/);
});
