import { randomUUID } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { Command, Option } from "commander";
import type { Connection } from "../calls/connection.ts";
import { resolveLlm } from "../calls/references.ts";
import { isCallError, UsageError } from "../failure.ts";
import { addExamples, addSecretFlags, collect, type Invocation, invocationOf } from "../invocation.ts";
import { changesIn, editableText, openEditor } from "../terminal/edit.ts";
import { writeRows, writeThing } from "../terminal/output.ts";
import { promptLine, promptSecret, readCredentials, type SecretFlags } from "../terminal/secrets.ts";
import { isObject, readFlags, readObject, setPath } from "./input.ts";
import { type Flag, NOUNS, type Noun, thingIn } from "./nouns.ts";
import { updateRequest } from "./updates.ts";
import { watchNoun } from "./watch.ts";

/** The most rows that one call may ask for. */
const PAGE_SIZE = 1_000;

/** `patchbay llms …` and its kin. */
export function nounCommands(): Command[] {
  return NOUNS.map((noun) => {
    const command = new Command(noun.plural).description(noun.about).helpGroup("Resources:");
    command.addCommand(listCommand(noun));
    command.addCommand(getCommand(noun));
    if (noun.create) command.addCommand(createCommand(noun));
    if (noun.create) command.addCommand(editCommand(noun));
    if (noun.delete) command.addCommand(deleteCommand(noun));
    command.addCommand(watchNoun(noun));
    return command;
  });
}

function addFlags(command: Command, flags: readonly Flag[]): Command {
  for (const { name, value, help, choices } of flags) {
    const option = new Option(`--${name} <${value}>`, help);
    if (choices) option.choices(choices).argParser((word) => readChoice(name, word, choices));
    if (value === "key=value") option.argParser(collect);
    command.addOption(option);
  }
  return command;
}

/** Words of an enum are taken in any case, and with dashes. */
function readChoice(flag: string, word: string, choices: readonly string[]): string {
  const wanted = word.toUpperCase().replaceAll("-", "_");
  if (choices.includes(wanted)) return wanted;
  throw new UsageError(`--${flag} is "${word}"; it must be one of ${choices.join(", ")}.`);
}

function listCommand(noun: Noun): Command {
  const command = new Command("list").alias("ls").description(`list ${noun.plural}, all of them`);
  addFlags(command, noun.filters).option("--limit <count>", "no more than so many");
  return addExamples(command, noun.examples.list ?? []).action(async (values) => {
    const invocation = invocationOf(command);
    const connection = await invocation.connect();
    const filter = await withReferences(connection, readFlags(noun.filters, values));
    const limit = readLimit(values.limit);
    const { terminal, format } = invocation;
    await writeRows(terminal, pagesOf(connection, noun, filter, limit), { ...noun, format });
  });
}

export function readLimit(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`--limit is "${text}"; it must be a number from 1 on.`);
}

/** The pages of a list, each asked for when it is wanted. */
export async function* pagesOf(
  connection: Connection,
  noun: Pick<Noun, "list" | "items">,
  filter: JsonObject,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<JsonObject[]> {
  let pageToken = "";
  let left = limit;
  do {
    const page = await connection.call(noun.list, { ...filter, pageSize: Math.min(left, PAGE_SIZE), pageToken });
    const rows = (page[noun.items] ?? []) as JsonObject[];
    yield rows;
    left -= rows.length;
    pageToken = String(page.nextPageToken ?? "");
  } while (pageToken !== "" && left > 0);
}

function argumentOf({ argument, id }: Noun): string {
  return argument ?? id;
}

function getCommand(noun: Noun): Command {
  const command = new Command("get").description(`show one of the ${noun.plural} in full`);
  command.argument(`<${argumentOf(noun)}>`);
  return addExamples(command, noun.examples.get ?? []).action(async (word) => {
    const { connect, terminal, format } = invocationOf(command);
    writeThing(terminal, await getThing(await connect(), noun, word), format, noun.id);
  });
}

export async function getThing(connection: Connection, noun: Noun, word: string): Promise<JsonObject> {
  const id = await resolve(connection, noun, word);
  return thingIn(noun, await connection.call(noun.get, { [noun.id]: id }));
}

async function resolve(connection: Connection, noun: Noun, word: string): Promise<string> {
  return noun.id === "llmId" ? resolveLlm(connection, word) : word.replace(new RegExp(`^${noun.singular}s?/`), "");
}

/** Llms are named as people name them; the contract wants their ids. */
async function withReferences(connection: Connection, fields: JsonObject): Promise<JsonObject> {
  if (typeof fields.llmId !== "string") return fields;
  return { ...fields, llmId: await resolveLlm(connection, fields.llmId) };
}

function addInputs(command: Command, noun: Noun): Command {
  addFlags(command, noun.flags)
    .option("-f, --file <path>", "fields from a YAML or JSON file; - is the standard input")
    .option("--set <path=value>", "any field, such as price.input=2.5; may be repeated", collect);
  if (noun.takesCredentials) addSecretFlags(command, "the key of the endpoint", true);
  return command;
}

/** What file, flags and --set say together, in this order. */
async function readInputs(noun: Noun, values: Values, connection: Connection): Promise<JsonObject> {
  const fields = values.file === undefined ? {} : await readObject(values.file);
  Object.assign(fields, await withReferences(connection, readFlags(noun.flags, { ...values })));
  for (const assignment of values.set ?? []) setPath(fields, assignment);
  return fields;
}

interface Values extends SecretFlags {
  readonly file?: string;
  readonly set?: string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

function createCommand(noun: Noun): Command {
  const command = new Command("create").description(`make one of the ${noun.plural}`);
  if (noun.id === "name") command.argument("[name]", "what programs call it");
  addInputs(command, noun);
  if (canTry(noun)) command.option("--dry-run", "say what would come of it, and write nothing");
  return addExamples(command, noun.examples.create ?? []).action(async (...words: unknown[]) => {
    const [name, values] =
      noun.id === "name" ? (words as [string | undefined, Values]) : [undefined, words[0] as Values];
    const invocation = invocationOf(command);
    const connection = await invocation.connect();
    const request = await readInputs(noun, values, connection);
    if (name !== undefined) request.name = name;
    await addCredentials(noun, request, values, invocation);
    // So that a call whose answer is lost can be made again by the transport without making two.
    request.requestId ??= randomUUID();
    if (values.dryRun) request.validateOnly = true;
    const answer = await connection.call(noun.create as NonNullable<Noun["create"]>, request);
    tellStatuses(invocation, answer);
    writeMade(invocation, noun, answer, values.dryRun ?? false);
  });
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

/** Remarks that may be a mistake; what was merely inferred is in the thing itself, with its source. */
export function tellStatuses({ terminal }: Pick<Invocation, "terminal">, answer: JsonObject): void {
  for (const { code, message } of (answer.statuses ?? []) as JsonObject[]) {
    if (code !== "LLM_CAPABILITY_INFERRED") terminal.note(`note: ${message}`);
  }
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
  terminal.note(`${noun.singular} ${done}: ${thing.displayName || thing[noun.id]} (${thing[noun.id]})`);
  if (answer.key !== undefined) {
    terminal.note("This is the only time that the key is shown:");
    terminal.writeData(`${answer.key}\n`);
  } else if (!isTrial) {
    terminal.writeData(`${thing[noun.id]}\n`);
  }
}

function editCommand(noun: Noun): Command {
  const command = new Command("edit").description(`change one of the ${noun.plural}: by flags, or in your editor`);
  command.argument(`<${argumentOf(noun)}>`);
  addInputs(command, { ...noun, flags: noun.flags.filter(({ name }) => name !== "owner" && name !== "account") });
  return addExamples(command, noun.examples.edit ?? []).action(async (word: string, values: Values) => {
    const invocation = invocationOf(command);
    const connection = await invocation.connect();
    const before = await getThing(connection, noun, word);
    const credentials = noun.takesCredentials ? await readCredentials(values, invocation.environment) : undefined;
    const given = await readInputs(noun, values, connection);
    const changes = mergeLabels(before, { ...given, ...(credentials ? { credentials } : {}) });
    if (Object.keys(changes).length > 0) return void (await change(invocation, connection, noun, before, changes));
    await editByHand(invocation, connection, noun, before);
  });
}

/** Labels of flags are added to those that are there. */
function mergeLabels(before: JsonObject, changes: JsonObject): JsonObject {
  if (!isObject(changes.labels)) return changes;
  return { ...changes, labels: { ...(before.labels as JsonObject), ...changes.labels } };
}

async function editByHand(
  { terminal, environment, format }: Invocation,
  connection: Connection,
  noun: Noun,
  before: JsonObject,
): Promise<void> {
  if (noun.editable.length === 0)
    throw new UsageError(`nothing of a ${noun.singular} can be changed by hand; use flags.`);
  if (!terminal.isInteractive && environment.variable("EDITOR") === undefined) {
    throw new UsageError("an editor needs a terminal. Say what to change with flags, --set or -f.");
  }
  const heading = `${noun.singular} ${before[noun.id]}. What you change is changed when you leave; to clear a field, leave it empty.`;
  let text = editableText(before, noun.editable, heading);
  for (;;) {
    const edited = openEditor(environment.editor, text);
    try {
      const changes = changesIn(before, edited, noun.editable);
      if (Object.keys(changes).length === 0) return terminal.note("Nothing was changed.");
      return await change({ terminal, format }, connection, noun, before, changes);
    } catch (error) {
      if (!terminal.isInteractive || !(error instanceof UsageError || isCallError(error))) throw error;
      const problem = (error as Error).message;
      terminal.error(problem);
      const again = await promptLine(terminal, "Edit again? (yes/no) ", "yes");
      if (!again.toLowerCase().startsWith("y")) throw error;
      const body = edited.split("\n").filter((line) => !line.startsWith("#"));
      text = `# ${problem.split("\n").join("\n# ")}\n${body.join("\n")}`;
    }
  }
}

async function change(
  { terminal, format }: Pick<Invocation, "terminal" | "format">,
  connection: Connection,
  noun: Noun,
  before: JsonObject,
  changes: JsonObject,
): Promise<void> {
  const method = (noun.update ?? noun.create) as NonNullable<Noun["create"]>;
  const knows = (field: string) => method.input.fields.some(({ jsonName }) => jsonName === field);
  const request = {
    ...(noun.update ? updateRequest(method, changes) : withKey(before, changes)),
    ...(noun.update ? { [noun.id]: before[noun.id] ?? "" } : {}),
    ...(knows("etag") ? { etag: before.etag ?? "" } : {}),
    requestId: randomUUID(),
  };
  const answer = await connection.call(method, request);
  tellStatuses({ terminal }, answer);
  if (format !== "table") return writeThing(terminal, thingIn(noun, answer), format, noun.id);
  terminal.note(`${noun.singular} changed: ${Object.keys(changes).join(", ")}`);
}

/** What is set anew as a whole, such as a budget, keeps what was not changed. */
function withKey(before: JsonObject, changes: JsonObject): JsonObject {
  const { ownerId, llmId, amount, period, mode } = before;
  return Object.fromEntries(
    Object.entries({ ownerId, llmId, amount, period, mode, ...changes }).filter(([, value]) => value !== undefined),
  ) as JsonObject;
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
