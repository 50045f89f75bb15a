import { setTimeout as sleep } from "node:timers/promises";
import { GrpcClient } from "../load/grpc.ts";
import { HttpClient } from "../load/http1.ts";
import { residentMb } from "../measure/cpu.ts";
import { figureOf } from "../measure/stats.ts";
import type { PatchbayServer } from "../stage/patchbay.ts";
import type { Stage } from "../stage/stage.ts";
import { chatGrpc, chatRest } from "./requests.ts";
import type { Row } from "./row.ts";

const STREAMS = 1_000;
const STREAMS_A_CHANNEL = 100;
/** Streams begin in groups, as people arrive; all at once would measure a queue for the database. */
const GROUP = 50;
const SETTLE_MS = 3_000;
/** A server that has nothing to do for two minutes gives back what beginning so many streams took. */
const QUIET_MS = 135_000;

/** The memory of a fresh server: with nothing to do, and with streams that wait for a model. */
export const memory: Row = {
  name: "memory",
  what: "memory: idle / with 1,000 idle streams",
  async run(stage, plan) {
    const fresh: number[] = [];
    const idle: number[] = [];
    const begun: number[] = [];
    const measured: Record<"REST" | "gRPC", number[]> = { REST: [], gRPC: [] };
    // A server's memory differs less from start to start than anything else here.
    for (let start = 0; start < plan.starts / 2; start++) {
      for (const [protocol, hold] of [["REST", holdRest] as const, ["gRPC", holdGrpc] as const]) {
        const { unused, before, atFirst, during } = await measureMemory(stage, hold);
        fresh.push(unused);
        idle.push(before);
        begun.push(atFirst);
        measured[protocol].push(during);
      }
    }
    const finding = (what: string, target: number, values: number[]) => {
      return { what, against: "resident, one process", target, figure: figureOf(values), unit: " MB" as const };
    };
    return [
      finding("memory, idle, never called", 130, fresh),
      finding("memory, idle, after four CreateLlm", 130, idle),
      finding(`memory, ${STREAMS} idle streams, REST`, 150, measured.REST),
      finding(`memory, ${STREAMS} idle streams, gRPC`, 150, measured.gRPC),
      finding(`memory, ${STREAMS} streams that have just begun`, 200, begun),
    ];
  },
};

type Hold = (patchbay: PatchbayServer, closers: (() => unknown)[]) => Promise<void>;

async function measureMemory(stage: Stage, hold: Hold) {
  const { process, furnish } = await stage.startPatchbay();
  const closers: (() => unknown)[] = [() => process.stop()];
  try {
    await sleep(SETTLE_MS);
    const unused = residentMb(process.pid);
    const patchbay = await furnish();
    await sleep(SETTLE_MS);
    const before = residentMb(patchbay.pid);
    await hold(patchbay, closers);
    const atFirst = residentMb(patchbay.pid);
    await sleep(QUIET_MS);
    return { unused, before, atFirst, during: residentMb(patchbay.pid) };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function holdRest(patchbay: PatchbayServer, closers: (() => unknown)[]): Promise<void> {
  const client = new HttpClient(patchbay.url, STREAMS);
  closers.push(() => client.close());
  const request = chatRest("an idle stream", "idle", true, patchbay);
  await inGroups(() => client.open(request));
}

async function holdGrpc(patchbay: PatchbayServer, closers: (() => unknown)[]): Promise<void> {
  const request = chatGrpc("an idle stream", "idle", true, patchbay);
  const channels = Array.from({ length: STREAMS / STREAMS_A_CHANNEL }, () => new GrpcClient(patchbay.url));
  closers.push(() => {
    for (const channel of channels) channel.close();
  });
  await inGroups((index) => (channels[index % channels.length] as GrpcClient).open(request));
}

async function inGroups(open: (index: number) => Promise<void>): Promise<void> {
  for (let begun = 0; begun < STREAMS; begun += GROUP) {
    await Promise.all(Array.from({ length: GROUP }, (_, index) => open(begun + index)));
  }
}
