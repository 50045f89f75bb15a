import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pinned, type Role } from "../measure/pinning.ts";

const PATIENCE_MS = 30_000;
const STOP_PATIENCE_MS = 15_000;

/** What to start. */
export interface ProcessOptions {
  readonly name: string;
  readonly role: Role;
  /** Default: node. */
  readonly command?: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A folder for what it prints: a file costs the writer next to nothing, and the load generator nothing at all. */
  readonly folder: string;
}

/** A server in a process of its own. */
export class ServerProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #outFile: string;
  readonly #errFile: string;

  constructor({ name, role, command: program = process.execPath, args, env = {}, folder }: ProcessOptions) {
    this.name = name;
    const file = join(folder, `${name}-${Math.random().toString(36).slice(2, 8)}`);
    this.#outFile = `${file}.out`;
    this.#errFile = `${file}.err`;
    const [command = "", ...rest] = pinned(role, [program, ...args]);
    const { PATH = "", HOME = "" } = process.env;
    this.#child = spawn(command, rest, {
      env: { PATH, HOME, ...env },
      stdio: ["ignore", openSync(this.#outFile, "a"), openSync(this.#errFile, "a")],
    });
  }

  /** taskset becomes the program that it starts. */
  get pid(): number {
    return this.#child.pid as number;
  }

  get output(): string {
    return readFileSync(this.#outFile, "utf8");
  }

  /** The addresses that it prints once it listens. */
  async urls(): Promise<string[]> {
    let line: string | undefined;
    await this.until(() => {
      line = /listens on .*\n/.exec(this.output)?.[0];
      return line !== undefined;
    });
    return line?.match(/http:\/\/[^\s/]+/g) ?? [];
  }

  /** Waits for a condition; fails when the process ends before it holds, with its last words. */
  async until(holds: () => boolean | Promise<boolean>, patienceMs = PATIENCE_MS): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!(await holds())) {
      const isOver = this.#child.exitCode !== null || this.#child.signalCode !== null;
      if (isOver || performance.now() > deadline) {
        const words = readFileSync(this.#errFile, "utf8").trim().slice(-1_500);
        throw new Error(`${this.name} ${isOver ? "ended" : "does not start"}: ${words}`);
      }
      await sleep(2);
    }
  }

  /** Ends it, the hard way if it takes long. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_PATIENCE_MS);
    await exited;
    clearTimeout(timer);
  }
}
