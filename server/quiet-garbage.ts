import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const LOOK_MS = 500;
/** Busy for less than this share of the time, nobody waits for us. */
const QUIET_SHARE = 0.1;
/** So many looks in a row. */
const QUIET_LOOKS = 3;
/** What is less than this is not worth the tenth of a second that a collection takes. */
const WORTHWHILE_BYTES = 24 * 2 ** 20;

/**
 * Gives back, whenever the process has become quiet, what the work before took: a quarter of the memory after the start,
 * most of it space for young objects that V8 would keep as it is. It grows again as soon as there is work, which a limit to
 * it would slow down (docs/decisions/memory.md). All that waits stands still for a tenth of a second.
 */
export function collectQuietGarbage(): void {
  let quietLooks = 0;
  let before = performance.eventLoopUtilization();
  let residentBytes = 0;
  setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    quietLooks = utilization < QUIET_SHARE ? quietLooks + 1 : 0;
    if (quietLooks < QUIET_LOOKS || process.memoryUsage.rss() < residentBytes + WORTHWHILE_BYTES) return;
    collect();
    residentBytes = process.memoryUsage.rss();
  }, LOOK_MS).unref();
}

let gc: ((options: object) => void) | undefined;

function collect(): void {
  if (!gc) {
    setFlagsFromString("--expose-gc");
    gc = runInNewContext("gc") as (options: object) => void;
    setFlagsFromString("--no-expose-gc");
  }
  gc({ type: "major", execution: "sync", flavor: "last-resort" });
}
