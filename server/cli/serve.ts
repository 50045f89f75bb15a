import packageJson from "../../package.json" with { type: "json" };
import { StartError } from "../base/fault.ts";
import { collectIdleGarbage } from "../base/heap.ts";
import { createLog, describeError, type Logger, openPrettyLines } from "../base/log.ts";
import { build, type Server } from "../compose/server.ts";
import { readArguments } from "../config/arguments.ts";
import { type Config, environmentWith, isStartedByNpm, readConfig } from "../config/config.ts";
import { misspelledSettings } from "../config/misspelled.ts";
import { helpText } from "../config/settings-text.ts";
import { makeApiKey } from "../domain/access/api-key-format.ts";
import { welcome } from "./welcome.ts";

/** Two signals closer than this are one: Ctrl-C reaches a server from the terminal and, under npm, from npm too. */
const SAME_SIGNAL_MS = 500;
/** How long a server that is still starting may take to be stopped in order. */
const START_PATIENCE_MS = 10_000;
/** Whatever the database and callers do, the process is gone after so long and the grace period. */
const STOPPING_MS = 9_500;
/** How often a server under npm looks whether npm is still there. */
const PARENT_POLL_MS = 250;

/** Runs a server, or does what the words ask for instead: what `npm start` runs. Never rejects. */
export async function serveByWords(words: readonly string[]): Promise<void> {
  try {
    const { ask, settings } = readArguments(words);
    if (ask === "help") return void process.stdout.write(helpText());
    if (ask === "version") return void process.stdout.write(`${packageJson.version}\n`);
    if (ask === "new-api-key") return void process.stdout.write(`${makeApiKey().reveal()}\n`);
    await serve(readConfig(environmentWith(settings, {})));
  } catch (error) {
    const isExpected = error instanceof StartError;
    process.stderr.write(`${isExpected ? error.message : JSON.stringify(describeError(error), null, 2)}\n`);
    process.exit(1);
  }
}

/** Starts a server, says where it is, and stops it when a signal comes. Resolves once it listens. */
export async function serve(config: Config): Promise<void> {
  // A report of a crash is sent around; what the environment holds stays here.
  process.report.excludeEnv = true;
  const isPretty = config.logFormat === "auto" ? process.stderr.isTTY === true : config.logFormat === "pretty";
  const log = createLog(config.logLevel, isPretty ? await openPrettyLines() : undefined);
  for (const { name, meant } of misspelledSettings(environmentWith({}, {}))) {
    log.warn({ variable: name, meant }, `there is no setting ${name}; did you mean ${meant}?`);
  }
  process.on("unhandledRejection", (error) => log.error({ err: error }, "unhandled rejection"));
  const halt = new AbortController();
  const building = build(config, log, { halt: halt.signal });
  const isStopping = stopOnSignals(building, halt, log, config.shutdownGraceMs);
  const server = await building.catch((error) => {
    if (isStopping()) return undefined; // The signal broke it, and what was opened is closed again.
    throw error;
  });
  if (!server || isStopping()) return;
  const isTerminal = process.stdout.isTTY === true;
  process.stdout.write(welcome(config, server, { version: packageJson.version, isTerminal }));
  collectIdleGarbage();
}

/**
 * The first signal stops everything that was started, in order, and a second one at once; the process ends with 0. Where
 * npm started it, the end of npm is a signal: the shell between them takes those of npm and does not pass them on.
 */
function stopOnSignals(
  building: Promise<Server>,
  halt: AbortController,
  log: Logger,
  shutdownGraceMs: number,
): () => boolean {
  let stoppedAt: number | undefined;
  const stopNow = () => {
    halt.abort();
    process.exit(0);
  };
  const onSignal = (signal: string) => {
    if (stoppedAt !== undefined) {
      if (performance.now() - stoppedAt > SAME_SIGNAL_MS) stopNow();
      return;
    }
    stoppedAt = performance.now();
    log.info({ signal }, "stopping");
    let isBuilt = false;
    setTimeout(() => isBuilt || stopNow(), START_PATIENCE_MS).unref();
    building
      .then(
        (server) => {
          isBuilt = true;
          // Who is told by a supervisor is one of several servers.
          const graceMs = signal === "SIGTERM" ? shutdownGraceMs : 0;
          setTimeout(() => {
            log.error({}, "stopping takes too long; what is left is cut off");
            process.exit(1); // The embedded PostgreSQL ends by itself, or is taken over by the next start.
          }, graceMs + STOPPING_MS).unref();
          return server.stop(graceMs);
        },
        () => undefined, // Then there is nothing to stop.
      )
      .then(
        () => process.exit(0),
        (error) => {
          log.error({ err: error }, "stopping failed");
          process.exit(1);
        },
      );
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => onSignal(signal));
  if (isStartedByNpm()) {
    const parent = process.ppid;
    setInterval(() => {
      if (process.ppid !== parent && stoppedAt === undefined) onSignal("the end of npm");
    }, PARENT_POLL_MS).unref();
  }
  return () => stoppedAt !== undefined;
}
