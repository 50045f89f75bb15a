import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { ConnectionTest_Outcome } from "../../../gen/patchbay/v1/connection_test_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, type LlmRequest, llmRequest } from "../../test/service/llm-requests.ts";
import { behaviours } from "../../test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

let upstream: ScriptedUpstream;
let server: TestServer;
let patchbay: Patchbay;
let key: string;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  // What an Llm of its own patience does not wait for; a test would not outlast it.
  server = await startServer({ EGRESS_ALLOW: upstream.url, UPSTREAM_FIRST_PIECE_SECONDS: "3600" });
  key = (await server.addAccount("OWNER")).apiKey;
  patchbay = server.client(key);
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

async function create(behaviour: "silent" | "stalling", said: LlmRequest = {}): Promise<string> {
  const model = `${behaviour}-${randomUUID()}`;
  upstream.setModel(model, behaviours[behaviour] as never);
  const { llm } = await patchbay.llms.createLlm(
    llmRequest({
      endpointUrl: `${upstream.url}/v1`,
      modelIdentifier: model,
      credentials: apiKey("sk-0123456789"),
      ...said,
    }),
  );
  return llm?.llmId ?? "";
}

async function streamed(llmId: string): Promise<string> {
  let text = "";
  for await (const { event } of patchbay.chat.streamChat({ llmId, message: "hi" })) {
    if (event.case === "textDelta") text += event.value;
  }
  return text;
}

async function face(path: string, model: string, stream: boolean): Promise<string> {
  const response = await fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model, stream, max_tokens: 9, messages: [{ role: "user", content: "hi" }] }),
  });
  return `${response.status} ${await response.text()}`;
}

describe("the patience of an Llm", () => {
  it("for the first piece is that of chats, streams, faces and tests", async () => {
    const llmId = await create("silent", { patience: { firstPieceSeconds: 1 } });
    const [chat, stream, test, ...faces] = await Promise.all([
      problemIn(patchbay.chat.chat({ llmId, message: "hi" })),
      problemIn(streamed(llmId)),
      patchbay.llms.testLlm({ llmId }),
      face("/v1/chat/completions", llmId, false),
      face("/v1/chat/completions", llmId, true),
      face("/v1/messages", llmId, false),
      face("/v1/messages", llmId, true),
    ]);
    expect([chat.reason, stream.reason, test.test?.reason]).toEqual(Array(3).fill("UPSTREAM_TIMEOUT"));
    for (const refused of faces) expect(refused).toMatch(/^504 .*kept us waiting too long/);
  });

  it("between two pieces and for all of it ends what has begun", async () => {
    const between = await create("stalling", { patience: { betweenPiecesSeconds: 1 } });
    const whole = await create("stalling", { patience: { wholeSeconds: 1 } });
    const ends = await Promise.all([
      problemIn(streamed(between)),
      problemIn(streamed(whole)),
      face("/v1/chat/completions", between, true),
      face("/v1/messages", whole, true),
    ]);
    expect(ends.slice(0, 2)).toMatchObject(Array(2).fill({ reason: "UPSTREAM_TIMEOUT" }));
    for (const text of ends.slice(2))
      expect(text).toMatch(/^200 [\s\S]*Hello[\s\S]*error[\s\S]*kept us waiting too long/);
  });

  it("is that of a connection which is only tested, too", async () => {
    const llmId = await create("silent");
    const { test } = await patchbay.llms.testConnection({ llmId, patience: { firstPieceSeconds: 1 } });
    expect([test?.outcome, test?.reason]).toEqual([ConnectionTest_Outcome.TIMEOUT, "UPSTREAM_TIMEOUT"]);
  });

  it("is changed as a whole, and taken away", async () => {
    const llmId = await create("silent", { patience: { firstPieceSeconds: 1, wholeSeconds: 2 } });
    const get = async () => (await patchbay.llms.getLlm({ llmId })).llm?.patience;
    expect(await get()).toMatchObject({ firstPieceSeconds: 1, wholeSeconds: 2 });
    await patchbay.llms.updateLlm({ llmId, displayName: "other" });
    expect(await get()).toMatchObject({ firstPieceSeconds: 1, wholeSeconds: 2 });
    await patchbay.llms.updateLlm({ llmId, patience: { betweenPiecesSeconds: 3 } });
    const changed = await get();
    expect([changed?.firstPieceSeconds, changed?.betweenPiecesSeconds, changed?.wholeSeconds]).toEqual([
      undefined,
      3,
      undefined,
    ]);
    await patchbay.llms.updateLlm({ llmId, updateMask: { paths: ["patience"] } });
    expect(await get()).toBeUndefined();
  });

  it.each([
    { patience: { firstPieceSeconds: 0 }, field: "patience.firstPieceSeconds" },
    { patience: { betweenPiecesSeconds: 3_601 }, field: "patience.betweenPiecesSeconds" },
    { patience: { wholeSeconds: 86_401 }, field: "patience.wholeSeconds" },
  ])("has bounds, which are named: $field", async ({ patience, field }) => {
    const problem = await problemIn(create("silent", { patience }));
    expect(problem).toMatchObject({ code: "InvalidArgument", fields: [{ field }] });
  });
});
