import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createPatchbay, problemOf } from "../../client/llm.ts";
import { makeApiKey } from "../../server/domain/access/api-key-format.ts";
import { makeTemporaryFolder } from "../../server/test/base/temporary-folder.ts";
import { ServerProcess } from "../../server/test/server/server-process.ts";
import { llmRequest } from "../../server/test/service/llm-requests.ts";
import { says } from "../../server/test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../server/test/upstream/scripted-upstream.ts";
import { hasPgBouncer, OwnPgBouncer } from "./own-pgbouncer.ts";
import { OwnPostgres } from "./own-postgres.ts";

if (!hasPgBouncer) console.log("skipped: pgbouncer is not here; apt-get install pgbouncer");

const TIMEOUT_MS = 180_000;
/** Two beats and a proof, and a machine that is busy. */
const TOLD_MS = 15_000;

let folder: ReturnType<typeof makeTemporaryFolder>;
let postgres: OwnPostgres;
let upstream: ScriptedUpstream;
let number = 0;
beforeAll(async () => {
  if (!hasPgBouncer) return;
  folder = makeTemporaryFolder("poolers");
  upstream = await ScriptedUpstream.start({ otherwise: says("yes") });
  postgres = await OwnPostgres.create(join(folder.path, "postgres"));
}, TIMEOUT_MS);
afterAll(async () => {
  await postgres?.stop();
  await upstream?.close();
  folder?.remove();
});

/** A PgBouncer, and two servers behind it. */
async function behind(mode: "session" | "transaction", { direct = false, poolSize = 40 } = {}) {
  const bouncer = await OwnPgBouncer.start(postgres, join(folder.path, `bouncer-${++number}`), mode, poolSize);
  onTestFinished(() => bouncer.stop());
  const adminKey = makeApiKey().reveal();
  const url = (port: number) => `postgres://postgres:${postgres.password}@127.0.0.1:${port}/patchbay`;
  const start = async () => {
    const server = new ServerProcess({
      DATABASE_URL: url(bouncer.port),
      ...(direct ? { DATABASE_URL_DIRECT: url(postgres.port) } : {}),
      KEYRING_FILE: join(folder.path, "keyring"),
      BOOTSTRAP_API_KEY: adminKey,
      EGRESS_ALLOW: upstream.url,
      SHUTDOWN_GRACE_SECONDS: "0",
      LOG_LEVEL: "warn",
    });
    onTestFinished(() => void server.end("SIGKILL"));
    return { server, url: await server.url() };
  };
  const one = await start();
  const two = await start();
  const client = (at: { url: string }, apiKey = adminKey) => createPatchbay({ url: at.url, apiKey });
  return { one, two, client };
}

const told = async (url: string) =>
  /^patchbay_row_changes_told (\d)/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1];

describe.skipIf(!hasPgBouncer)("behind PgBouncer", { timeout: TIMEOUT_MS }, () => {
  it.each([
    { mode: "session" as const, direct: false, isTold: "1" },
    { mode: "transaction" as const, direct: false, isTold: "0" },
    { mode: "transaction" as const, direct: true, isTold: "1" },
  ])(
    "in $mode mode (direct: $direct), everything works and nothing stale is served",
    async ({ mode, direct, isTold }) => {
      const { one, two, client } = await behind(mode, { direct });
      await expect.poll(() => told(two.url), { timeout: TOLD_MS }).toBe(isTold);
      if (isTold === "0")
        await expect.poll(() => two.server.stderr, { timeout: TOLD_MS }).toContain("DATABASE_URL_DIRECT");
      const first = client(one);
      const { llm } = await first.llms.createLlm(
        llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: `some-${number}` }),
      );
      const llmId = llm?.llmId ?? "";
      const { key } = await first.access.createApiKey({ displayName: `revoked-${number}`, role: 4 });
      const second = client(two, key);
      // Few at a time: a busy machine shall not make calls wait for connections.
      for (let round = 0; round < 16; round++) {
        await Promise.all(Array.from({ length: 5 }, () => client(two).chat.chat({ llmId, message: "Is it?" })));
      }
      await second.llms.getLlm({ llmId });

      const [{ apiKeyId = "" } = {}] = (await first.access.listApiKeys({})).apiKeys.filter(
        ({ displayName }) => displayName === `revoked-${number}`,
      );
      await first.access.revokeApiKey({ apiKeyId });
      await pause(200);
      expect(problemOf(await second.llms.getLlm({ llmId }).catch((error) => error)).reason).toBe("API_KEY_REFUSED");
      await first.llms.updateLlm({ llmId, disabled: true });
      await pause(200);
      const chatted = await client(two)
        .chat.chat({ llmId, message: "Still?" })
        .catch((error) => error);
      expect(problemOf(chatted).reason).toBe("LLM_DISABLED");
      expect(await one.server.end("SIGTERM")).toBe(0);
      expect(await two.server.end("SIGTERM")).toBe(0);
      const locks = await postgres.administer("select 1 from pg_locks where locktype = 'advisory'");
      expect(locks).toEqual([]);
    },
  );
});
