import { createWriteStream, type WriteStream } from "node:fs";
import { ServerProcess } from "../../server/test/server/server-process.ts";

/** How much of what it said last is told where it ended by itself. */
const LAST_WORDS = 4_000;

/**
 * A server that is killed and started again, all of whose processes write into one log file. What it said is kept
 * whatever becomes of it, and that it ended without being told to is noticed.
 */
export class OwnServer {
  readonly logFile: string;
  readonly #log: WriteStream;
  readonly #settings: Record<string, string>;
  readonly #onDeath: (told: string) => void;
  #process: ServerProcess | undefined;
  readonly #told = new Set<ServerProcess>();
  #starts = 0;

  constructor(settings: Record<string, string>, logFile: string, onDeath: (told: string) => void) {
    this.logFile = logFile;
    this.#log = createWriteStream(logFile, { flags: "a" });
    this.#settings = settings;
    this.#onDeath = onDeath;
  }

  /** Resolves with the address that it listens on. */
  async start(): Promise<string> {
    const started = new ServerProcess(this.#settings);
    this.#process = started;
    this.#write(`--- start ${++this.#starts}, process ${started.child.pid}\n`);
    started.child.stdout?.on("data", (text: string) => this.#write(text));
    started.child.stderr?.on("data", (text: string) => this.#write(text));
    // "close" comes when its pipes are read to their end: what it said last is there then.
    started.child.once("close", (code, signal) => {
      const how = signal ? `by ${signal}` : `with exit code ${code}`;
      const wasTold = this.#told.has(started);
      this.#write(`--- process ${started.child.pid} ended ${how}${wasTold ? ", as it was told" : ""}\n`);
      if (wasTold) return;
      const words = (started.stderr + started.stdout).slice(-LAST_WORDS);
      this.#onDeath(`the server ended by itself, ${how}; it said last: ${words}`);
    });
    return started.url();
  }

  /** Ends it, unless it has ended. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.#process) return;
    if (this.isRunning) this.#told.add(this.#process);
    await this.#process.end(signal);
  }

  get isRunning(): boolean {
    const child = this.#process?.child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** What the process that runs, or ran last, has said. */
  get said(): string {
    return this.#process ? this.#process.stderr + this.#process.stdout : "";
  }

  async close(): Promise<void> {
    await this.end("SIGKILL");
    await new Promise<void>((resolve) => this.#log.end(resolve));
  }

  #write(text: string): void {
    if (!this.#log.writableEnded) this.#log.write(text);
  }
}
