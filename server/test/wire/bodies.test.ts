import { afterAll, beforeAll, expect, it } from "vitest";
import { startServer, type TestServer } from "../server/test-server.ts";
import { llmRequest } from "../service/llm-requests.ts";
import { SURFACES } from "../surfaces.ts";
import { ScriptedUpstream } from "../upstream/scripted-upstream.ts";
import { problemIn } from "./expect-problem.ts";

/** Four of them fit into the least that a server can be told to hold. */
const LARGE = "a".repeat(15.5e6);

let upstream: ScriptedUpstream;
let server: TestServer;
let apiKey: string;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url, REQUEST_BODIES_MIB: "64" });
  ({ apiKey } = await server.addAccount("OWNER"));
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

it("large chats of all callers together are bounded, over each protocol", { timeout: 180_000 }, async () => {
  const patchbay = server.client(apiKey);
  const create = (modelIdentifier: string) =>
    patchbay.llms.createLlm(llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier }));
  const [silent, speaking] = [(await create("silent")).llm?.llmId ?? "", (await create("speaking")).llm?.llmId ?? ""];
  const leave = new AbortController();
  const held = Array.from({ length: 4 }, () =>
    problemIn(patchbay.chat.chat({ llmId: silent, message: LARGE }, { signal: leave.signal, timeoutMs: 170_000 })),
  );
  await upstream.whenRequested(3);
  for (const { name, open } of SURFACES) {
    const { patchbay: caller, close } = open(server.url, apiKey);
    const refusal = await problemIn(caller.chat.chat({ llmId: speaking, message: LARGE }));
    expect({ name, ...refusal }).toMatchObject({
      name,
      code: "Unavailable",
      reason: "SERVER_BUSY",
      retryAfterMs: 1_000,
    });
    await caller.chat.chat({ llmId: speaking, message: "small" });
    close();
  }
  leave.abort();
  await Promise.all(held);
  await expect
    .poll(() => problemOrNone(patchbay.chat.chat({ llmId: speaking, message: LARGE })), { timeout: 60_000 })
    .toBe("");
});

const problemOrNone = (call: Promise<unknown>) => call.then(() => "", String);
