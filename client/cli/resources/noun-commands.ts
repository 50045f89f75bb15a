import { randomUUID } from "node:crypto";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Command } from "commander";
import { UsageError } from "../failure.ts";
import { addExamples, type Invocation, invocationOf } from "../invocation.ts";
import { writeRows, writeThing } from "../terminal/output.ts";
import { promptLine, promptSecret, readCredentials } from "../terminal/secrets.ts";
import { editCommand } from "./edit-command.ts";
import { explainCommand } from "./explain-command.ts";
import { readFlags, readSource } from "./input.ts";
import { withLlmNames } from "./llm-names.ts";
import {
  addFlags,
  addInputs,
  argumentOf,
  getThing,
  readInputs,
  resolve,
  type Values,
  withReferences,
} from "./noun-inputs.ts";
import { NOUNS, type Noun, thingIn } from "./nouns.ts";
import { namesByFlags, namesByInputs } from "./option-names.ts";
import { pagesOf, readLimit } from "./pages.ts";
import { routes } from "./route-noun.ts";
import { tellStatuses } from "./statuses.ts";
import { watchNoun } from "./watch.ts";

/** `patchbay llms …` and its kin. */
export function nounCommands(): Command[] {
  return NOUNS.map((noun) => {
    const command = new Command(noun.plural).alias(noun.singular).description(noun.about).helpGroup("Resources:");
    command.addCommand(listCommand(noun));
    command.addCommand(getCommand(noun));
    if (noun.create) command.addCommand(createCommand(noun));
    if (noun.create) command.addCommand(editCommand(noun));
    if (noun.delete) command.addCommand(deleteCommand(noun));
    command.addCommand(watchNoun(noun));
    if (noun === routes) command.addCommand(explainCommand());
    return command;
  });
}

function listCommand(noun: Noun): Command {
  const command = new Command("list").alias("ls").description(`list ${noun.plural}, all of them`);
  addFlags(command, noun.filters).option("--limit <count>", "no more than so many");
  return addExamples(command, noun.examples.list ?? []).action(async (values) => {
    const invocation = invocationOf(command);
    const connection = await invocation.connect(namesByFlags(noun.filters));
    const filter = await withReferences(connection, readFlags(noun.filters, values));
    const limit = readLimit(values.limit);
    const { terminal, format } = invocation;
    const pages = pagesOf(connection, noun, filter, limit);
    const shown = format === "table" && noun.namesLlms ? withLlmNames(connection, pages) : pages;
    await writeRows(terminal, shown, { ...noun, format });
  });
}

function getCommand(noun: Noun): Command {
  const command = new Command("get").description(`show one of the ${noun.plural} in full`);
  command.argument(`<${argumentOf(noun)}>`);
  return addExamples(command, noun.examples.get ?? []).action(async (word) => {
    const { connect, terminal, format } = invocationOf(command);
    writeThing(terminal, await getThing(await connect(), noun, word), format, noun.id);
  });
}

function createCommand(noun: Noun): Command {
  const command = new Command("create").description(`make one of the ${noun.plural}`);
  if (noun.namedBy) command.argument("[name]", "what programs call it");
  addInputs(command, noun);
  if (canTry(noun)) command.option("--dry-run", "say what would come of it, and write nothing");
  return addExamples(command, noun.examples.create ?? []).action(async (...words: unknown[]) => {
    const [name, values] = noun.namedBy ? (words as [string | undefined, Values]) : [undefined, words[0] as Values];
    const invocation = invocationOf(command);
    const source = await readSource(values.file);
    const connection = await invocation.connect(namesByInputs(noun, values, source));
    const request = await readInputs(noun, values, source, connection);
    if (name !== undefined && noun.namedBy) request[noun.namedBy] = name;
    // People have to call it something; what programs call it will do.
    if (noun.namedAfter && !request.displayName) request.displayName = firstOf(request, noun.namedAfter);
    await addCredentials(noun, request, values, invocation);
    // So that a call whose answer is lost can be made again by the transport without making two.
    request.requestId ??= randomUUID();
    if (values.dryRun) request.validateOnly = true;
    const answer = await connection.call(noun.create as NonNullable<Noun["create"]>, request);
    tellStatuses(invocation, answer);
    writeMade(invocation, noun, answer, values.dryRun ?? false);
  });
}

function firstOf(request: JsonObject, fields: readonly string[]): JsonValue {
  return fields.map((field) => request[field]).find(Boolean) ?? "";
}

function canTry({ create }: Noun): boolean {
  return create?.input.fields.some(({ jsonName }) => jsonName === "validateOnly") ?? false;
}

/** Endpoints that mostly want a key: a person is asked for it. */
const WANTS_KEY = new Set(["OPENAI", "ANTHROPIC", "OPEN_ROUTER", "DASHSCOPE"]);

async function addCredentials(
  noun: Noun,
  request: JsonObject,
  values: Values,
  { terminal, environment }: Invocation,
): Promise<void> {
  if (!noun.takesCredentials) return;
  const credentials = await readCredentials(values, environment);
  if (credentials) request.credentials = credentials;
  if (request.credentials || request.providerId || !WANTS_KEY.has(String(request.providerType))) return;
  const secret = await promptSecret(terminal, "API key of the endpoint (empty for none): ");
  if (secret !== "") request.credentials = { apiKey: { inlineSecret: secret } };
}

/** A key that is made is shown this once, alone on the output, so that a script can take it. */
function writeMade({ terminal, format }: Invocation, noun: Noun, answer: JsonObject, isTrial: boolean): void {
  const thing = thingIn(noun, answer);
  const key = answer.key === undefined ? {} : { key: answer.key };
  if (format !== "table") {
    writeThing(terminal, { ...thing, ...key }, format, noun.id);
    return;
  }
  const done = isTrial ? "would be made" : "made";
  terminal.note(
    `${noun.singular} ${done}: ${thing.displayName ? `${thing.displayName} (${thing[noun.id]})` : thing[noun.id]}`,
  );
  if (answer.key !== undefined) {
    terminal.note("This is the only time that the key is shown:");
    terminal.writeData(`${answer.key}\n`);
  } else if (!isTrial) {
    terminal.writeData(`${thing[noun.id]}\n`);
  }
}

function deleteCommand(noun: Noun): Command {
  const verb = noun.plural === "keys" ? "revoke: from now on it is refused, for ever" : "delete";
  const command = new Command("delete").alias("rm").description(`${verb}; several may be named`);
  command.argument(`<${argumentOf(noun)}...>`).option("-y, --yes", "do not ask");
  return addExamples(command, noun.examples.delete ?? []).action(async (words: string[], values: Values) => {
    const { connect, terminal } = invocationOf(command);
    const connection = await connect();
    const ids: string[] = [];
    for (const word of words) ids.push(await resolve(connection, noun, word));
    if (!values.yes)
      await confirm(
        terminal,
        `Delete ${ids.length === 1 ? `${noun.singular} ${ids[0]}` : `${ids.length} ${noun.plural}`}?`,
      );
    for (const id of ids) {
      await connection.call(noun.delete as NonNullable<Noun["delete"]>, { [noun.id]: id, requestId: randomUUID() });
      terminal.note(`${noun.singular} deleted: ${id}`);
    }
  });
}

/** Where nobody can be asked, --yes is the answer. */
export async function confirm(terminal: Invocation["terminal"], question: string): Promise<void> {
  if (!terminal.isInteractive) throw new UsageError(`${question} There is no terminal to ask on: say --yes.`);
  const answer = await promptLine(terminal, `${question} (yes/no) `, "no");
  if (!answer.toLowerCase().startsWith("y")) throw new UsageError("Nothing was done.", { exitCode: 130 });
}
