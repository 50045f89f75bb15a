import { type IncomingMessage, request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { llmRequest } from "../../test/service/llm-requests.ts";
import { SURFACES } from "../../test/surfaces.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";
import { scrape, series } from "../../test/wire/scrape.ts";

const LLMS = "patchbay.v1.LlmService";
const CHAT = "patchbay.v1.ChatService";

let upstream: ScriptedUpstream;
let server: TestServer;
let apiKey: string;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url });
  ({ apiKey } = await server.addAccount("OWNER"));
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

/** How much the series of a metric grow by what is done; a call is counted when its answer is out. */
async function growth(metric: string, act: () => Promise<unknown>) {
  const before = await series(server.url, metric);
  await act();
  return async () => {
    const after = Object.entries(await series(server.url, metric));
    const grown = after.map(([name, value]): [string, number] => [name, value - (before[name] ?? 0)]);
    return Object.fromEntries(grown.filter(([, value]) => value !== 0));
  };
}

/** The scripted upstream's, at a path that no other Llm has. */
const endpoint = () => ({ endpointUrl: `${upstream.url}/${crypto.randomUUID()}/v1` });

const post = (path: string, contentType: string, body: string) =>
  fetch(server.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": contentType },
    body,
  }).then((response) => response.arrayBuffer());

/** The head of an answer to a request with so many bytes, which fetch does not send with GET. */
function send(method: string, path: string, bytes: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = bytes > 0 ? { "content-length": bytes } : {};
    const asked = request(server.url + path, { method, headers }, (response) => resolve(response.resume()));
    asked.once("error", reject);
    asked.end(Buffer.alloc(bytes));
  });
}

describe("/metrics", () => {
  it.each(["/metrics", "/healthz", "/readyz"])("and the like are only read: %s", async (path) => {
    const answer = await send("POST", path, 480_000);
    expect(answer).toMatchObject({ statusCode: 405, headers: { allow: "GET, HEAD", connection: "close" } });
    expect((await send("GET", path, 480_000)).statusCode).toBe(413);
    expect((await send("GET", path, 10)).statusCode).toBe(200);
    expect((await send("HEAD", path, 0)).statusCode).toBe(200);
  });

  it("has an index beside it that is read without a body, too", async () => {
    expect((await send("GET", "/", 480_000)).statusCode).toBe(413);
    expect((await send("GET", "/", 0)).statusCode).toBe(200);
  });

  it.each(SURFACES)("counts each call once over $name", async ({ name, open }) => {
    const protocol = name.split(" ")[0]?.toLowerCase();
    const surface = open(server.url, apiKey);
    const stranger = open(server.url, "pb_live_nonsense");
    const { llms } = surface.patchbay;
    const act = async () => {
      await llms.listLlms({});
      await llms.listLlms({});
      await problemIn(llms.getLlm({ llmId: crypto.randomUUID() }));
      await problemIn(llms.createLlm(llmRequest({ displayName: "" })));
      await problemIn(stranger.patchbay.llms.listLlms({}));
    };
    const grown = await growth("patchbay_rpc_calls_total", act);
    await expect.poll(grown).toEqual({
      [`{rpc="${LLMS}/ListLlms",protocol="${protocol}",code="Ok"}`]: 2,
      [`{rpc="${LLMS}/GetLlm",protocol="${protocol}",code="NotFound"}`]: 1,
      [`{rpc="${LLMS}/CreateLlm",protocol="${protocol}",code="InvalidArgument"}`]: 1,
      [`{rpc="${LLMS}/ListLlms",protocol="${protocol}",code="Unauthenticated"}`]: 1,
    });
    surface.close();
    stranger.close();
  });

  it.each([
    {
      what: "an unknown path",
      path: "/v1/nowhere",
      type: "application/json",
      body: "{}",
      series: ["none", "rest", "NotFound"],
    },
    {
      what: "a wrong method",
      path: "/v1/llms/x",
      type: "application/json",
      body: "{}",
      series: ["none", "rest", "Unimplemented"],
    },
    {
      what: "a wrong media type over REST",
      path: "/v1/llms",
      type: "text/xml",
      body: "<a/>",
      series: [`${LLMS}/CreateLlm`, "rest", "InvalidArgument"],
    },
    {
      what: "a wrong media type of an rpc",
      path: `/${LLMS}/GetLlm`,
      type: "text/xml",
      body: "<a/>",
      series: [`${LLMS}/GetLlm`, "connect", "InvalidArgument"],
    },
    {
      what: "a body that is no JSON over REST",
      path: "/v1/llms",
      type: "application/json",
      body: "{",
      series: [`${LLMS}/CreateLlm`, "rest", "InvalidArgument"],
    },
    {
      what: "a body that is no JSON over Connect",
      path: `/${LLMS}/GetLlm`,
      type: "application/json",
      body: "{",
      series: [`${LLMS}/GetLlm`, "connect", "InvalidArgument"],
    },
    {
      what: "a cut envelope over gRPC-Web",
      path: `/${LLMS}/GetLlm`,
      type: "application/grpc-web+json",
      body: "\0\0\0\0\x01{",
      series: [`${LLMS}/GetLlm`, "grpc-web", "InvalidArgument"],
    },
  ])("counts $what, which reaches no rpc", async ({ path, type, body, series: [rpc, protocol, code] }) => {
    const grown = await growth("patchbay_rpc_calls_total", () => post(path, type, body));
    await expect.poll(grown).toEqual({ [`{rpc="${rpc}",protocol="${protocol}",code="${code}"}`]: 1 });
  });

  it("does not count a preflight, nor those who look after the server", async () => {
    const grown = await growth("patchbay_rpc_calls_total", async () => {
      const preflight = { method: "OPTIONS", headers: { origin: "http://x", "access-control-request-method": "POST" } };
      for (const path of ["/v1/llms", `/${LLMS}/GetLlm`]) await fetch(server.url + path, preflight);
      for (const path of ["/healthz", "/readyz", "/metrics"]) await fetch(server.url + path);
      await post("/v1/nowhere", "application/json", "{}");
    });
    await expect.poll(grown).toEqual({ '{rpc="none",protocol="rest",code="NotFound"}': 1 });
  });

  it("tells how long calls took", async () => {
    await server.client(apiKey).llms.listLlms({});
    const samples = await scrape(server.url);
    const labels = `rpc="${LLMS}/ListLlms",protocol="connect",code="Ok"`;
    const count = samples.get(`patchbay_rpc_duration_seconds_count{${labels}}`) ?? 0;
    expect(count).toBe(samples.get(`patchbay_rpc_calls_total{${labels}}`));
    expect(samples.get(`patchbay_rpc_duration_seconds_bucket{le="300",${labels}}`)).toBe(count);
    expect(samples.get(`patchbay_rpc_duration_seconds_sum{${labels}}`)).toBeGreaterThan(0);
  });

  it("counts the calls of endpoints by provider and outcome, and their time to the first token", async () => {
    const { llms, chat } = server.client(apiKey);
    const create = async (model: string) =>
      (await llms.createLlm(llmRequest({ ...endpoint(), modelIdentifier: model }))).llm?.llmId ?? "";
    const [fine, busy] = [await create("fine"), await create("busy")];
    const act = async () => {
      await chat.chat({ llmId: fine, message: "Hi" });
      await Array.fromAsync(chat.streamChat({ llmId: fine, message: "Hi" }));
      await problemIn(chat.chat({ llmId: busy, message: "Hi" }));
      await llms.testLlm({ llmId: fine });
    };
    const firstTokens = await growth("patchbay_upstream_first_token_seconds_count", async () => {
      const grown = await growth("patchbay_upstream_calls_total", act);
      await expect.poll(grown).toEqual({
        '{provider_type="CUSTOM_OPENAI_COMPATIBLE",outcome="ok"}': 3,
        '{provider_type="CUSTOM_OPENAI_COMPATIBLE",outcome="rate-limited"}': 1,
      });
    });
    expect(await firstTokens()).toEqual({ '{provider_type="CUSTOM_OPENAI_COMPATIBLE",outcome="ok"}': 1 });
  });

  it.each(SURFACES)("has nothing in flight after calls over $name that are left, cut or too slow", async ({ open }) => {
    const surface = open(server.url, apiKey);
    const { llms, chat } = surface.patchbay;
    const create = async (model: string) =>
      (await llms.createLlm(llmRequest({ ...endpoint(), modelIdentifier: model }))).llm?.llmId ?? "";
    const [stalling, silent, cut] = [await create("stalling"), await create("silent"), await create("cut")];
    const inFlight = () => series(server.url, "patchbay_rpc_in_flight");

    const leave = new AbortController();
    const left = (async () => {
      for await (const { event } of chat.streamChat({ llmId: stalling, message: "Hi" }, { signal: leave.signal })) {
        if (event.case === "textDelta") expect(Object.values(await inFlight())).toEqual([1]);
        if (event.case === "textDelta") leave.abort();
      }
    })();
    await problemIn(left);
    await problemIn(chat.chat({ llmId: silent, message: "Hi" }, { timeoutMs: 100 }));
    await problemIn(Array.fromAsync(chat.streamChat({ llmId: stalling, message: "Hi" }, { timeoutMs: 200 })));
    await problemIn(Array.fromAsync(chat.streamChat({ llmId: cut, message: "Hi" })));
    await expect.poll(inFlight).toEqual({});
    const lines = server.log.filter(({ facts }) => String(facts.rpc).startsWith(CHAT)).slice(-4);
    // Who gives up at the deadline may be heard to leave before it passes here.
    const late = expect.stringMatching(/^(DeadlineExceeded|Canceled)$/);
    expect(lines.map(({ facts }) => facts.code)).toEqual(["Canceled", late, late, "Unavailable"]);
    expect(server.log.filter(({ level }) => level === "error")).toEqual([]);
    surface.close();
  });

  it("tells of the process, the event loop, the database's pool and the build", async () => {
    const samples = await scrape(server.url);
    for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "patchbay_database_pool_size"])
      expect(samples.get(name), name).toBeGreaterThan(0);
    for (const name of ["nodejs_eventloop_lag_p50_seconds", "nodejs_eventloop_lag_p99_seconds"])
      expect(samples.has(name), name).toBe(true);
    for (const name of ["patchbay_database_pool_idle", "patchbay_database_pool_waiting"])
      expect(samples.has(name), name).toBe(true);
    expect(samples.get(`patchbay_build_info{version="0.1.0",node="${process.version}"}`)).toBe(1);
  });

  it("is not there when METRICS is off", async () => {
    const quiet = await startServer({ METRICS: "off" });
    expect((await fetch(`${quiet.url}/metrics`)).status).toBe(404);
    await quiet.stop();
  });
});
