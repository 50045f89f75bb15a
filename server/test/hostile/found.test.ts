/** The smallest request for each thing that the generated ones, and peers that leave, have found. */
import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { BadRequest, Family } from "./bad-request.ts";
import { envelope } from "./bad-rpc.ts";
import { exchangeHttp1, exchangeRaw, Http2Peer } from "./exchange.ts";
import { judge } from "./judge.ts";
import { startVictim, type Victim } from "./victim.ts";

const GET_LLM = "/patchbay.v1.LlmService/GetLlm";
const STREAM_CHAT = "/patchbay.v1.ChatService/StreamChat";

let victim: Victim;
let peer: Http2Peer;
beforeAll(async () => {
  victim = await startVictim();
  peer = new Http2Peer(victim.url);
});
afterAll(async () => {
  peer.close();
  await victim.stop();
});

function request(
  family: Family,
  target: string,
  headers: Record<string, string>,
  body?: Buffer,
  host?: string,
): BadRequest {
  const method = body === undefined ? "GET" : "POST";
  const all = Object.entries({ authorization: `Bearer ${victim.apiKey}`, ...headers });
  return { shape: "", family, method, host, target, headers: all, body };
}

/** What is wrong with the answer; over HTTP/1.1 unless it is gRPC. */
async function complaintsOf(bad: BadRequest, isHttp2 = bad.family === "grpc"): Promise<string[]> {
  return judge(bad.family, await (isHttp2 ? peer.exchange(bad) : exchangeHttp1(victim, bad)));
}

const json = { "content-type": "application/json" };
const empty = Buffer.from("{}");
const QUERY = `${GET_LLM}?connect=v1&encoding=json&message=%7B%7D`;

describe("a host that is none", () => {
  it.each(
    ["[", "a:99999", "%zz", "a b"].flatMap((host) => [
      { host, name: "REST", isHttp2: false, request: () => request("any", "/v1/llms", {}, undefined, host) },
      { host, name: "Connect", isHttp2: false, request: () => request("any", GET_LLM, json, empty, host) },
      { host, name: "Connect's GET", isHttp2: false, request: () => request("any", QUERY, {}, undefined, host) },
      {
        host,
        name: "Connect over HTTP/2",
        isHttp2: true,
        request: () => request("any", GET_LLM, json, empty, host),
      },
    ]),
  )("is no matter to the process: $host, $name", async ({ isHttp2, request }) => {
    expect(await complaintsOf(request(), isHttp2)).toEqual([]);
    expect(victim.isAlive()).toBe(true);
  });

  it("is no matter to the process: none at all, as HTTP/1.0 may have it", async () => {
    const bytes = Buffer.from(
      `POST ${GET_LLM} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
    );
    const { answers, problem } = await exchangeRaw(victim, { shape: "", bytes, isHttp2: false });
    expect(problem).toBeUndefined();
    expect(answers.map(({ status }) => status)).toEqual([401]);
  });
});

describe("what cannot be read is the caller's fault", () => {
  it("as base64 in the query of Connect", async () => {
    const target = `${GET_LLM}?connect=v1&encoding=proto&base64=1&message=:`;
    expect(await complaintsOf(request("connect-unary", target, {}))).toEqual([]);
  });

  it.each([
    { family: "grpc", type: "application/grpc", target: GET_LLM },
    { family: "grpc-web", type: "application/grpc-web", target: GET_LLM },
    { family: "grpc", type: "application/grpc", target: STREAM_CHAT },
    { family: "connect-stream", type: "application/connect+json", target: STREAM_CHAT },
  ] as const)("as compressed without an encoding, in $family of $target", async ({ family, type, target }) => {
    expect(await complaintsOf(request(family, target, { "content-type": type }, envelope(1, empty)))).toEqual([]);
    expect(victim.complaints().filter((line) => line.includes("envelope"))).toEqual([]);
  });

  const noMessage = Buffer.from([0x0a, 0x05]);
  const late = { "grpc-timeout": "0S" };
  for (const [name, family, headers, body] of [
    ["Connect", "connect-unary", { "content-type": "application/proto", "connect-timeout-ms": "0" }, noMessage],
    ["gRPC", "grpc", { "content-type": "application/grpc", ...late }, envelope(0, noMessage)],
    ["gRPC-Web", "grpc-web", { "content-type": "application/grpc-web", ...late }, envelope(0, noMessage)],
  ] as const) {
    it(`even late: ${name}`, async () => {
      expect(await complaintsOf(request(family, GET_LLM, headers, body))).toEqual([]);
    });
  }
});

describe("text that cannot be stored is the caller's fault", () => {
  const draft = {
    providerType: "CUSTOM_OPENAI_COMPATIBLE",
    endpointUrl: "https://a.example",
    modelIdentifier: "m",
    displayName: "n",
  };
  const cases = {
    "NUL in displayName": { displayName: "\0" },
    "NUL in description": { description: "\0" },
    "NUL in modelIdentifier": { modelIdentifier: "\0" },
    "NUL in version": { version: "\0" },
    "NUL in a label": { labels: { a: "\0" } },
    "NUL in a label's key": { labels: { "\0": "a" } },
    "NUL in clientConfig": { clientConfig: { a: "\0" } },
    "NUL in a stop sequence": { defaultSamplingParams: { stopSequences: ["\0"] } },
    "half a character in clientConfig": { clientConfig: { a: "\ud800" } },
    "half a character in a key of clientConfig": { clientConfig: { "\ud800": 1 } },
  };
  for (const [name, said] of Object.entries(cases)) {
    it(name, async () => {
      const body = Buffer.from(JSON.stringify({ ...draft, ...said }));
      const { answers } = await exchangeHttp1(victim, request("rest", "/v1/llms", json, body));
      expect(answers.map(({ status }) => status)).toEqual([400]);
    });
  }

  for (const [target, family] of [
    ["/v1/llms", "rest"],
    ["/patchbay.v1.LlmService/CreateLlm", "connect-unary"],
  ] as const) {
    it(`1e400 in clientConfig by ${family}`, async () => {
      const body = Buffer.from(
        JSON.stringify({ ...draft, endpointUrl: `https://${family}.example` }).replace(
          "}",
          ',"clientConfig":{"a":1e400}}',
        ),
      );
      const { answers } = await exchangeHttp1(victim, request(family, target, json, body));
      expect(answers.map(({ status }) => status)).toEqual([400]);
    });
  }

  for (const query of ["search=%00", "labels[a]=%00", "labels[%00]=a"]) {
    it(`in the query: ${query}`, async () => {
      const { answers } = await exchangeHttp1(victim, request("rest", `/v1/llms?${query}`, {}));
      expect(answers.map(({ status }) => status)).toEqual([400]);
    });
  }

  for (const [family, type] of [
    ["grpc", "application/grpc+json"],
    ["grpc-web", "application/grpc-web+json"],
  ] as const) {
    it(`half a character in the name of a field of ${family}`, async () => {
      const body = envelope(0, Buffer.from(JSON.stringify({ "\ud800": 1 })));
      expect(await complaintsOf(request(family, GET_LLM, { "content-type": type }, body))).toEqual([]);
    });
  }
});

describe("a timeout over the limit", () => {
  it.each(["application/grpc", "APPLICATION/GRPC"])("is refused by gRPC, and overflows no timer: %s", async (type) => {
    const headers = { "content-type": type, "grpc-timeout": "99999999H" };
    const { answers } = await peer.exchange(request("grpc", GET_LLM, headers, envelope(0, Buffer.alloc(0))));
    expect(answers[0]?.trailers).toMatchObject({
      "grpc-status": "3",
      "grpc-message": expect.stringContaining("99999999H is over the limit of 3600000 ms"),
    });
    await delay(50);
    expect(victim.process.stderr).not.toContain("TimeoutOverflowWarning");
  });

  it("is refused by Connect, and overflows no timer", async () => {
    const bad = request("connect-unary", GET_LLM, { ...json, "connect-timeout-ms": "9999999999" }, empty);
    const { answers } = await exchangeHttp1(victim, bad);
    expect(answers.map(({ status }) => status)).toEqual([400]);
    expect(JSON.parse(String(answers[0]?.body)).message).toContain("9999999999 is over the limit of 3600000 ms");
    await delay(50);
    expect(victim.process.stderr).not.toContain("TimeoutOverflowWarning");
  });
});

describe("what nobody waits for is closed", () => {
  it("a stream of HTTP/2 whose answer came before the whole request", async () => {
    const unread = Buffer.concat([envelope(0, Buffer.alloc(10, 0xff)), envelope(0, Buffer.alloc(300_000))]);
    expect(await complaintsOf(request("grpc", GET_LLM, { "content-type": "application/grpc" }, unread))).toEqual([]);
  });

  const programs = {
    "HTTP/1.1": (url: URL, headers: string, body: string) =>
      `require("http").request("${url}", { method: "POST", headers: ${headers} }, (answer) => answer.resume()).end(${body})`,
    "HTTP/2": (url: URL, headers: string, body: string) =>
      `require("http2").connect("${url.origin}").request({ ":method": "POST", ":path": "${url.pathname}", ...${headers} }).resume().end(${body})`,
  };
  for (const [version, program] of Object.entries(programs)) {
    it(`the upstream's connection, once a caller over ${version} is killed`, async () => {
      const llmId = await victim.addLlm("stalling");
      onTestFinished(() => victim.removeLlm(llmId));
      const before = victim.upstream.requests.length;
      const url = new URL(`/v1/llms/${llmId}:streamChat`, victim.url);
      const headers = JSON.stringify({ authorization: `Bearer ${victim.apiKey}`, "content-type": "application/json" });
      const caller = spawn(process.execPath, ["-e", program(url, headers, JSON.stringify('{"message":"Hi"}'))]);
      const call = await victim.upstream.whenRequested(before);
      await delay(300);
      caller.kill("SIGKILL");
      await Promise.race([call.closed, delay(1_000)]);
      expect(call.closedAt).toBeDefined();
    });
  }
});
