/** Few bytes that become many. The figures go to the console; those of the best of several rounds are what is expected. */
import { once } from "node:events";
import type { Transform } from "node:stream";
import { constants, createBrotliCompress, createGzip, createZstdCompress } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BadRequest } from "./bad-request.ts";
import { envelope } from "./bad-rpc.ts";
import { type Exchange, exchangeHttp1, Http2Peer } from "./exchange.ts";
import { outcomeOf } from "./outcome.ts";
import { Probe } from "./probe.ts";
import { startVictim, type Victim } from "./victim.ts";

const BOMB_MIB = 400;
const RPC = "/patchbay.v1.LlmService/CreateLlm";
/** In one round garbage may be collected that others left, but hardly in all of them. */
const ROUNDS = 5;
/** Of computing, on all threads: on a machine with nothing else to do that is no less than what the caller waits. */
const MAX_CPU_MS = 200;
const MAX_MIB = 16;
/** Brotli's window is 16 MiB itself. */
const MAX_MIB_OF_BROTLI = 32;
/** For callers on a machine that has other things to do. */
const PATIENCE_MS = 2_000;
const MAX_MIB_AT_ONCE = 256;

let victim: Victim;
let probe: Probe;
let peer: Http2Peer;
const bombs: Record<string, Buffer> = {};
const figures: string[] = [];

beforeAll(async () => {
  victim = await startVictim();
  probe = new Probe(victim, await victim.addLlm("probed"));
  peer = new Http2Peer(victim.url);
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 2, [constants.BROTLI_PARAM_LGWIN]: 24 } };
  const coders = { gzip: createGzip(), br: createBrotliCompress(quality), zstd: createZstdCompress() };
  for (const [coding, coder] of Object.entries(coders)) bombs[coding] = await bombBy(coder);
  // So that what is measured is a bomb and not the first call of each kind.
  const harmless = () => Buffer.from("{}");
  for (const { request } of CASES) await send({ ...request(harmless()), body: harmless() });
  await victim.inspect();
  await probe.report();
}, 60_000);
afterAll(async () => {
  peer.close();
  await victim.stop();
});

const request = (target: string, body: Buffer, headers: Record<string, string>): BadRequest => ({
  shape: "bomb",
  family: "any",
  method: "POST",
  host: undefined,
  target,
  headers: Object.entries({ authorization: `Bearer ${victim.apiKey}`, ...headers }),
  body,
});

const CASES = ["gzip", "br", "zstd"].flatMap((coding) => [
  {
    name: `${coding} over REST`,
    coding,
    expected: "413 RESOURCE_EXHAUSTED MESSAGE_TOO_LARGE",
    request: (body: Buffer) =>
      request("/v1/llms", body, { "content-type": "application/json", "content-encoding": coding }),
  },
  {
    name: `${coding} over Connect`,
    coding,
    expected: "429 resource_exhausted MESSAGE_TOO_LARGE",
    request: (body: Buffer) => request(RPC, body, { "content-type": "application/proto", "content-encoding": coding }),
  },
  {
    name: `${coding} over gRPC`,
    coding,
    expected: "200 grpc-status 8",
    request: (body: Buffer) =>
      request(RPC, envelope(1, body), { "content-type": "application/grpc", "grpc-encoding": coding, te: "trailers" }),
  },
  {
    name: `${coding} over gRPC-Web`,
    coding,
    expected: "200 grpc-status 8",
    request: (body: Buffer) =>
      request(RPC, envelope(1, body), { "content-type": "application/grpc-web", "grpc-encoding": coding }),
  },
]);

describe(`D2 ${BOMB_MIB} MiB of zeros`, () => {
  it.each(CASES)("as $name are refused at once, and cost nothing", async ({ name, coding, expected, request }) => {
    const bomb = bombs[coding] ?? Buffer.alloc(0);
    const rounds: { ms: number; cpuMs: number; mib: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const [beforeMib, beforeCpuMs] = [victim.rssMib(), victim.cpuMs()];
      victim.forgetPeak();
      const startedAt = performance.now();
      expect(outcomeOf(await send(request(bomb)))).toBe(expected);
      const ms = Math.round(performance.now() - startedAt);
      rounds.push({ ms, cpuMs: victim.cpuMs() - beforeCpuMs, mib: victim.peakMib() - beforeMib });
      await victim.inspect();
    }
    const of = (figure: "ms" | "cpuMs" | "mib") => rounds.map((round) => round[figure]);
    figures.push(
      `${name}: ${Math.round(bomb.length / 1024)} KiB refused in ${of("ms")} ms, CPU ${of("cpuMs")} ms, RSS + ${of("mib")} MiB`,
    );
    expect(Math.min(...of("cpuMs"))).toBeLessThan(MAX_CPU_MS);
    expect(Math.min(...of("ms"))).toBeLessThan(PATIENCE_MS);
    expect(Math.min(...of("mib"))).toBeLessThanOrEqual(coding === "br" ? MAX_MIB_OF_BROTLI : MAX_MIB);
  });

  it("ten at once cost no more than ten answers that are too large", async () => {
    const beforeMib = victim.rssMib();
    victim.forgetPeak();
    const startedAt = performance.now();
    const all = CASES.slice(0, 10).map(({ coding, request }) => send(request(bombs[coding] ?? Buffer.alloc(0))));
    expect((await Promise.all(all)).map(outcomeOf)).toEqual(CASES.slice(0, 10).map(({ expected }) => expected));
    const grownMib = victim.peakMib() - beforeMib;
    figures.push(`ten at once: ${Math.round(performance.now() - startedAt)} ms, RSS + ${grownMib} MiB at most`);
    expect(grownMib).toBeLessThan(MAX_MIB_AT_ONCE);
  });

  it("keep nobody else waiting, and are no bug that the log would have to tell of", async () => {
    const { calls, worstMs, failures } = await probe.end();
    const { worstLoopMs } = await victim.inspect();
    figures.push(
      `a correct call meanwhile, of ${calls}: worst ${worstMs} ms; the event loop's longest pause: ${worstLoopMs} ms`,
    );
    console.log(figures.join("\n"));

    expect(failures).toEqual([]);
    expect(worstMs).toBeLessThan(PATIENCE_MS);
    expect(victim.complaints()).toEqual([]);
  });
});

function send(bad: BadRequest): Promise<Exchange> {
  return bad.headers.some(([name]) => name === "te") ? peer.exchange(bad) : exchangeHttp1(victim, bad);
}

async function bombBy(coder: Transform): Promise<Buffer> {
  const pieces: Buffer[] = [];
  coder.on("data", (piece) => pieces.push(piece));
  const zeros = Buffer.alloc(2 ** 20);
  for (let mib = 0; mib < BOMB_MIB; mib++) if (!coder.write(zeros)) await once(coder, "drain");
  coder.end();
  await once(coder, "end");
  return Buffer.concat(pieces);
}
