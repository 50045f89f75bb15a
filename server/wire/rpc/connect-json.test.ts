import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../../test/server/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

async function post(rpc: string, body: object, contentType: string) {
  const headers = { authorization: `Bearer ${server.adminKey}`, "content-type": contentType };
  const url = `${server.url}/patchbay.v1.LlmService/${rpc}`;
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  return (await response.json()) as { llm?: { llmId: string; displayName: string; labels: object }; code?: string };
}

describe("JSON over Connect", () => {
  it.each(["application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"])(
    "as %s takes an Llm back as it was given, and labels as a plain map, as REST does",
    async (type) => {
      const draft = { displayName: type, providerType: "OPENAI", modelIdentifier: type.length.toString() };
      const { llm } = await post("CreateLlm", { ...draft, labels: { a: "1" } }, type);
      const whole = { ...llm, displayName: "Renamed", labels: undefined };
      const changed = await post("UpdateLlm", { ...whole, mergeLabels: { b: "2" } }, type);
      expect(changed.llm).toMatchObject({ displayName: "Renamed", labels: { a: "1", b: "2" } });
    },
  );
});
