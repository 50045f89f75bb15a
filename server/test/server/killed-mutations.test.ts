import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPatchbay, type Patchbay } from "../../../client/llm.ts";
import { ApiKey_Role } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { llmRequest } from "../service/llm-requests.ts";
import { ServerProcess } from "./server-process.ts";
import { startServer, type TestServer } from "./test-server.ts";

/** From before it is admitted until after it is answered, as far as a busy machine lets one choose. */
const KILLED_AFTER_MS = [0, 4, 8, 12, 20, 40];

/** What is made, by the table that has it: a request, and the id of what came of it. */
const CREATIONS = {
  llm: (displayName: string) => {
    const request = llmRequest({ requestId: randomUUID(), displayName });
    return async ({ llms }: Patchbay) => (await llms.createLlm(request)).llm?.llmId;
  },
  api_key: (displayName: string) => {
    const request = { requestId: randomUUID(), displayName, role: ApiKey_Role.VIEWER };
    return async ({ access }: Patchbay) => (await access.createApiKey(request)).apiKey?.apiKeyId;
  },
};

let bystander: TestServer;
beforeAll(async () => {
  bystander = await startServer();
});
afterAll(() => bystander.stop());

function start() {
  const server = new ServerProcess({ ...bystander.settings, SHUTDOWN_GRACE_SECONDS: "0" });
  const client = async () => createPatchbay({ url: await server.url(), apiKey: bystander.adminKey });
  return { server, client };
}

describe.each(Object.entries(CREATIONS))("a creation of one %s", (table, prepare) => {
  const idsOf = async (displayName: string) => {
    const rows = await bystander.store
      .fork()
      .execute<{ id: string }[]>(`select id from ${table} where display_name = ?`, [displayName]);
    return rows.map(({ id }) => id);
  };

  it.each(KILLED_AFTER_MS)("whose server is killed after %i ms is done once by repeating it", async (ms) => {
    const { server, client } = start();
    const patchbay = await client();
    await patchbay.llms.listLlms({}); // Connected and warm.
    const displayName = randomUUID();
    const create = prepare(displayName);
    const lost = create(patchbay).catch(() => "no answer");
    await sleep(ms);
    await server.end("SIGKILL");
    await lost;
    const id = await create(bystander.client(bystander.adminKey));
    expect(await idsOf(displayName)).toEqual([id]);
  });

  it("that committed, and whose server was killed before the caller read it, is answered by the next server", async () => {
    const { server, client } = start();
    const patchbay = await client();
    const displayName = randomUUID();
    const create = prepare(displayName);
    const lost = create(patchbay).catch(() => "no answer");
    await expect.poll(() => idsOf(displayName), { interval: 1, timeout: 10_000 }).toHaveLength(1);
    await server.end("SIGKILL");
    await lost;
    const [id] = await idsOf(displayName);
    const next = start();
    try {
      expect(await create(await next.client())).toBe(id);
      expect(await idsOf(displayName)).toEqual([id]);
    } finally {
      await next.server.end("SIGTERM");
    }
  });
});
