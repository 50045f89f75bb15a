import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../../../test/server/test-server.ts";
import { llmRequest } from "../../../test/service/llm-requests.ts";
import { SURFACES } from "../../../test/surfaces.ts";
import { ScriptedUpstream } from "../../../test/upstream/scripted-upstream.ts";
import { type SentSpan, startCollector } from "../../../test/wire/collector.ts";
import { problemIn } from "../../../test/wire/expect-problem.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID = "00f067aa0ba902b7";
const CHAT = "patchbay.v1.ChatService/StreamChat";
const [SERVER_SPAN, CLIENT_SPAN] = [2, 3];

let upstream: ScriptedUpstream;
let collector: Awaited<ReturnType<typeof startCollector>>;
let server: TestServer;
let apiKey: string;
let hasStopped: boolean;
beforeEach(async () => {
  upstream = await ScriptedUpstream.start();
  collector = await startCollector();
});
afterEach(async () => {
  await stop();
  await collector.close();
  await upstream.close();
});

/** Egress opens the upstream only: the collector's origin is opened by its own setting, and to nothing else. */
async function start(settings: Record<string, string>) {
  hasStopped = false;
  server = await startServer({ EGRESS_ALLOW: upstream.url, ...settings });
  ({ apiKey } = await server.addAccount("OWNER"));
}

/** Sends what is left to the collector. */
async function stop() {
  if (!hasStopped) await server.stop();
  hasStopped = true;
}

async function createLlm(model: string): Promise<string> {
  const request = llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: model });
  return (await server.client(apiKey).llms.createLlm(request)).llm?.llmId ?? "";
}

const traced = () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
const spanOf = (kind: number, name: string) =>
  collector.spans().find((span) => span.kind === kind && span.name === name) as SentSpan;

describe("traces", () => {
  it.each(SURFACES)("go on from the caller to the endpoint over $name", async ({ name, open }) => {
    await start({ ...traced(), OTEL_EXPORTER_OTLP_HEADERS: "api-key=collector%20token, x-team=ai" });
    const llmId = await createLlm("fine");
    const { patchbay, close } = open(server.url, apiKey);
    const headers = { traceparent: `00-${TRACE_ID}-${PARENT_ID}-01`, tracestate: "vendor=1" };
    await Array.fromAsync(patchbay.chat.streamChat({ llmId, message: "Hi" }, { headers }));
    close();
    await stop();

    const call = spanOf(SERVER_SPAN, CHAT);
    const system = { gRPC: "grpc", "gRPC-Web": "grpc", Connect: "connectrpc", REST: "rest" }[name.split(" ")[0] ?? ""];
    expect(call).toMatchObject({ traceId: TRACE_ID, parentSpanId: PARENT_ID, traceState: "vendor=1" });
    expect(call.attributes).toEqual({ "rpc.system.name": system, "rpc.method": CHAT, "rpc.status_code": "OK" });
    const asked = spanOf(CLIENT_SPAN, "chat fine");
    expect(asked).toMatchObject({ traceId: TRACE_ID, parentSpanId: call.spanId, events: [{ name: "first token" }] });
    expect(asked.attributes).toMatchObject({ "patchbay.outcome": "ok" });
    const { headers: sent } = await upstream.whenClosed(0);
    expect(sent.traceparent).toBe(`00-${TRACE_ID}-${asked.spanId}-01`);
    expect(sent.tracestate).toBe("vendor=1");

    const line = server.log.find(({ facts }) => facts.rpc === CHAT);
    expect(line?.facts.traceId).toBe(TRACE_ID);
    expect(collector.resource()).toMatchObject({ "service.name": "patchbay", "service.version": "0.1.0" });
    expect(collector.requests[0]).toMatchObject({
      path: "/v1/traces",
      headers: { "content-type": "application/json", "api-key": "collector token", "x-team": "ai" },
    });
  });

  it("begin here for callers who bring none, and tell who failed", async () => {
    await start(traced());
    const { llms, chat } = server.client(apiKey);
    await problemIn(llms.getLlm({ llmId: crypto.randomUUID() }));
    await problemIn(
      chat.chat({ llmId: await createLlm("cut"), message: "Hi" }, { headers: { traceparent: "nonsense" } }),
    );
    await stop();

    const [refused, failed] = [
      spanOf(SERVER_SPAN, "patchbay.v1.LlmService/GetLlm"),
      spanOf(SERVER_SPAN, "patchbay.v1.ChatService/Chat"),
    ];
    expect(refused).toMatchObject({ attributes: { "rpc.status_code": "NOT_FOUND" }, status: { code: 0 } });
    expect(failed).toMatchObject({ attributes: { "rpc.status_code": "UNAVAILABLE" }, status: { code: 2 } });
    expect([refused.parentSpanId, failed.parentSpanId]).toEqual([undefined, undefined]);
    expect(spanOf(CLIENT_SPAN, "chat cut")).toMatchObject({
      parentSpanId: failed.spanId,
      attributes: { "patchbay.outcome": "bad-reply" },
      status: { code: 2 },
    });
  });

  it("have a span for each Llm that a route tried", async () => {
    await start(traced());
    const { routes, chat } = server.client(apiKey);
    const tiers = [
      { targets: [{ llmId: await createLlm("broken") }] },
      { targets: [{ llmId: await createLlm("fine") }] },
    ];
    await routes.createRoute({ name: "both", tiers } as never);
    await Array.fromAsync(chat.streamChat({ llmId: "both", message: "Hi" }));
    await stop();

    const { spanId, traceId } = spanOf(SERVER_SPAN, CHAT);
    const attempts = [spanOf(CLIENT_SPAN, "chat broken"), spanOf(CLIENT_SPAN, "chat fine")];
    const both = { traceId, parentSpanId: spanId };
    expect(attempts).toMatchObject([
      { ...both, attributes: { "patchbay.outcome": "unavailable" }, status: { code: 2 } },
      { ...both, attributes: { "patchbay.outcome": "ok" } },
    ]);
    expect(attempts[0]?.spanId).not.toBe(attempts[1]?.spanId);
  });

  it("are not kept when the caller says so, and its decision goes on", async () => {
    await start(traced());
    const llmId = await createLlm("fine");
    const headers = { traceparent: `00-${TRACE_ID}-${PARENT_ID}-00` };
    await server.client(apiKey).chat.chat({ llmId, message: "Hi" }, { headers });
    await stop();
    expect(collector.spans().filter(({ traceId }) => traceId === TRACE_ID)).toEqual([]);
    expect((await upstream.whenClosed(0)).headers.traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-\\w{16}-00$`));
  });

  it("are not passed on when nothing is traced", async () => {
    await start({});
    const llmId = await createLlm("fine");
    const headers = { traceparent: `00-${TRACE_ID}-${PARENT_ID}-01` };
    await server.client(apiKey).chat.chat({ llmId, message: "Hi" }, { headers });
    expect((await upstream.whenClosed(0)).headers).not.toHaveProperty("traceparent");
  });

  it("open the collector to nobody else", async () => {
    await start(traced());
    const problem = await problemIn(
      server.client(apiKey).llms.createLlm(llmRequest({ endpointUrl: `${collector.url}/v1` })),
    );
    expect(problem.reason).toBe("ENDPOINT_NOT_ALLOWED");
  });

  it("are lost when the collector fails, which the log says once, and once more when it is back", async () => {
    await start(traced());
    const { llms } = server.client(apiKey);
    const told = () => server.log.filter(({ message }) => message.includes("OTEL_EXPORTER_OTLP_ENDPOINT"));
    collector.answerWith(503);
    for (let batch = 1; batch <= 2; batch += 1) {
      await llms.listLlms({});
      await expect.poll(() => collector.requests.length, { timeout: 5_000 }).toBe(batch);
    }
    expect(told()).toMatchObject([
      { level: "warn", facts: { err: new Error("the collector answered with HTTP status 503") } },
    ]);
    collector.answerWith(200);
    await llms.listLlms({});
    await expect.poll(told, { timeout: 5_000 }).toMatchObject([{ level: "warn" }, { level: "info" }]);
  });
});
