import type { JsonObject } from "@bufbuild/protobuf";
import { Command } from "commander";
import { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { PingService } from "../../../gen/patchbay/v1/ping_service_pb.ts";
import { namesFrom } from "../calls/field-names.ts";
import { resolveLlm } from "../calls/references.ts";
import { EXIT, UsageError } from "../failure.ts";
import { addExamples, type Invocation, invocationOf } from "../invocation.ts";
import { writeEach, writeValue } from "../terminal/output.ts";
import { printable, type Terminal } from "../terminal/terminal.ts";

/** `test`, `ping` and `models`: what endpoints do. */
export function testCommands(): Command[] {
  return [test(), ping(), models()].map((command) => command.helpGroup("Using Llms:"));
}

function test(): Command {
  const command = new Command("test").description("prove that Llms work, with one small, real chat each");
  command.argument("<llm...>").option("--slot <slot>", "which of its credentials: CURRENT, PENDING or PREVIOUS");
  const examples = ["patchbay test demo", "patchbay llms list -o name | xargs patchbay test -o json"];
  return addExamples(command, examples).action(async (words: string[], { slot }: { slot?: string }) => {
    const { connect, terminal, format } = invocationOf(command);
    const connection = await connect(namesFrom({ slot: "--slot" }));
    const isGood: boolean[] = [];
    for (const word of words) {
      const llmId = await resolveLlm(connection, word);
      terminal.progress(`testing ${word} …`);
      const input = { llmId, ...(slot ? { slot: slot.toUpperCase() } : {}) };
      const { test: result } = await connection.call(LlmService.method.testLlm, input);
      isGood.push(tellTest(terminal, format, word, result as JsonObject));
    }
    if (isGood.includes(false)) process.exitCode = EXIT.negative;
  });
}

const MARKS: Readonly<Record<string, string>> = { PASSED: "✓", FAILED: "✗", SKIPPED: "-", INCONCLUSIVE: "?" };

/** Whether the verdict is OK. */
function tellTest(terminal: Terminal, format: Invocation["format"], word: string, test: JsonObject): boolean {
  const isOk = test.outcome === "OK";
  if (format !== "table") {
    if (format === "name") terminal.writeData(`${test.outcome}\n`);
    else writeEach(terminal, test, format);
    return isOk;
  }
  const { outcome, message, latencyMs, model } = test;
  const took = latencyMs ? `${latencyMs} ms` : "";
  const about = [model, took].filter(Boolean).join(", ");
  terminal.write(`${terminal.style(isOk ? "green" : "red", String(outcome))}  `);
  terminal.write(`${printable(about ? `${word} (${about})` : word)}\n`);
  if (message) terminal.writeData(`    ${message}\n`);
  for (const stage of (test.stages ?? []) as JsonObject[]) {
    const mark = MARKS[String(stage.state)] ?? " ";
    terminal.writeData(`    ${mark} ${String(stage.name).toLowerCase()}${stage.message ? `: ${stage.message}` : ""}\n`);
  }
  return isOk;
}

function ping(): Command {
  const command = new Command("ping").description("measure how fast an Llm replies, by small, real chats");
  command
    .argument("<llm>")
    .option("--count <count>", "how many", "5")
    .option("--interval <ms>", "from the beginning of one to that of the next", "1000");
  const examples = ["patchbay ping demo --count 2 --interval 100"];
  return addExamples(command, examples).action(async (word: string, flags: { count: string; interval: string }) => {
    const { connect, terminal, format } = invocationOf(command);
    const connection = await connect(namesFrom({ count: "--count", intervalMs: "--interval" }));
    const llmId = await resolveLlm(connection, word);
    const input = { llmId, count: number("count", flags.count), intervalMs: number("interval", flags.interval) };
    let replied = 0;
    for await (const event of connection.stream(PingService.method.pingStream, input)) {
      if (format !== "table") writeEach(terminal, event, format);
      else if (event.ping) tellPing(terminal, event.ping as JsonObject);
      else tellSummary(terminal, event.summary as JsonObject);
      if (event.summary) replied = Number((event.summary as JsonObject).replied);
    }
    if (replied === 0) process.exitCode = EXIT.negative;
  });
}

function number(flag: string, text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new UsageError(`--${flag} is "${text}"; it must be a whole number.`);
}

function tellPing(terminal: Terminal, { sequence, test }: JsonObject): void {
  const { outcome, message, firstTokenMs, latencyMs } = test as JsonObject;
  const isOk = outcome === "OK";
  const told = isOk ? `first token ${firstTokenMs ?? "?"} ms, reply ${latencyMs} ms` : `${outcome}: ${message}`;
  terminal.writeData(`${sequence}: ${told}\n`);
}

function tellSummary(terminal: Terminal, { sent, replied, firstToken, latency }: JsonObject): void {
  terminal.writeData(`${replied} of ${sent} replied\n`);
  for (const [name, spread] of Object.entries({ "first token": firstToken, reply: latency })) {
    const { minMs, medianMs, p95Ms, maxMs } = (spread ?? {}) as JsonObject;
    if (medianMs === undefined) continue;
    terminal.writeData(`  ${name.padEnd(12)}min ${minMs}  median ${medianMs}  p95 ${p95Ms}  max ${maxMs} ms\n`);
  }
}

function models(): Command {
  const command = new Command("models").description("ask the endpoint of an Llm which models it serves");
  command.argument("<llm>");
  return addExamples(command, ["patchbay models demo"]).action(async (word: string) => {
    const { connect, terminal, format } = invocationOf(command);
    const connection = await connect();
    const llmId = await resolveLlm(connection, word);
    const answer = await connection.call(LlmService.method.listLlmModels, { llmId });
    const found = (answer.models ?? []) as JsonObject[];
    if (format === "json" || format === "yaml") return writeValue(terminal, found, format);
    for (const { modelIdentifier } of found) terminal.writeData(`${modelIdentifier}\n`);
  });
}
