import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
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

const WORK = `
  let kept = [];
  for (let round = 0; round < 5; round++) {
    kept = Array.from({ length: 400_000 }, (_, i) => ({ i, text: "x" + i }));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  kept = kept.slice(0, 200_000);
  setTimeout(() => process.exit(), 5_000);
`;

/** How often V8's reducer of memory, which may come after 2 s, goes on to wait for its time in a process that works and rests. */
async function reducerWaits(before: string): Promise<number> {
  const flags = ["--trace-memory-reducer", "--gc-memory-reducer-start-delay-ms=2000", "--input-type=module"];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, "-e", before + WORK]);
  return stdout.split("Memory reducer: waiting").length - 1;
}

describe("V8's own way to give memory back", () => {
  it("never comes to a server, however it was started", async () => {
    const heap = JSON.stringify(join(import.meta.dirname, "heap.ts"));
    const begins = `const { collectIdleGarbage } = await import(${heap}); collectIdleGarbage();`;
    const [usual, ours] = await Promise.all([reducerWaits(""), reducerWaits(begins)]);
    expect(usual).toBeGreaterThan(0);
    expect(ours).toBe(0);
  });
});
