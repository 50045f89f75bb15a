import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPatchbay } from "../../client/llm.ts";
import { llmRequest } from "./llm-requests.ts";
import { ServerProcess } from "./server-process.ts";
import { startServer, type TestServer } from "./test-server.ts";

/** From before it is admitted until after it is answered, as far as a busy machine lets one choose. */
const KILLED_AFTER_MS = [0, 4, 8, 12, 20, 40];

let bystander: TestServer;
beforeAll(async () => {
  bystander = await startServer();
});
afterAll(() => bystander.stop());

const idsOf = async (displayName: string) => {
  const rows = await bystander.store
    .fork()
    .execute<{ id: string }[]>("select id from llm where display_name = ?", [displayName]);
  return rows.map(({ id }) => id);
};

function start() {
  const server = new ServerProcess(bystander.settings);
  const client = async () => createPatchbay({ url: await server.url(), apiKey: bystander.adminKey }).llms;
  return { server, client };
}

it.each(KILLED_AFTER_MS)("a creation whose server is killed after %i ms is done once by repeating it", async (ms) => {
  const { server, client } = start();
  const llms = await client();
  await llms.listLlms({}); // Connected and warm.
  const request = llmRequest({ requestId: randomUUID() });
  const lost = llms.createLlm(request).catch(() => "no answer");
  await sleep(ms);
  await server.end("SIGKILL");
  await lost;
  const llmId = (await bystander.client(bystander.adminKey).llms.createLlm(request)).llm?.llmId;
  expect(await idsOf(request.displayName ?? "")).toEqual([llmId]);
});

it("a creation that committed, and whose server was killed before the caller read it, is answered by the next server", async () => {
  const { server, client } = start();
  const llms = await client();
  const request = llmRequest({ requestId: randomUUID() });
  const lost = llms.createLlm(request).catch(() => "no answer");
  await expect.poll(() => idsOf(request.displayName ?? ""), { interval: 1, timeout: 10_000 }).toHaveLength(1);
  await server.end("SIGKILL");
  await lost;
  const [llmId] = await idsOf(request.displayName ?? "");
  const next = start();
  try {
    expect((await (await next.client()).createLlm(request)).llm?.llmId).toBe(llmId);
    expect(await idsOf(request.displayName ?? "")).toEqual([llmId]);
  } finally {
    await next.server.end("SIGTERM");
  }
});
