import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** So long after the start that whoever waited for it has been answered. */
const AFTER_MS = 2_000;

/**
 * Gives back, once, what loading the code took: a quarter of the memory, most of it space for young objects that V8 would
 * keep as it is. It grows again as soon as there is work, which a limit to it would slow down (docs/decisions/memory.md).
 * All that waits stands still for a tenth of a second.
 */
export function collectStartGarbage(): void {
  setTimeout(() => {
    setFlagsFromString("--expose-gc");
    const collect: (options: object) => void = runInNewContext("gc");
    setFlagsFromString("--no-expose-gc");
    collect({ type: "major", execution: "sync", flavor: "last-resort" });
  }, AFTER_MS).unref();
}
