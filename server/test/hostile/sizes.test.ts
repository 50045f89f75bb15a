/** Requests that are too large, too deep or too many of something, over each protocol that can carry them. */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BadRequest } from "./bad-request.ts";
import { envelope } from "./bad-rpc.ts";
import { exchangeHttp1, Http2Peer } from "./exchange.ts";
import { outcomeOf } from "./outcome.ts";
import { Probe } from "./probe.ts";
import { startVictim, type Victim } from "./victim.ts";

const RPC = "/patchbay.v1.LlmService/CreateLlm";
const MAX_MS = 2_000;
const MAX_MIB = 64;

let victim: Victim;
let probe: Probe;
let peer: Http2Peer;
beforeAll(async () => {
  victim = await startVictim();
  probe = new Probe(victim, await victim.addLlm("probed"));
  peer = new Http2Peer(victim.url);
});
afterAll(async () => {
  peer.close();
  await victim.stop();
});

type Way = "REST" | "REST over HTTP/2" | "Connect JSON" | "Connect binary" | "gRPC" | "gRPC JSON" | "gRPC-Web";

/** The others go over HTTP/1.1. */
const OVER_HTTP2: readonly Way[] = ["REST over HTTP/2", "Connect binary", "gRPC", "gRPC JSON", "gRPC-Web"];

const TYPES: Record<Way, string> = {
  REST: "application/json",
  "REST over HTTP/2": "application/json",
  "Connect JSON": "application/json",
  "Connect binary": "application/proto",
  gRPC: "application/grpc",
  "gRPC JSON": "application/grpc+json",
  "gRPC-Web": "application/grpc-web",
};

interface Sent {
  readonly body?: Buffer;
  readonly headers?: Record<string, string>;
  readonly target?: string;
  /** The flags of the envelope, where there is one. */
  readonly flags?: number;
}

async function send(way: Way, { body, headers = {}, target, flags = 0 }: Sent): Promise<string> {
  const isEnveloped = way.startsWith("gRPC");
  const bad: BadRequest = {
    shape: way,
    family: "any",
    method: body === undefined ? "GET" : "POST",
    host: undefined,
    target: target ?? (way.startsWith("REST") ? "/v1/llms" : RPC),
    headers: Object.entries({
      authorization: `Bearer ${victim.apiKey}`,
      ...(body && { "content-type": TYPES[way] }),
      ...headers,
    }),
    body: body && isEnveloped ? envelope(flags, body) : body,
  };
  return outcomeOf(await (OVER_HTTP2.includes(way) ? peer.exchange(bad) : exchangeHttp1(victim, bad)));
}

const deepJson = (depth: number) => Buffer.from(`{"clientConfig":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`);

/** Struct in Value in Struct: two levels each time around. */
function deepBinary(depth: number): Buffer {
  let bytes = Buffer.alloc(0);
  const wrap = (field: number) => {
    const length: number[] = [];
    for (let rest = bytes.length; rest > 0 || length.length === 0; rest >>= 7)
      length.push((rest & 127) | (rest > 127 ? 128 : 0));
    bytes = Buffer.concat([
      Buffer.from(field > 15 ? [((field << 3) & 127) | 2 | 128, field >> 4] : [(field << 3) | 2]),
      Buffer.from(length),
      bytes,
    ]);
  };
  // Value.struct_value, MapEntry.value, Struct.fields.
  for (let level = 0; level < depth; level++) for (const field of [5, 2, 1]) wrap(field);
  wrap(16);
  return bytes;
}

const REFUSED: Record<Way, string> = {
  REST: "400 INVALID_ARGUMENT INVALID_REQUEST",
  "REST over HTTP/2": "400 INVALID_ARGUMENT INVALID_REQUEST",
  "Connect JSON": "400 invalid_argument INVALID_REQUEST",
  "Connect binary": "400 invalid_argument INVALID_REQUEST",
  gRPC: "200 grpc-status 3",
  "gRPC JSON": "200 grpc-status 3",
  "gRPC-Web": "200 grpc-status 3",
};
const TOO_LARGE: Record<Way, string> = {
  REST: "413 RESOURCE_EXHAUSTED MESSAGE_TOO_LARGE",
  "REST over HTTP/2": "413 RESOURCE_EXHAUSTED MESSAGE_TOO_LARGE",
  "Connect JSON": "429 resource_exhausted MESSAGE_TOO_LARGE",
  "Connect binary": "429 resource_exhausted MESSAGE_TOO_LARGE",
  gRPC: "200 grpc-status 8",
  "gRPC JSON": "200 grpc-status 8",
  "gRPC-Web": "200 grpc-status 8",
};

const JSON_WAYS: Way[] = ["REST", "REST over HTTP/2", "Connect JSON", "gRPC JSON"];
const BINARY_WAYS: Way[] = ["Connect binary", "gRPC", "gRPC-Web"];
const ALL_WAYS: Way[] = [...JSON_WAYS, ...BINARY_WAYS];

const corrupt = Buffer.from("1f8b0800000000000003deadbeef", "hex");
const codingOf = (way: Way) => (way.startsWith("gRPC") ? { "grpc-encoding": "gzip" } : { "content-encoding": "gzip" });

const CASES: { name: string; ways: Way[]; expected: Record<Way, string>; sent: (way: Way) => Sent }[] = [
  {
    name: "a body of 10 MiB",
    // Over HTTP/1.1 a client that sends on while it is refused may never see the answer; see below.
    ways: [...OVER_HTTP2],
    expected: TOO_LARGE,
    sent: () => ({ body: Buffer.alloc(10 << 20, " ") }),
  },
  {
    name: "gzip that is none",
    ways: ALL_WAYS,
    expected: REFUSED,
    sent: (way) => ({ body: corrupt, headers: codingOf(way), flags: 1 }),
  },
  { name: "JSON of depth 101", ways: JSON_WAYS, expected: REFUSED, sent: () => ({ body: deepJson(101) }) },
  { name: "JSON of depth 100,000", ways: JSON_WAYS, expected: REFUSED, sent: () => ({ body: deepJson(100_000) }) },
  { name: "messages of depth 101", ways: BINARY_WAYS, expected: REFUSED, sent: () => ({ body: deepBinary(34) }) },
  {
    name: "messages of depth 9,000",
    ways: BINARY_WAYS,
    expected: REFUSED,
    sent: () => ({ body: deepBinary(3_000) }),
  },
];

describe("what is too large or too deep is refused", () => {
  it.each(CASES.flatMap(({ ways, ...rest }) => ways.map((way) => ({ way, ...rest }))))(
    "$name over $way",
    async ({ way, expected, sent }) => {
      victim.forgetPeak();
      const beforeMib = victim.rssMib();
      const startedAt = performance.now();
      expect(await send(way, sent(way))).toBe(expected[way]);
      expect(performance.now() - startedAt).toBeLessThan(MAX_MS);
      expect(victim.peakMib() - beforeMib).toBeLessThan(MAX_MIB);
    },
  );

  it.each([
    { target: "/v1/llms", status: "413" },
    { target: RPC, status: "429" },
  ])("an announced body of 10 MiB over HTTP/1.1 before it is there: $target", async ({ target, status }) => {
    const socket = connect(victim.port, victim.host);
    const head = `POST ${target} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${victim.apiKey}\r\n`;
    socket.write(`${head}content-type: application/json\r\ncontent-length: ${10 << 20}\r\n\r\n{`);
    const [answer] = await Promise.race([once(socket, "data"), delay(MAX_MS, ["nothing"])]);
    socket.destroy();
    expect(String(answer).slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
  });

  it("messages as deep as they may be are not", async () => {
    expect(await send("Connect binary", { body: deepBinary(30) })).toBe("400 invalid_argument INVALID_REQUEST");
  });
});

const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${n}`, "1"]));

describe("the head of a request", () => {
  it.each<{ name: string; way: Way; sent: Sent; expected: string }>([
    { name: "64,000 slashes", way: "REST", sent: { target: "/".repeat(64_000) }, expected: "431" },
    {
      name: "15,000 slashes",
      way: "REST",
      sent: { target: "/".repeat(15_000) },
      expected: "404 NOT_FOUND ROUTE_NOT_FOUND",
    },
    {
      name: "15,000 slashes",
      way: "REST over HTTP/2",
      sent: { target: "/".repeat(15_000) },
      expected: "404 NOT_FOUND ROUTE_NOT_FOUND",
    },
    {
      name: "10,000 keys in the query",
      way: "REST",
      sent: { target: `/v1/llms?${"a&".repeat(10_000)}` },
      expected: "431",
    },
    {
      name: "7,000 keys in the query",
      way: "REST",
      sent: { target: `/v1/llms?${"a&".repeat(7_000)}` },
      expected: REFUSED.REST,
    },
    {
      name: "7,000 keys in the query",
      way: "REST over HTTP/2",
      sent: { target: `/v1/llms?${"a&".repeat(7_000)}` },
      expected: REFUSED.REST,
    },
    { name: "300 headers", way: "REST", sent: { headers: many(300) }, expected: "200" },
    { name: "300 headers", way: "REST over HTTP/2", sent: { headers: many(300) }, expected: "nothing" },
    { name: "300 headers", way: "gRPC", sent: { headers: many(300), body: Buffer.alloc(0) }, expected: "nothing" },
    { name: "a header of 64 KiB", way: "REST", sent: { headers: { "x-long": "y".repeat(65_536) } }, expected: "431" },
    {
      name: "a header of 64 KiB",
      way: "REST over HTTP/2",
      sent: { headers: { "x-long": "y".repeat(60_000) } },
      expected: "nothing",
    },
    {
      name: "a header of 64 KiB",
      way: "Connect JSON",
      sent: { headers: { "x-long": "y".repeat(65_536) }, body: Buffer.from("{}") },
      expected: "431",
    },
  ])("may not have $name over $way, or it does no harm: $expected", async ({ way, sent, expected }) => {
    const startedAt = performance.now();
    expect(await send(way, sent)).toMatch(expected);
    expect(performance.now() - startedAt).toBeLessThan(MAX_MS);
  });
});

describe("meanwhile", () => {
  it("correct calls stay correct, and the log tells of no bug", async () => {
    const { calls, worstMs, failures } = await probe.end();
    const { worstLoopMs, rssMib } = await victim.inspect();
    console.log(
      `a correct call meanwhile, of ${calls}: worst ${worstMs} ms; the event loop's longest pause: ${worstLoopMs} ms; RSS ${rssMib} MiB`,
    );
    expect(failures).toEqual([]);
    expect(worstMs).toBeLessThan(MAX_MS);
    expect(victim.complaints()).toEqual([]);
  });
});
