import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { makeTemporaryFolder } from "../test/base/temporary-folder.ts";
import { ServerProcess } from "../test/server/server-process.ts";
import { createDatabase } from "../test/store/databases.ts";

describe.skipIf(!existsSync("/proc/self/status"))("a server that has nothing to do", () => {
  it("gives back what its start took", async () => {
    const database = await createDatabase();
    const folder = makeTemporaryFolder("garbage");
    const server = new ServerProcess({ DATABASE_URL: database.url, KEYRING_FILE: join(folder.path, "keyring") });
    onTestFinished(async () => {
      await server.end("SIGKILL");
      await database.drop();
      folder.remove();
    });
    const residentMib = () => {
      const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${server.child.pid}/status`, "utf8")) ?? [];
      return Number(kib) / 1024;
    };
    await server.url();
    const started = residentMib();
    // 25 to 35 less, most often.
    await expect.poll(residentMib, { timeout: 10_000 }).toBeLessThan(started - 12);
  });
});
