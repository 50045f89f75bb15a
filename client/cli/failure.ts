import { Code, ConnectError } from "@connectrpc/connect";
import { problemOf } from "../llm.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** What the command ends with; scripts may rely on it. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  forbidden: 3,
  notFound: 4,
  conflict: 5,
  later: 6,
  negative: 7,
  interrupted: 130,
} as const;

/** What `patchbay help exit-codes` prints. */
export const EXIT_HELP = `The command ends with one of these:

  0    It is done.
  1    It failed, for a reason that is none of these.
  2    The command line, or a file it names, is not right. Nothing was done.
  3    Nobody is signed in, or the key may not do this.
  4    There is nothing of that name.
  5    It is in conflict with what is there: it exists already, was changed by somebody else, or is in use.
  6    The server, its database or the endpoint cannot do it now. Try again later.
  7    It was done, and the answer is no: a test that failed, a difference that diff found.
  130  It was interrupted.
`;

/** Something that the user can mend; its message says how. */
export class UsageError extends Error {
  readonly exitCode: number;

  constructor(message: string, { exitCode = EXIT.usage, cause }: { exitCode?: number; cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
  }
}

const EXIT_OF_CODE: Partial<Record<Code, number>> = {
  [Code.InvalidArgument]: EXIT.usage,
  [Code.OutOfRange]: EXIT.usage,
  [Code.Unauthenticated]: EXIT.forbidden,
  [Code.PermissionDenied]: EXIT.forbidden,
  [Code.NotFound]: EXIT.notFound,
  [Code.AlreadyExists]: EXIT.conflict,
  [Code.Aborted]: EXIT.conflict,
  [Code.FailedPrecondition]: EXIT.conflict,
  [Code.Unavailable]: EXIT.later,
  [Code.ResourceExhausted]: EXIT.later,
  [Code.DeadlineExceeded]: EXIT.later,
  [Code.Canceled]: EXIT.interrupted,
};

/** Whether the error is the server's, or of the way to it. */
export function isCallError(error: unknown): error is ConnectError {
  return error instanceof ConnectError;
}

/** The same error with another sentence, and with other details where they are given. */
export function retold(error: ConnectError, message: string, details = error.details): ConnectError {
  const copy = new ConnectError(message, error.code, error.metadata, undefined, error.cause);
  copy.details = details;
  return copy;
}

/** Tells of an error on the error stream; answers with the exit code. */
export function reportFailure(error: unknown, terminal: Terminal): number {
  if (error instanceof UsageError) {
    terminal.error(error.message);
    return error.exitCode;
  }
  if (isCallError(error)) return reportCall(error, terminal);
  terminal.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return EXIT.failed;
}

function reportCall(error: ConnectError, terminal: Terminal): number {
  const { reason, message, fields, retryAfterMs, requestId } = problemOf(error);
  terminal.error(message);
  for (const { field, description } of fields) {
    if (!message.includes(description)) terminal.note(`  ${field}: ${description}`);
  }
  if (retryAfterMs) terminal.note(`  Try again in ${Math.ceil(retryAfterMs / 1_000)} s.`);
  const facts = [reason && `reason ${reason}`, requestId && `request ${requestId}`].filter(Boolean);
  if (facts.length > 0) terminal.note(`  (${facts.join(", ")})`);
  return EXIT_OF_CODE[error.code] ?? EXIT.failed;
}
