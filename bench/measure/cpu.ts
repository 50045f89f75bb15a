import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** What the scheduler counted for all threads of a process. */
export interface CpuTime {
  /** Time on a core, user and system, in nanoseconds. */
  readonly runNs: number;
  /** Time that it was ready to run and another program had the core, in nanoseconds. */
  readonly waitNs: number;
}

/** Whether this system says how much CPU time each process took. */
export const canMeasureCpu = existsSync("/proc/self/schedstat");

/** The CPU time of a process so far, to the nanosecond. */
export function cpuTimeOf(pid: number): CpuTime {
  let runNs = 0;
  let waitNs = 0;
  if (!canMeasureCpu) return { runNs, waitNs };
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const [run = "0", wait = "0"] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ");
    runNs += Number(run);
    waitNs += Number(wait);
  }
  return { runNs, waitNs };
}

/**
 * The CPU time of a process and of all that it starts, from when it is looked at first: of a PostgreSQL, its sessions too.
 * What a child used that ended since is counted as far as it was seen, so that the time never goes back.
 */
export class FamilyCpu {
  readonly #pid: number;
  readonly #seen = new Map<number, CpuTime>();

  constructor(pid: number) {
    this.#pid = pid;
  }

  read(): CpuTime {
    this.#seen.set(this.#pid, cpuTimeOf(this.#pid));
    for (const child of canMeasureCpu ? childrenOf(this.#pid) : []) {
      try {
        this.#seen.set(child, cpuTimeOf(child));
      } catch {
        // It has just ended.
      }
    }
    const times = [...this.#seen.values()];
    const sum = (time: keyof CpuTime) => times.reduce((total, each) => total + each[time], 0);
    return { runNs: sum("runNs"), waitNs: sum("waitNs") };
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number);
}

function parentOf(name: string): number | undefined {
  try {
    const [, rest = ""] = readFileSync(`/proc/${name}/stat`, "latin1").split(/\) (?=\S )/);
    return Number(rest.split(" ")[1]);
  } catch {
    return undefined;
  }
}

/** The memory of a process that is in RAM, in megabytes of a million bytes. */
export function residentMb(pid: number): number {
  const { stdout } = spawnSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" });
  return (Number(stdout) * 1024) / 1e6;
}
