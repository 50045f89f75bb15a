/**
 * Ten thousand requests that nobody should send, the same again for the same seed:
 * `HOSTILE_SEED=1 HOSTILE_COUNT=100000 npm run test:hostile -- generated`, and with `HOSTILE_ONLY=123` one of them.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { badHttp1, badHttp2 } from "./bad-bytes.ts";
import type { BadRequest, Ground } from "./bad-request.ts";
import { badRest } from "./bad-rest.ts";
import { badConnect, badEnveloped } from "./bad-rpc.ts";
import { type Exchange, exchangeHttp1, exchangeRaw, Http2Peer } from "./exchange.ts";
import type { Inspection } from "./inspection.ts";
import { judge } from "./judge.ts";
import { Probe } from "./probe.ts";
import type { Probed } from "./prober.ts";
import { Random } from "./random.ts";
import { type HostileRpc, hostileRpcs } from "./rpcs.ts";
import { startVictim, type Victim } from "./victim.ts";

const SEED = Number(process.env.HOSTILE_SEED ?? Date.now() % 1_000_000);
const COUNT = Number(process.env.HOSTILE_COUNT ?? 10_000);
const ONLY = process.env.HOSTILE_ONLY;
const AT_ONCE = 16;
/** Far above what a loaded machine with two cores has shown; the figures are printed. */
const WORST_MS = 2_000;
const MAX_HEAP_MIB = 16;
/** V8 alone may take 64 MiB more for what is young, and give it back later. */
const MAX_MIB = 128;

interface Sent {
  readonly kind: string;
  readonly complaints: readonly string[];
  readonly statuses: readonly number[];
}

let victim: Victim;
let rpcs: HostileRpc[];
let ground: Ground;
let probe: Probe;
const peers: Http2Peer[] = [];
const sent = new Map<string, number>();
const complaints = new Map<string, number[]>();
let inspections: Inspection[];
let probed: Probed;

beforeAll(async () => {
  victim = await startVictim();
  const llmId = await victim.addLlm("harmless");
  ground = { host: victim.host, apiKey: victim.apiKey, llmId };
  rpcs = hostileRpcs(llmId);
  probe = new Probe(victim, await victim.addLlm("probed"));
  for (let n = 0; n < AT_ONCE; n++) peers.push(new Http2Peer(victim.url));
  const indexes = ONLY === undefined ? Array.from({ length: COUNT }, (_, index) => index) : [Number(ONLY)];

  const start = await victim.inspect();
  await probe.report();
  const startedAt = performance.now();
  await attack(indexes.slice(0, COUNT / 2));
  const half = await victim.inspect();
  await attack(indexes.slice(COUNT / 2));
  const seconds = (performance.now() - startedAt) / 1_000;
  probed = await probe.end();
  const peakMib = victim.peakMib();
  inspections = [start, half, await victim.inspect()];
  const rss = inspections.map(({ rssMib }) => rssMib).join(" -> ");
  const heap = inspections.map(({ heapMib }) => heapMib).join(" -> ");
  console.log(
    `HOSTILE_SEED=${SEED}: ${indexes.length} requests in ${seconds.toFixed(1)} s
  ${[...sent]
    .sort()
    .map(([kind, count]) => `${kind}: ${count}`)
    .join(", ")}
  RSS at the start, half-way and at the end, each after a collection: ${rss} MiB, peak ${peakMib}; heap ${heap} MiB
  a correct call meanwhile, of ${probed.calls}: worst ${probed.worstMs} ms, p99 ${probed.p99Ms} ms
  the event loop's longest pause: ${Math.max(...inspections.slice(1).map(({ worstLoopMs }) => worstLoopMs))} ms`,
  );
}, 600_000);
afterAll(async () => {
  for (const peer of peers) peer.close();
  await victim.stop();
});

describe(`${COUNT} generated requests, HOSTILE_SEED=${SEED}`, () => {
  it("leave the server alive", () => {
    const told = victim.process.stderr.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
    expect(told).toEqual([]);
    expect(victim.isAlive()).toBe(true);
  });

  it("get answers that are well-formed and theirs: HOSTILE_ONLY=<index> makes one of them again", () => {
    expect(Object.fromEntries(complaints)).toEqual({});
  });

  it("keep nobody else waiting, and correct calls correct", () => {
    expect(probed.failures).toEqual([]);
    expect(probed.calls).toBeGreaterThan(0);
    expect(probed.worstMs).toBeLessThan(WORST_MS);
  });

  it("change no prototype", () => {
    expect(inspections.flatMap(({ polluted }) => polluted)).toEqual([]);
  });

  it("leave nothing in memory but pages that V8 and malloc keep: more requests do not make it more", () => {
    const [, half, end] = inspections as [Inspection, Inspection, Inspection];
    expect(end.heapMib - half.heapMib).toBeLessThan(MAX_HEAP_MIB);
    expect(end.rssMib - half.rssMib).toBeLessThan(MAX_MIB);
  });

  it("are no bug that the log would have to tell of", () => {
    expect(victim.complaints().slice(0, 5)).toEqual([]);
  });
});

async function attack(indexes: readonly number[]): Promise<void> {
  const rest = indexes.values();
  const one = async (peer: Http2Peer) => {
    for (const index of rest) {
      if (!victim.isAlive()) return;
      const { kind, complaints: found, statuses } = await send(new Random(SEED, index), peer);
      sent.set(kind, (sent.get(kind) ?? 0) + 1);
      if (ONLY !== undefined) console.log(kind, statuses, found);
      for (const complaint of found) {
        complaints.set(complaint, [...(complaints.get(complaint) ?? []), index]);
      }
    }
  };
  await Promise.all(peers.map(one));
}

async function send(random: Random, peer: Http2Peer): Promise<Sent> {
  const roll = random.below(100);
  if (roll < 10) {
    const bad = roll < 7 ? badHttp1(random, ground) : badHttp2(random);
    const exchange = await exchangeRaw(victim, bad);
    return present(bad.isHttp2 ? "frames" : "bytes", bad.shape, exchange, judge("any", exchange));
  }
  const request = generate(roll, random);
  const isHttp2 = request.family === "grpc" || random.chance(0.4);
  const exchange = await (isHttp2 ? peer.exchange(request) : exchangeHttp1(victim, request));
  // Whoever gets the host wrong is refused before it matters which protocol it is.
  const family = request.host === undefined ? request.family : "any";
  const found = judge(family, exchange, request.method === "HEAD");
  return present(`${request.family} over HTTP/${isHttp2 ? 2 : 1}`, request.shape, exchange, found);
}

function generate(roll: number, random: Random): BadRequest {
  if (roll < 50) return badRest(random, rpcs, ground);
  if (roll < 70) return badConnect(random, rpcs, ground);
  if (roll < 85) return badEnveloped(random, rpcs, ground, "grpc");
  if (roll < 94) return badEnveloped(random, rpcs, ground, "grpc-web");
  return badEnveloped(random, rpcs, ground, "connect-stream");
}

function present(kind: string, shape: string, { answers }: Exchange, found: readonly string[]): Sent {
  return {
    kind,
    complaints: found.map((complaint) => `${shape}: ${complaint}`),
    statuses: answers.map(({ status }) => status),
  };
}
