import { pino } from "pino";
import type { Logger } from "./base/logger.ts";
import type { LogLevel } from "./config.ts";

/** The process's log: JSON lines on standard error, so that what a person should read has standard output for itself. */
export function createLog(level: LogLevel): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: describeError } },
    pino.destination({ dest: 2, sync: true }),
  );
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
