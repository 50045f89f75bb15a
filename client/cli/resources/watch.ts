import { setTimeout as sleep } from "node:timers/promises";
import type { JsonObject } from "@bufbuild/protobuf";
import { Command } from "commander";
import type { Connection } from "../calls/connection.ts";
import { EXIT, isCallError, UsageError } from "../failure.ts";
import { addExamples, invocationOf } from "../invocation.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { Noun } from "./nouns.ts";
import { pagesOf } from "./pages.ts";

/** How often what the server does not tell by itself is asked for. */
const POLL_MS = 2_000;

/** How long a broken watch waits before it goes on. */
const RECONNECT_MS = 1_000;

interface Told {
  readonly kind: string;
  readonly id: string;
  readonly thing: JsonObject | undefined;
}

/** `… watch`: each change as it happens, until it is interrupted. */
export function watchNoun(noun: Noun): Command {
  const how = noun.watch ? "" : " (asked for every two seconds)";
  const command = new Command("watch").description(`tell of each change as it happens${how}`);
  command.option("--for <seconds>", "end after so long");
  return addExamples(command, noun.examples.watch ?? []).action(async (values: { for?: string }) => {
    const { connect, terminal, format } = invocationOf(command);
    const connection = await connect();
    const signal = endOf(values.for);
    const changes = noun.watch ? told(connection, noun, signal, terminal) : polled(connection, noun, signal);
    try {
      for await (const { kind, id, thing } of changes) {
        if (format === "table") {
          const cells = noun.columns.map((column) => column.show(thing ?? {})).filter((cell) => cell !== "");
          terminal.writeData(`${kind}  ${thing ? cells.join("  ") : id}\n`);
        } else
          terminal.writeData(
            format === "name" ? `${id}\n` : `${JSON.stringify({ kind, id, [noun.singular]: thing })}\n`,
          );
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  });
}

function endOf(seconds: string | undefined): AbortSignal {
  const interrupted = new AbortController();
  process.once("SIGINT", () => {
    process.exitCode = EXIT.interrupted;
    interrupted.abort();
  });
  if (seconds === undefined) return interrupted.signal;
  if (!/^\d{1,6}(\.\d+)?$/.test(seconds))
    throw new UsageError(`--for is "${seconds}"; it must be a number of seconds.`);
  return AbortSignal.any([interrupted.signal, AbortSignal.timeout(Number(seconds) * 1_000)]);
}

/** A watch that breaks goes on where it was, on whichever server answers. */
async function* told(
  connection: Connection,
  noun: Noun,
  signal: AbortSignal,
  terminal: Terminal,
): AsyncGenerator<Told> {
  let resumeToken = "";
  for (;;) {
    try {
      for await (const event of connection.stream(noun.watch as NonNullable<Noun["watch"]>, { resumeToken }, signal)) {
        resumeToken = String(event.resumeToken ?? "");
        const thing = event[noun.singular] as JsonObject | undefined;
        if (event.kind !== "CAUGHT_UP") yield { kind: String(event.kind), id: String(event[noun.id]), thing };
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isCallError(error) || ![EXIT_AGAIN.unavailable, EXIT_AGAIN.unknown].includes(error.code)) throw error;
      terminal.note("the watch broke; it goes on where it was");
    }
    if (signal.aborted) return;
    await sleep(RECONNECT_MS);
  }
}

/** The codes of what a server that restarts, or the way to it, answers. */
const EXIT_AGAIN = { unknown: 2, unavailable: 14 };

async function* polled(connection: Connection, noun: Noun, signal: AbortSignal): AsyncGenerator<Told> {
  let known: Map<string, JsonObject> | undefined;
  for (;;) {
    const now = new Map<string, JsonObject>();
    for await (const page of pagesOf(connection, noun, {})) for (const row of page) now.set(String(row[noun.id]), row);
    if (known) yield* differences(known, now);
    known = now;
    await sleep(POLL_MS, undefined, { signal });
  }
}

function* differences(known: ReadonlyMap<string, JsonObject>, now: ReadonlyMap<string, JsonObject>): Generator<Told> {
  for (const [id, thing] of now) {
    const before = known.get(id);
    if (!before) yield { kind: "CREATED", id, thing };
    else if (JSON.stringify(before) !== JSON.stringify(thing)) yield { kind: "UPDATED", id, thing };
  }
  for (const id of known.keys()) if (!now.has(id)) yield { kind: "DELETED", id, thing: undefined };
}
