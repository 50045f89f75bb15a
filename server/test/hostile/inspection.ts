/** Loaded into a server before its own code: on SIGUSR2 it collects garbage and prints one line on the state of the process. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What the line says. */
export interface Inspection {
  /** Names that `Object.prototype` has now and had not at the start. */
  readonly polluted: readonly string[];
  readonly rssMib: number;
  readonly heapMib: number;
  /** The longest that the event loop did not come round since the line before, the collection left out. */
  readonly worstLoopMs: number;
}

/** How the line begins. */
export const INSPECTION_MARK = "inspection ";

const MIB = 2 ** 20;
const initial = new Set(Object.getOwnPropertyNames(Object.prototype));
const loop = monitorEventLoopDelay({ resolution: 5 });
loop.enable();
setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

process.on("SIGUSR2", async () => {
  const worstLoopMs = Math.round(loop.max / 1e6);
  for (let round = 0; round < 5; round++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { rss, heapUsed } = process.memoryUsage();
  const inspection: Inspection = {
    polluted: Object.getOwnPropertyNames(Object.prototype).filter((name) => !initial.has(name)),
    rssMib: Math.round(rss / MIB),
    heapMib: Math.round(heapUsed / MIB),
    worstLoopMs,
  };
  process.stdout.write(`${INSPECTION_MARK}${JSON.stringify(inspection)}\n`);
  loop.reset();
});
