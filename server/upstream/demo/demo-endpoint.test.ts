import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { Budget_Period } from "../../../gen/patchbay/v1/budget_pb.ts";
import type { ChatResponse } from "../../../gen/patchbay/v1/chat_service_pb.ts";
import { ConnectionTest_Outcome } from "../../../gen/patchbay/v1/connection_test_pb.ts";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { llmRequest } from "../../test/service/llm-requests.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

const DEMO = {
  providerType: Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE,
  endpointUrl: "patchbay:demo",
  modelIdentifier: "demo",
};

let server: TestServer;
let patchbay: Patchbay;
let llmId: string;
beforeAll(async () => {
  server = await startServer();
  patchbay = server.client(server.adminKey);
  llmId = (await patchbay.llms.createLlm(llmRequest(DEMO))).llm?.llmId ?? "";
});
afterAll(() => server.stop());

function textOf({ message }: ChatResponse): string {
  return message?.content ?? "";
}

describe("the demo endpoint", () => {
  it("replies to a chat, and counts words", async () => {
    const reply = await patchbay.chat.chat({ llmId, message: "Hello there!" });
    expect(textOf(reply)).toContain("You said: Hello there!");
    expect(reply.usage).toMatchObject({ inputTokens: 2n, outputTokens: 12n });
  });

  it("streams, word by word", async () => {
    const events = await Array.fromAsync(patchbay.chat.streamChat({ llmId, message: "One two" }));
    const deltas = events.flatMap(({ event }) => (event.case === "textDelta" ? [event.value] : []));
    expect(deltas.length).toBeGreaterThan(5);
    expect(deltas.join("")).toContain("You said: One two");
  });

  it("passes the test of a connection, and lists its model", async () => {
    const { test } = await patchbay.llms.testLlm({ llmId });
    expect(test?.outcome).toBe(ConnectionTest_Outcome.OK);
    const { models } = await patchbay.llms.listLlmModels({ llmId });
    expect(models.map(({ modelIdentifier }) => modelIdentifier)).toEqual(["demo"]);
  });

  it("costs nothing, also within a budget", async () => {
    const { accountId, apiKey } = await server.addAccount("OWNER");
    const own = server.client(apiKey);
    await own.budgets.setBudget({ ownerId: accountId, amountUsd: "1", period: Budget_Period.DAY });
    const { llm } = await own.llms.createLlm(llmRequest(DEMO));
    expect(await own.chat.chat({ llmId: llm?.llmId ?? "", message: "Hi" })).toMatchObject({ cost: 0n, costUsd: "0" });
  });

  it("has one model, and says so as an endpoint would", async () => {
    const { test } = await patchbay.llms.testConnection({ ...DEMO, modelIdentifier: "gpt-4o" });
    expect(test?.outcome).toBe(ConnectionTest_Outcome.MODEL_NOT_FOUND);
  });

  it("ends a reply where the caller said, and when the caller leaves", async () => {
    const reply = await patchbay.chat.chat({ llmId, message: "a b c d", samplingParams: { maxTokens: 3 } });
    expect(textOf(reply)).toBe("You said: a");
    const stream = patchbay.chat.streamChat({ llmId, message: "word ".repeat(1_000) })[Symbol.asyncIterator]();
    await stream.next();
    await stream.return?.();
    expect(textOf(await patchbay.chat.chat({ llmId, message: "again" }))).toContain("again");
  });

  it("is refused in a sentence where it is switched off, and ends what uses it", async () => {
    const off = await server.startAnother({ DEMO_ENDPOINT: "off" });
    const client = server.client(server.adminKey, { url: off.url });
    const problem = await problemIn(client.llms.createLlm(llmRequest({ ...DEMO, displayName: "Off" })));
    expect(problem).toMatchObject({ reason: "ENDPOINT_NOT_ALLOWED" });
    expect(problem.message).toContain("the demo endpoint is switched off (setting DEMO_ENDPOINT)");
    expect((await client.llms.testLlm({ llmId })).test?.outcome).toBe(ConnectionTest_Outcome.BLOCKED);
    await off.stop();
  });
});
