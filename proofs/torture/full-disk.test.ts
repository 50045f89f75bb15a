import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPatchbay, problemOf } from "../../client/llm.ts";
import { makeApiKey } from "../../server/domain/access/api-key-format.ts";
import { makeTemporaryFolder } from "../../server/test/base/temporary-folder.ts";
import { ServerProcess } from "../../server/test/server/server-process.ts";
import { llmRequest } from "../../server/test/service/llm-requests.ts";
import { says } from "../../server/test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../server/test/upstream/scripted-upstream.ts";
import { OwnPostgres } from "./own-postgres.ts";

const TIMEOUT_MS = 300_000;
const DISK_MIB = 192;

const folder = makeTemporaryFolder("full-disk");
const disk = join(folder.path, "disk");
mkdirSync(disk);
const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MIB}m`, "tmpfs", disk]);
const mayMount = status === 0;
if (!mayMount) console.log("skipped: only root may mount the small disk that is filled");

let postgres: OwnPostgres;
let upstream: ScriptedUpstream;
beforeAll(async () => {
  if (!mayMount) return;
  upstream = await ScriptedUpstream.start({ otherwise: says("yes") });
  postgres = await OwnPostgres.create(join(disk, "postgres"));
}, TIMEOUT_MS);
afterAll(async () => {
  await postgres?.stop();
  await upstream?.close();
  if (mayMount) spawnSync("umount", ["-l", disk]);
  folder.remove();
});

it.skipIf(!mayMount)(
  "a disk that is really full costs no reply's record, and needs no restart",
  {
    timeout: TIMEOUT_MS,
  },
  async () => {
    const apiKey = makeApiKey().reveal();
    const server = new ServerProcess({
      DATABASE_URL: `postgres://postgres:${postgres.password}@127.0.0.1:${postgres.port}/patchbay`,
      KEYRING_FILE: join(folder.path, "keyring"),
      BOOTSTRAP_API_KEY: apiKey,
      EGRESS_ALLOW: upstream.url,
      SHUTDOWN_GRACE_SECONDS: "0",
      LOG_LEVEL: "warn",
    });
    try {
      const url = await server.url();
      const patchbay = createPatchbay({ url, apiKey });
      const { llm } = await patchbay.llms.createLlm(
        llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: "some" }),
      );
      const llmId = llm?.llmId ?? "";
      const chat = async () =>
        problemOf(
          await patchbay.chat.chat({ llmId, message: "m" }).then(
            () => undefined,
            (error) => error,
          ),
        );
      expect((await chat()).reason).toBe("");

      const filler = join(disk, "filler");
      fill(filler);
      // What is there is still enough for some; more calls than find room in what PostgreSQL has already.
      const codes = new Set<string>();
      const refusals = new Set<string>();
      for (const until = Date.now() + 60_000; Date.now() < until && refusals.size === 0; ) {
        for (const { code, reason } of await Promise.all(Array.from({ length: 20 }, chat))) {
          if (reason !== "" || code !== "Unknown") codes.add(code);
          if (reason !== "") refusals.add(reason);
        }
        fill(filler); // Also what a checkpoint has freed.
      }
      expect([...refusals]).toEqual(["STORE_UNAVAILABLE"]);
      expect((await fetch(`${url}/readyz`)).status).toBe(503);
      const called = upstream.requests.length;
      for (let times = 0; times < 5; times++) expect((await chat()).reason).toBe("STORE_UNAVAILABLE");
      expect(upstream.requests.length).toBe(called); // Nothing is paid that cannot be recorded.

      rmSync(filler);
      await postgres.start(); // It may have ended for lack of room for its log of writes.
      const readiness = async () => (await fetch(`${url}/readyz`)).status;
      await expect.poll(readiness, { timeout: 90_000, interval: 100 }).toBe(200);
      await expect.poll(async () => (await chat()).reason, { timeout: 60_000 }).toBe("");
      const recorded = async () => {
        const [row] = await postgres.administer("select count(*)::int as n from reply_usage", "patchbay");
        return row?.n;
      };
      await expect.poll(recorded, { timeout: 30_000 }).toBe(upstream.requests.length);
      expect(await server.end("SIGTERM")).toBe(0);
    } finally {
      await server.end("SIGKILL");
    }
  },
);

/** Takes all that is free. */
function fill(file: string): void {
  for (let block = 4 * 2 ** 20; block >= 4_096; ) {
    try {
      writeFileSync(file, Buffer.alloc(block), { flag: "a" });
    } catch {
      block /= 4;
    }
    if (statfsSync(disk).bavail === 0) return;
  }
}
