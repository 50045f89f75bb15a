import { randomUUID } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { Command } from "commander";
import type { Connection } from "../calls/connection.ts";
import { isCallError, UsageError } from "../failure.ts";
import { addExamples, type Invocation, invocationOf } from "../invocation.ts";
import { changesIn, editableText, openEditor } from "../terminal/edit.ts";
import { writeThing } from "../terminal/output.ts";
import { promptLine, readCredentials } from "../terminal/secrets.ts";
import { isObject, readSource } from "./input.ts";
import { addInputs, argumentOf, getThing, readInputs, type Values } from "./noun-inputs.ts";
import { type Noun, thingIn } from "./nouns.ts";
import { namesByInputs } from "./option-names.ts";
import { tellStatuses } from "./statuses.ts";
import { updateRequest } from "./updates.ts";

/** `… edit`: by flags, or in an editor. */
export function editCommand(noun: Noun): Command {
  const command = new Command("edit").description(`change one of the ${noun.plural}: by flags, or in your editor`);
  command.argument(`<${argumentOf(noun)}>`);
  addInputs(command, { ...noun, flags: noun.flags.filter(({ name }) => name !== "owner" && name !== "account") });
  return addExamples(command, noun.examples.edit ?? []).action(async (word: string, values: Values) => {
    const invocation = invocationOf(command);
    const source = await readSource(values.file);
    // In an editor, fields are called as the contract does.
    const isByHand = Object.keys(values).length === 0;
    const connection = await invocation.connect(isByHand ? undefined : namesByInputs(noun, values, source));
    const before = await getThing(connection, noun, word);
    const credentials = noun.takesCredentials ? await readCredentials(values, invocation.environment) : undefined;
    const given = await readInputs(noun, values, source, connection);
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
  const { ownerId, llmId, amountUsd, period, mode } = before;
  return Object.fromEntries(
    Object.entries({ ownerId, llmId, amountUsd, period, mode, ...changes }).filter(([, value]) => value !== undefined),
  ) as JsonObject;
}
