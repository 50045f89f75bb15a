import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPatchbay, type TransportOptions } from "../../../client/llm.ts";
import { startServer, type TestServer } from "../server/test-server.ts";
import { apiKey, llmRequest } from "../service/llm-requests.ts";
import { says } from "../upstream/behaviours.ts";
import { ScriptedUpstream } from "../upstream/scripted-upstream.ts";

/** Longer than any stream may be silent: a head comes after 2 s, and something 15 s after it, however busy the machine. */
const LATE_MS = 20_000;

let upstream: ScriptedUpstream;
let server: TestServer;
let key: string;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  upstream.setModel("late", async (call) => {
    await new Promise((resolve) => setTimeout(resolve, LATE_MS));
    await says("Hello")(call);
  });
  server = await startServer({ EGRESS_ALLOW: upstream.url });
  key = (await server.addAccount("OWNER")).apiKey;
  await server.client(key).llms.createLlm(
    llmRequest({
      endpointUrl: `${upstream.url}/v1`,
      modelIdentifier: "late",
      alias: "late",
      credentials: apiKey("sk-0123456789"),
    }),
  );
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

const RPC_TRANSPORTS = {
  gRPC: (options: TransportOptions) => createGrpcTransport(options),
  "gRPC as JSON": (options: TransportOptions) => createGrpcTransport({ ...options, useBinaryFormat: false }),
  "gRPC-Web": (options: TransportOptions) => createGrpcWebTransport({ ...options, httpVersion: "1.1" }),
  Connect: (options: TransportOptions) => createConnectTransport({ ...options, httpVersion: "1.1" }),
  "Connect, compressed": (options: TransportOptions) =>
    createConnectTransport({ ...options, httpVersion: "2", useBinaryFormat: true, compressMinBytes: 0 }),
};

/** All that a stream has said, as it came, and when its head did. */
async function read(path: string, body: object, accept?: string) {
  const startedAt = performance.now();
  const response = await fetch(server.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...(accept && { accept }) },
    body: JSON.stringify(body),
  });
  const headMs = performance.now() - startedAt;
  return { headMs, status: response.status, text: await response.text() };
}

describe.concurrent("a stream that is silent for long", { timeout: 120_000 }, () => {
  it.each(Object.entries(RPC_TRANSPORTS))("says nothing in a message of its own over %s", async (_, transport) => {
    const { chat } = createPatchbay({ url: server.url, apiKey: key, transport });
    const startedAt = performance.now();
    let headMs = Number.POSITIVE_INFINITY;
    const onHeader = () => {
      headMs = performance.now() - startedAt;
    };
    const events = await Array.fromAsync(chat.streamChat({ llmId: "late", message: "Hi" }, { onHeader }));
    const kinds = events.map(({ event }) => event.case ?? "nothing");
    expect(kinds).toEqual(["nothing", "start", "textDelta", "end"]);
    expect(headMs).toBeLessThan(LATE_MS);
  });

  it("says nothing in a comment of server-sent events", async () => {
    const { text, headMs } = await read("/v1/llms/late:streamChat", { message: "Hi" }, "text/event-stream");
    expect(text).toMatch(/^(: keep-alive\n\n){2}data: \{"start"[\s\S]*\n\nevent: end\ndata: \{\}\n\n$/);
    expect(headMs).toBeLessThan(LATE_MS);
  });

  it("says nothing in a space between lines of JSON", async () => {
    const { text } = await read("/v1/llms/late:streamChat", { message: "Hi" });
    expect(text).toMatch(/^ \{"start"/);
    const lines = text.trimEnd().split("\n");
    expect(lines.map((line) => Object.keys(JSON.parse(line))[0])).toEqual(["start", "textDelta", "end"]);
  });

  it.each(["/v1/chat/completions", "/v1/messages"])("says nothing in a comment at %s", async (path) => {
    const messages = [{ role: "user", content: "Hi" }];
    const { text, status } = await read(path, { model: "late", stream: true, max_tokens: 9, messages });
    expect([status, text.slice(0, 3)]).toEqual([200, ":\n\n"]);
    expect(text).toContain("Hello");
  });
});
