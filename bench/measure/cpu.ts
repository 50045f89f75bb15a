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

/** The CPU time of the threads that a process has now, to the nanosecond: what ended has taken its time with it. */
export function cpuTimeOf(pid: number): CpuTime {
  return sumOf([...threadsOf(pid).values()]);
}

/**
 * The CPU time of a process, from when it is looked at first. What a thread used that ended since is counted as far as it was
 * seen, so that the time never goes back.
 */
export class ProcessCpu {
  protected readonly pid: number;
  /** Of each thread, and of those that had its number before it. */
  readonly #seen = new Map<number, { now: CpuTime; before: CpuTime }>();

  constructor(pid: number) {
    this.pid = pid;
  }

  read(): CpuTime {
    this.#look(threadsOf(this.pid));
    for (const child of this.children()) {
      try {
        this.#look(threadsOf(child));
      } catch {
        // It has just ended.
      }
    }
    return sumOf([...this.#seen.values()].flatMap(({ now, before }) => [now, before]));
  }

  protected children(): readonly number[] {
    return [];
  }

  #look(threads: ReadonlyMap<number, CpuTime>): void {
    for (const [thread, now] of threads) {
      const last = this.#seen.get(thread) ?? { now: NO_TIME, before: NO_TIME };
      // Nothing runs backwards: whoever has used less than the last one of this number is another.
      const before = now.runNs < last.now.runNs ? sumOf([last.before, last.now]) : last.before;
      this.#seen.set(thread, { now, before });
    }
  }
}

/** The same of a process and of all that it starts: of a PostgreSQL, its sessions too. */
export class FamilyCpu extends ProcessCpu {
  protected override children(): readonly number[] {
    return canMeasureCpu ? childrenOf(this.pid) : [];
  }
}

const NO_TIME: CpuTime = { runNs: 0, waitNs: 0 };

function sumOf(times: readonly CpuTime[]): CpuTime {
  const sum = (name: keyof CpuTime) => times.reduce((total, each) => total + each[name], 0);
  return { runNs: sum("runNs"), waitNs: sum("waitNs") };
}

function threadsOf(pid: number): ReadonlyMap<number, CpuTime> {
  const threads = new Map<number, CpuTime>();
  if (!canMeasureCpu) return threads;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const [run, wait] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
      threads.set(Number(thread), { runNs: Number(run), waitNs: Number(wait) });
    } catch {
      // It has just ended.
    }
  }
  return threads;
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
