import { type DestinationStream, pino } from "pino";

/** How much the log says. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How lines of the log look; auto is pretty at a terminal, and json elsewhere. */
export const LOG_FORMATS = ["auto", "json", "pretty"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Lines are written together, so many characters at once, or what there is after this time. */
const BATCH_LENGTH = 49_152;
const BATCH_MS = 250;
/** When nobody reads, more than this is dropped rather than kept. */
const MAX_WAITING_BYTES = 8 * 2 ** 20;

/**
 * The process's log: JSON lines on standard error, so that what a person should read has standard output for itself; or
 * lines for people, where somebody watches.
 *
 * Written in batches in the background, and at the exit what is left: that is 3 µs of CPU a line, where one at a time is
 * 9 (in the background or not), and written at once into the pipe of a busy reader holds all calls up for 80. Only a
 * kill -9 takes lines along, those of the last quarter of a second.
 */
export function createLog(level: LogLevel, pretty?: DestinationStream): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: describeError } },
    pretty ?? new BatchedLines(),
  );
}

/**
 * Gathers lines for pino's stream, which gets a batch at once and begins to write only when told: at each line it counts the
 * bytes of all that it has gathered, which took longer than making the line.
 */
class BatchedLines implements DestinationStream {
  readonly #stream = pino.destination({
    dest: 2,
    sync: false,
    // More than a batch has, so that what is left at the exit is not begun in the background.
    minLength: 3 * BATCH_LENGTH,
    maxWrite: 4 * BATCH_LENGTH,
    maxLength: MAX_WAITING_BYTES,
  });
  #lines = "";

  constructor() {
    setInterval(() => this.#flush(), BATCH_MS).unref();
    process.once("exit", () => {
      if (this.#pass()) this.#stream.flushSync();
    });
  }

  write(line: string): void {
    this.#lines += line;
    if (this.#lines.length >= BATCH_LENGTH) this.#flush();
  }

  #flush(): void {
    this.#pass();
    this.#stream.flush();
  }

  /** Whether there was anything to pass on. */
  #pass(): boolean {
    if (this.#lines === "") return false;
    this.#stream.write(this.#lines);
    this.#lines = "";
    return true;
  }
}

/** Lines for a person at a terminal, each as it happens; loaded only there. */
export async function openPrettyLines(): Promise<DestinationStream> {
  const { default: pretty } = await import("pino-pretty");
  return pretty({ destination: 2, sync: true, translateTime: "SYS:HH:MM:ss", ignore: "pid,hostname" });
}

interface DescribedError {
  readonly name: string;
  readonly message?: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: DescribedError;
}

/** An error with its causes. The message of a database error stays out: it quotes the statement with its values. */
export function describeError(error: unknown): DescribedError | undefined {
  if (!(error instanceof Error)) return error === undefined ? undefined : { name: typeof error };
  const { code, sqlState } = error as { code?: string; sqlState?: string };
  const cause = describeError(error.cause);
  const isFromDatabase = sqlState !== undefined || "severity" in error;
  return {
    name: error.name,
    ...(isFromDatabase ? {} : { message: error.message }),
    ...(code === undefined ? {} : { code }),
    // The frames without the message above them.
    stack: (error.stack ?? "").split("\n    at ").slice(1, 12).join(" < "),
    ...(cause ? { cause } : {}),
  };
}

/** Where lines of the log go; pino's shape, and nothing else knows of pino. */
export interface Logger {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}
