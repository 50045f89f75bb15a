import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase } from "./test/databases.ts";
import { ServerProcess } from "./test/server-process.ts";
import { makeTemporaryFolder } from "./test/temporary-folder.ts";

describe.skipIf(!existsSync("/proc/self/status"))("a server that has nothing to do", () => {
  const folder = makeTemporaryFolder("garbage");
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let server: ServerProcess;
  beforeAll(async () => {
    database = await createDatabase();
    server = new ServerProcess({ DATABASE_URL: database.url, KEYRING_FILE: join(folder.path, "keyring") });
  });
  afterAll(async () => {
    await server.end("SIGKILL");
    await database.drop();
    folder.remove();
  });

  const residentMib = () => {
    const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${server.child.pid}/status`, "utf8")) ?? [];
    return Number(kib) / 1024;
  };

  it("gives back what its start took", async () => {
    await server.url();
    const started = residentMib();
    // 25 to 45 less, most often.
    await expect.poll(residentMib, { timeout: 10_000 }).toBeLessThan(started - 12);
  });

  it("gives back what work took", async () => {
    const url = `${await server.url()}/v1/llms`;
    const body = JSON.stringify({ description: "x".repeat(3_000_000) });
    const headers = { "content-type": "application/json", authorization: `Bearer ${server.apiKey}` };
    let most = 0;
    for (let round = 0; round < 10; round++) {
      await Promise.all(Array.from({ length: 8 }, () => fetch(url, { method: "POST", headers, body })));
      most = Math.max(most, residentMib());
    }
    await expect.poll(residentMib, { timeout: 10_000 }).toBeLessThan(most - 30);
  });
});
