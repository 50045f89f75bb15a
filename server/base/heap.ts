import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** So long after the start that whoever waited for it has been answered. */
const AFTER_START_MS = 2_000;
const LOOK_MS = 10_000;
/** Busy for less than this share of the time, nobody waits for us; so often in a row. */
const IDLE_SHARE = 0.02;
const IDLE_LOOKS = 12;
/** The first V8 that can be told so: that of Node 24. */
const LEAST_V8 = 13;
/** What is less than this is not worth it. */
const WORTHWHILE_BYTES = 24 * 2 ** 20;

/**
 * Gives back what the start took, a quarter of the memory, and later, whenever the process has been idle for two minutes,
 * what the work before took: most of it space for young objects. It grows again as soon as there is work, which a limit to it
 * would slow down. Not sooner, as V8 drops what it has compiled for objects of which none is there just now. V8 would do so
 * after eight seconds, and then let the heap grow so slowly that work takes twice the CPU (docs/decisions/memory.md): here it
 * is told not to, however the server was started. All that waits stands still for a tenth of a second.
 */
export function collectIdleGarbage(): void {
  // Read whenever its time comes, unlike --no-memory-reducer, which is for the beginning of a process.
  if (Number.parseInt(process.versions.v8, 10) >= LEAST_V8) setFlagsFromString("--memory-reducer-gc-count=0");
  let residentBytes = 0;
  const collect = () => {
    collectAll();
    residentBytes = process.memoryUsage.rss();
  };
  setTimeout(collect, AFTER_START_MS).unref();

  let idleLooks = 0;
  let before = performance.eventLoopUtilization();
  setInterval(() => {
    const now = performance.eventLoopUtilization();
    idleLooks = performance.eventLoopUtilization(now, before).utilization < IDLE_SHARE ? idleLooks + 1 : 0;
    before = now;
    if (idleLooks >= IDLE_LOOKS && process.memoryUsage.rss() > residentBytes + WORTHWHILE_BYTES) collect();
  }, LOOK_MS).unref();
}

let gc: ((options: object) => void) | undefined;

function collectAll(): void {
  if (!gc) {
    setFlagsFromString("--expose-gc");
    gc = runInNewContext("gc") as (options: object) => void;
    setFlagsFromString("--no-expose-gc");
  }
  gc({ type: "major", execution: "sync", flavor: "last-resort" });
}
