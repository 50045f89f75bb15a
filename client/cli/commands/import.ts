import { parseEnv } from "node:util";
import type { JsonObject } from "@bufbuild/protobuf";
import { Command } from "commander";
import { wantedOf } from "../apply/manifest.ts";
import { plan, readPresent } from "../apply/plan.ts";
import { reportFailure, UsageError } from "../failure.ts";
import { importBifrost } from "../import/bifrost/bifrost.ts";
import type { Finding } from "../import/findings.ts";
import type { Imported } from "../import/imported.ts";
import { carryOutKeys, type KeyStep, NewKeys, planKeys } from "../import/keys.ts";
import { importLangfuse } from "../import/langfuse/langfuse.ts";
import { readKeyTexts } from "../import/litellm/keys.ts";
import { importLitellm } from "../import/litellm/litellm.ts";
import { importOpenWebui } from "../import/openwebui/openwebui.ts";
import type { Variables } from "../import/variables.ts";
import { addExamples, type Invocation, invocationOf } from "../invocation.ts";
import { parseYaml, readObject } from "../resources/input.ts";
import { confirm } from "../resources/noun-commands.ts";
import { writeRows } from "../terminal/output.ts";
import { readFile } from "../terminal/secrets.ts";
import { printable } from "../terminal/terminal.ts";
import { carryOutTold, tellSteps } from "./apply.ts";

interface ImportFlags {
  readonly envFile?: string;
  readonly keys?: string;
  readonly keyTexts?: string;
  readonly newKeys?: string;
  readonly models?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** `patchbay import`: the configuration of another gateway. */
export function importCommand(): Command {
  const command = new Command("import").description("take the configuration of another gateway over");
  command.helpGroup("Configuration in files:");
  for (const each of [litellm(), openwebui(), bifrost(), langfuse()]) command.addCommand(each);
  return command;
}

function litellm(): Command {
  const command = new Command("litellm").description("of a LiteLLM proxy: its config.yaml, and its virtual keys");
  command
    .option("--keys <path>", "its virtual keys: GET /key/list?return_full_object=true, or its table as JSON")
    .option("--key-texts <path>", "a file with the texts of these keys, one in a line: they go on to work")
    .option("--new-keys <path>", "make new keys of those whose text is not given, and write them there");
  const examples = [
    "patchbay import litellm config.yaml --dry-run",
    "patchbay import litellm config.yaml --env-file .env --yes",
    "patchbay import litellm config.yaml --env-file .env --keys keys.json --key-texts texts.txt --new-keys new.tsv --yes",
  ];
  return addImport(command, examples, (config, variables, { keys, keyTexts, newKeys }) =>
    importLitellm(
      config,
      variables,
      keys === undefined
        ? undefined
        : {
            dump: parseYaml(readFile(keys), keys),
            texts: readKeyTexts(keyTexts === undefined ? "" : readFile(keyTexts)),
            makesNew: newKeys !== undefined,
          },
    ),
  );
}

function openwebui(): Command {
  const command = new Command("openwebui").description("of Open WebUI: its exported configuration, and its models");
  command.option("--models <path>", "models of the workspace, as it exports them");
  const examples = ["patchbay import openwebui webui.json --models webui-models.json --dry-run"];
  return addImport(command, examples, (config, _, { models }) =>
    importOpenWebui(config, models === undefined ? [] : parseYaml(readFile(models), models)),
  );
}

function bifrost(): Command {
  const command = new Command("bifrost").description("of Bifrost: its config.json, with its virtual keys");
  const examples = ["patchbay import bifrost bifrost.json --env-file .env --dry-run"];
  return addImport(command, examples, importBifrost);
}

function langfuse(): Command {
  const command = new Command("langfuse").description("of Langfuse: what GET /api/public/llm-connections answers");
  command.option("--models <path>", "prices: what GET /api/public/models answers");
  const examples = ["patchbay import langfuse connections.json --models langfuse-models.json --dry-run"];
  return addImport(command, examples, (connections, variables, { models }) => {
    const prices = models === undefined ? {} : parseYaml(readFile(models), models);
    return importLangfuse(connections, prices as JsonObject, variables);
  });
}

/** What all imports have in common: a finding for each field, a plan, a question, and then it is done. */
function addImport(
  command: Command,
  examples: readonly string[],
  read: (config: JsonObject, variables: Variables, flags: ImportFlags) => Imported,
): Command {
  command
    .argument("<config>", "a YAML or JSON file; - is the standard input")
    .option("--env-file <path>", "a file of NAME=value, whose keys are taken along; without it they stay references")
    .option("--dry-run", "only tell what would become of each field")
    .option("-y, --yes", "do not ask");
  return addExamples(command, examples).action(async (path: string, flags: ImportFlags) => {
    const invocation = invocationOf(command);
    const config = await readObject(path);
    await carryOver(invocation, path, read(config, variablesIn(flags.envFile), flags), flags);
  });
}

async function carryOver(invocation: Invocation, path: string, imported: Imported, flags: ImportFlags): Promise<void> {
  const { terminal, format } = invocation;
  const { llms, providers, routes, keys, findings } = imported;
  await writeRows(terminal, pagesOf(findings), { format, columns: COLUMNS, id: "path" });
  if (llms.length + providers.length + keys.length === 0) {
    throw new UsageError(`${path} holds nothing that can be taken.`);
  }
  const wanted = wantedOf({ providers, llms, routes }, path);
  const connection = await invocation.connect();
  const steps = await plan(connection, wanted, await readPresent(connection), undefined);
  const keySteps = await planKeys(connection, keys);
  if (format === "table") {
    terminal.write("\n");
    if (steps.length > 0 || keySteps.length === 0) tellSteps(invocation, steps);
    tellKeys(invocation, keySteps);
  }
  if (steps.length + keySteps.length === 0 || flags.dryRun) return;
  if (!flags.yes) await confirm(terminal, "Import this?");
  const isNew = keySteps.some(({ verb, key }) => verb === "create" && key.secret === undefined);
  const newKeys = isNew && flags.newKeys !== undefined ? new NewKeys(flags.newKeys) : undefined;
  if (steps.length > 0) await carryOutTold(invocation, connection, steps);
  // Their names have to be there.
  const failed = await carryOutKeys(connection, keySteps, newKeys);
  newKeys?.close();
  for (const { key, error } of failed) {
    terminal.note(`key ${key.displayName}:`);
    process.exitCode = reportFailure(error, terminal);
  }
  if (keySteps.length > 0) terminal.note(`${keySteps.length - failed.length} of ${keySteps.length} keys done.`);
  if (newKeys) terminal.note(`New keys are in ${flags.newKeys}; nothing shows them again.`);
}

function tellKeys({ terminal }: Pick<Invocation, "terminal">, steps: readonly KeyStep[]): void {
  for (const { verb, key } of steps) {
    const isMade = verb === "create";
    const mark = `${isMade ? "+" : "~"} key ${printable(key.displayName)}`;
    terminal.write(`${terminal.style(isMade ? "green" : "yellow", mark)}\n`);
    terminal.writeData(`    limits: ${JSON.stringify(key.limits)}\n`);
  }
}

function variablesIn(envFile: string | undefined): Variables {
  const variables = envFile === undefined ? {} : parseEnv(readFile(envFile));
  return new Map(Object.entries(variables).flatMap(([name, value]) => (value ? [[name, value] as const] : [])));
}

async function* pagesOf(findings: readonly Finding[]) {
  yield findings.map((finding) => ({ ...finding }));
}

const COLUMNS = ["path", "verdict", "message"].map((field) => ({
  title: field.toUpperCase(),
  show: (row: Record<string, unknown>) => String(row[field]),
}));
