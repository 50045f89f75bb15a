import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPatchbay, type Patchbay, problemOf } from "../../client/llm.ts";
import { makeApiKey } from "../../server/domain/access/api-key-format.ts";
import { makeTemporaryFolder } from "../../server/test/base/temporary-folder.ts";
import { ServerProcess } from "../../server/test/server/server-process.ts";
import { llmRequest } from "../../server/test/service/llm-requests.ts";
import { createDatabase, type TestDatabase } from "../../server/test/store/databases.ts";
import { saysSlowly } from "../../server/test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../server/test/upstream/scripted-upstream.ts";

const SERVERS = 3;
const CALLERS = 6;
/** How often the balancer looks, and how long a server is not ready before it takes no more; a busy machine looks late. */
const LOOK_MS = 100;
const GRACE_SECONDS = "3";
const TIMEOUT_MS = 240_000;

/** One server behind the balancer. */
interface Place {
  server: ServerProcess;
  url: string;
  patchbay: Patchbay;
  isReady: boolean;
}

let folder: ReturnType<typeof makeTemporaryFolder>;
let database: TestDatabase;
let upstream: ScriptedUpstream;
const places: Place[] = [];
const adminKey = makeApiKey().reveal();
beforeAll(async () => {
  folder = makeTemporaryFolder("rolling-restart");
  database = await createDatabase();
  upstream = await ScriptedUpstream.start({ otherwise: saysSlowly(30, "some ", "slow ", "words ", "of ", "mine") });
  for (let count = 0; count < SERVERS; count++) places.push(await start());
}, TIMEOUT_MS);
afterAll(async () => {
  for (const { server } of places) await server.end("SIGKILL");
  await upstream?.close();
  await database?.drop();
  folder?.remove();
});

async function start(): Promise<Place> {
  const server = new ServerProcess({
    DATABASE_URL: database.url,
    KEYRING_FILE: join(folder.path, "keyring"),
    BOOTSTRAP_API_KEY: adminKey,
    EGRESS_ALLOW: upstream.url,
    SHUTDOWN_GRACE_SECONDS: GRACE_SECONDS,
  });
  const url = await server.url();
  return { server, url, patchbay: createPatchbay({ url, apiKey: adminKey }), isReady: true };
}

/** As a load balancer looks, and sends calls only to who is ready. */
async function look(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const place of places) {
      place.isReady = await fetch(`${place.url}/readyz`).then(
        ({ status }) => status === 200,
        () => false,
      );
    }
    await pause(LOOK_MS);
  }
}

it("three servers, restarted one after the other under chats and streams, lose no call", {
  timeout: TIMEOUT_MS,
}, async () => {
  const { llm } = await (places[0] as Place).patchbay.llms.createLlm(
    llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: "slow-enough" }),
  );
  const llmId = llm?.llmId ?? "";
  const ending = new AbortController();
  const lost: string[] = [];
  let done = 0;
  let turn = 0;
  const next = (): Patchbay => {
    const ready = places.filter(({ isReady }) => isReady);
    return (ready[turn++ % ready.length] as Place).patchbay;
  };
  const call = async (number: number) => {
    const patchbay = next();
    if (number % 2 === 0) return void (await patchbay.chat.chat({ llmId, message: "chat" }));
    let last: string | undefined;
    for await (const { event } of patchbay.chat.streamChat({ llmId, message: "stream" })) last = event.case;
    if (last !== "end") throw new Error(`a stream ended with ${last}`);
  };
  const callers = Array.from({ length: CALLERS }, async (_, number) => {
    while (!ending.signal.aborted) {
      await call(number).then(
        () => done++,
        (error) => lost.push(`${problemOf(error).code} ${problemOf(error).reason} ${error}`),
      );
    }
  });
  const looking = look(ending.signal);
  for (let index = 0; index < SERVERS; index++) {
    const { server } = places[index] as Place;
    server.child.kill("SIGTERM");
    if (server.child.exitCode === null) await once(server.child, "exit");
    expect(server.child.exitCode).toBe(0);
    const before = done;
    places[index] = await start();
    await expect.poll(() => done - before, { timeout: 60_000 }).toBeGreaterThan(20);
  }
  ending.abort();
  await Promise.all([...callers, looking]);
  expect(lost).toEqual([]);
  const [row] = await rowsOf("select count(*)::int as count from reply_usage");
  expect(row?.count).toBe(done);
  console.log(`a rolling restart of ${SERVERS} servers: ${done} calls, none lost`);
});

async function rowsOf(statement: string): Promise<{ count: number }[]> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}
