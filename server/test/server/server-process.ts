import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const MAIN = join(import.meta.dirname, "../../main.ts");
/** Where `npm start` has Node keep compiled programs, too: without, most of a start's CPU is compiling them again. */
export const COMPILE_CACHE = join(import.meta.dirname, "../../../node_modules/.cache/node");

/** `node server/main.ts`, or another program that says where it listens, as a process of its own, as `npm start` runs it. */
export class ServerProcess {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";

  constructor(settings: Record<string, string>, args: string[] = [], program = MAIN) {
    const { PATH = "", HOME = "" } = process.env;
    // Endpoints of tests that do not exist are not looked for.
    const quiet = { PATH, HOME, PORT: "0", MODEL_CHECK_HOURS: "0", NODE_COMPILE_CACHE: COMPILE_CACHE };
    this.child = spawn(process.execPath, [program, ...args], { env: { ...quiet, ...settings } });
    this.child.stdout?.setEncoding("utf8").on("data", (text) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text) => {
      this.stderr += text;
    });
  }

  /** The address it prints once it listens; fails with what it said if it ends before. */
  async url(): Promise<string> {
    for (;;) {
      const [, url] = /listens on (\S+)/.exec(this.stdout) ?? [];
      if (url) return url;
      if (this.child.exitCode !== null) throw new Error(`the server ended (${this.child.exitCode}): ${this.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** The API key it printed; empty if it printed none. */
  get apiKey(): string {
    return /pb_live_\w+/.exec(this.stdout)?.[0] ?? "";
  }

  /** Ends it with a signal, unless it has ended, and answers with its exit code. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal);
    return this.exit();
  }

  async exit(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "exit");
    return this.child.exitCode;
  }
}
