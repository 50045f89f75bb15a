import { parseEnv } from "node:util";
import { Command } from "commander";
import { wantedOf } from "../apply/manifest.ts";
import { plan, readPresent } from "../apply/plan.ts";
import { UsageError } from "../failure.ts";
import { type Finding, importLitellm } from "../import/litellm.ts";
import { addExamples, invocationOf } from "../invocation.ts";
import { readObject } from "../resources/input.ts";
import { confirm } from "../resources/noun-commands.ts";
import { writeRows } from "../terminal/output.ts";
import { readFile } from "../terminal/secrets.ts";
import { carryOutTold, tellSteps } from "./apply.ts";

interface ImportFlags {
  readonly envFile?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** `patchbay import`: the configuration of another gateway. */
export function importCommand(): Command {
  const command = new Command("import").description("take the configuration of another gateway over");
  command.helpGroup("Configuration in files:");
  const litellm = command.command("litellm").description("of a LiteLLM proxy: its config.yaml").argument("<config>");
  litellm
    .option("--env-file <path>", "a file of NAME=value, whose keys are taken along; without it they stay references")
    .option("--dry-run", "only tell what would become of each field")
    .option("-y, --yes", "do not ask");
  const examples = [
    "patchbay import litellm config.yaml --dry-run",
    "patchbay import litellm config.yaml --env-file .env --yes",
  ];
  addExamples(litellm, examples).action(async (path: string, { envFile, dryRun, yes }: ImportFlags) => {
    const invocation = invocationOf(litellm);
    const { terminal, format } = invocation;
    const variables = envFile === undefined ? {} : parseEnv(readFile(envFile));
    const known = new Map(
      Object.entries(variables).flatMap(([name, value]) => (value ? [[name, value] as const] : [])),
    );
    const { llms, providers, routes, findings } = importLitellm(await readObject(path), known);
    await writeRows(terminal, pagesOf(findings), { format, columns: COLUMNS, id: "path" });
    if (llms.length + providers.length === 0) throw new UsageError(`${path} holds no model that can be taken.`);
    const wanted = wantedOf({ providers, llms, routes }, path);
    const connection = await invocation.connect();
    const steps = await plan(connection, wanted, await readPresent(connection), undefined);
    if (format === "table") {
      terminal.write("\n");
      tellSteps(invocation, steps);
    }
    if (steps.length === 0 || dryRun) return;
    if (!yes) await confirm(terminal, "Import this?");
    await carryOutTold(invocation, connection, steps);
  });
  return command;
}

async function* pagesOf(findings: readonly Finding[]) {
  yield findings.map((finding) => ({ ...finding }));
}

const COLUMNS = ["path", "verdict", "message"].map((field) => ({
  title: field.toUpperCase(),
  show: (row: Record<string, unknown>) => String(row[field]),
}));
