import type { JsonObject } from "@bufbuild/protobuf";
import { type Command, Option } from "commander";
import type { Connection } from "../calls/connection.ts";
import { resolveLlm } from "../calls/references.ts";
import { UsageError } from "../failure.ts";
import { addSecretFlags, collect } from "../invocation.ts";
import type { SecretFlags } from "../terminal/secrets.ts";
import { readFlags, type Source, setPath } from "./input.ts";
import { type Flag, type Noun, thingIn } from "./nouns.ts";

export function argumentOf({ argument, id }: Noun): string {
  return argument ?? id;
}

export async function getThing(connection: Connection, noun: Noun, word: string): Promise<JsonObject> {
  const id = await resolve(connection, noun, word);
  return thingIn(noun, await connection.call(noun.get, { [noun.id]: id }));
}

export async function resolve(connection: Connection, noun: Noun, word: string): Promise<string> {
  return noun.id === "llmId" ? resolveLlm(connection, word) : word.replace(new RegExp(`^${noun.singular}s?/`), "");
}

/** Llms are named as people name them; the contract wants their ids. */
export async function withReferences(connection: Connection, fields: JsonObject): Promise<JsonObject> {
  if (typeof fields.llmId !== "string") return fields;
  return { ...fields, llmId: await resolveLlm(connection, fields.llmId) };
}

export function addFlags(command: Command, flags: readonly Flag[]): Command {
  for (const { name, value, help, choices } of flags) {
    const option = new Option(`--${name} <${value}>`, help);
    if (choices) option.choices(choices).argParser((word) => readChoice(name, word, choices));
    if (value === "key=value" || value === "llms") option.argParser(collect);
    command.addOption(option);
  }
  return command;
}

/** Words of an enum are taken in any case, and with dashes. */
export function readChoice(flag: string, word: string, choices: readonly string[]): string {
  const wanted = word.toUpperCase().replaceAll("-", "_");
  if (choices.includes(wanted)) return wanted;
  throw new UsageError(`--${flag} is "${word}"; it must be one of ${choices.join(", ")}.`);
}

export function addInputs(command: Command, noun: Noun): Command {
  addFlags(command, noun.flags)
    .option("-f, --file <path>", "fields from a YAML or JSON file; - is the standard input")
    .option("--set <path=value>", "any field, such as price.input=2.5; may be repeated", collect);
  if (noun.takesCredentials) addSecretFlags(command, "the key of the endpoint", true);
  return command;
}

/** What file, flags and --set say together, in this order. */
export async function readInputs(
  noun: Noun,
  values: Values,
  source: Source,
  connection: Connection,
): Promise<JsonObject> {
  const fields = { ...source.fields };
  Object.assign(fields, await withReferences(connection, readFlags(noun.flags, { ...values })));
  for (const assignment of values.set ?? []) setPath(fields, assignment);
  return fields;
}

export interface Values extends SecretFlags {
  readonly file?: string;
  readonly set?: string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}
