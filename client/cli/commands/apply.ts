import type { JsonValue } from "@bufbuild/protobuf";
import { Command } from "commander";
import { exportManifest } from "../apply/export.ts";
import { readManifests, secretsHere } from "../apply/manifest.ts";
import { plan, readPresent, type Step } from "../apply/plan.ts";
import { carryOut } from "../apply/steps.ts";
import type { Connection } from "../calls/connection.ts";
import { EXIT, reportFailure, UsageError } from "../failure.ts";
import { addExamples, collect, type Invocation, invocationOf } from "../invocation.ts";
import { readPair } from "../resources/input.ts";
import { confirm } from "../resources/noun-commands.ts";
import { writeValue } from "../terminal/output.ts";
import { printable, type Terminal } from "../terminal/terminal.ts";

interface ApplyFlags {
  readonly file: string[];
  readonly prune?: string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

const HELP = `
A manifest has providers, llms, routes and budgets, each a list. An Llm is known again by its alias. Only fields that one
names are changed. A secret is not written into it: credentials.apiKey.secretFrom says where it is here ({env: NAME},
{file: PATH}, {stdin: true}), secretRef: {uri: …} where the server finds it. docs/apply.md has an example.
`;

/** `apply`, `diff` and `export`: configuration that is kept in files. */
export function applyCommands(): Command[] {
  return [apply(), diff(), exporting()].map((command) => command.helpGroup("Configuration in files:"));
}

function apply(): Command {
  const command = new Command("apply").description(
    "make what is there what manifests say; tells what it will do first",
  );
  addSources(command).option("--dry-run", "only tell what it would do").option("-y, --yes", "do not ask");
  command.addHelpText("after", HELP);
  const examples = ["patchbay apply -f team.yaml --dry-run", "patchbay apply -f config/ --prune managed-by=git --yes"];
  return addExamples(command, examples).action(async (flags: ApplyFlags) => {
    const invocation = invocationOf(command);
    const { terminal } = invocation;
    const connection = await invocation.connect();
    const steps = await planOf(invocation, flags);
    tellSteps(invocation, steps);
    if (steps.length === 0 || flags.dryRun) return;
    if (!flags.yes) await confirm(terminal, "Apply this?");
    await carryOutTold(invocation, connection, steps);
  });
}

/** Carries a plan out, with progress, and tells what failed. */
export async function carryOutTold(
  { terminal }: Pick<Invocation, "terminal">,
  connection: Connection,
  steps: readonly Step[],
): Promise<void> {
  const { done, failed } = await carryOut(connection, steps, (count, total) =>
    terminal.progress(`${count} of ${total}`),
  );
  for (const { step, error } of failed) {
    terminal.note(`${step.kind.replace(/s$/, "")} ${step.name}:`);
    process.exitCode = reportFailure(error, terminal);
  }
  terminal.note(`${done} of ${steps.length} done.${failed.length > 0 ? " Apply again when the rest is mended." : ""}`);
}

function addSources(command: Command): Command {
  return command
    .requiredOption("-f, --file <path>", "a file, a folder of them, or -; may be repeated", collect)
    .option("--prune <label=value>", "also delete Llms with this label that no manifest names", collect);
}

async function planOf(invocation: Invocation, { file, prune }: ApplyFlags): Promise<Step[]> {
  const wanted = await readManifests(file, secretsHere(invocation.environment));
  if (wanted.length === 0 && prune) throw new UsageError("the manifests are empty: with --prune, everything would go.");
  const connection = await invocation.connect();
  const present = await readPresent(connection);
  const labels = prune && Object.fromEntries(prune.map((pair) => readPair("prune", pair)));
  return plan(connection, wanted, present, labels);
}

function diff(): Command {
  const command = new Command("diff").description(
    "tell how what is there differs from manifests; ends with 7 if it does",
  );
  addSources(command);
  const examples = ["patchbay diff -f team.yaml || test $? = 7"];
  return addExamples(command, examples).action(async (flags: ApplyFlags) => {
    const invocation = invocationOf(command);
    const steps = await planOf(invocation, flags);
    tellSteps(invocation, steps);
    if (steps.length > 0) process.exitCode = EXIT.negative;
  });
}

function exporting(): Command {
  const command = new Command("export").description("write what is there as a manifest, without secrets");
  return addExamples(command, ["patchbay export > team.yaml"]).action(async () => {
    const { connect, terminal } = invocationOf(command);
    const connection = await connect();
    terminal.writeData(exportManifest(await readPresent(connection), connection.url));
  });
}

const MARKS = { create: "+", update: "~", delete: "-" } as const;
const STYLES = { create: "green", update: "yellow", delete: "red" } as const;

export function tellSteps({ terminal, format }: Pick<Invocation, "terminal" | "format">, steps: readonly Step[]) {
  if (format === "json" || format === "yaml") {
    const told = steps.map(({ kind, verb, name, id, changes }) => ({ kind, verb, name, id, changes }));
    return writeValue(terminal, told as unknown as JsonValue, format);
  }
  if (format === "name") return terminal.writeData(steps.map(({ kind, name }) => `${kind}/${name}\n`).join(""));
  if (steps.length === 0) terminal.note("Everything is as it shall be.");
  for (const step of steps) tellStep(terminal, step);
}

function tellStep(terminal: Terminal, { kind, verb, name, changes }: Step): void {
  terminal.write(`${terminal.style(STYLES[verb], `${MARKS[verb]} ${kind.replace(/s$/, "")} ${printable(name)}`)}\n`);
  for (const { field, from, to } of changes) {
    const before = verb === "create" ? "" : `${shown(field, from)} → `;
    terminal.writeData(`    ${field}: ${before}${shown(field, to)}\n`);
  }
}

/** Of credentials, never more than their hint. */
function shown(field: string, value: JsonValue | undefined): string {
  if (value === undefined || value === null || value === "") return "(unset)";
  return typeof value === "string" || field === "credentials" ? String(value) : JSON.stringify(value);
}
