import { Command, CommanderError } from "commander";
import { applyCommands } from "./commands/apply.ts";
import { auditCommand } from "./commands/audit.ts";
import { chatCommand } from "./commands/chat.ts";
import { importCommand } from "./commands/import.ts";
import { signInCommands } from "./commands/login.ts";
import { testCommands } from "./commands/tests.ts";
import { usageCommand } from "./commands/usage.ts";
import { ENVIRONMENT_HELP } from "./environment.ts";
import { EXIT, EXIT_HELP, reportFailure, UsageError } from "./failure.ts";
import { addExamples, addGlobals } from "./invocation.ts";
import { nounCommands } from "./resources/noun-commands.ts";
import { NOUNS } from "./resources/nouns.ts";
import { openTerminal } from "./terminal/terminal.ts";

const TOPICS: Readonly<Record<string, string>> = { environment: ENVIRONMENT_HELP, "exit-codes": EXIT_HELP };

/** The command, all that talks to a server by its public contract. What runs a server is added by whoever has its code. */
export function createProgram(version: string): Command {
  const program = addGlobals(new Command("patchbay")).version(version, "-v, --version");
  program
    .description("Patchbay: one place where a team plugs in its LLMs. Without a command, it starts a server.")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .showSuggestionAfterError(true)
    .helpCommand(false);
  for (const command of [...signInCommands(), ...nounCommands(), auditCommand()]) program.addCommand(command);
  for (const command of [
    ...testCommands(),
    chatCommand(),
    usageCommand(),
    ...applyCommands(),
    importCommand(),
    helpCommand(program),
    versionCommand(version),
  ]) {
    program.addCommand(command);
  }
  return program;
}

function versionCommand(version: string): Command {
  const command = new Command("version").description("tell the version of this command").helpGroup("More:");
  return addExamples(command, ["patchbay version"]).action(() => void process.stdout.write(`${version}\n`));
}

function helpCommand(program: Command): Command {
  const command = new Command("help").description("help with a command, or with: environment, exit-codes");
  command.helpGroup("More:").argument("[topic...]");
  return addExamples(command, ["patchbay help llms create", "patchbay help exit-codes"]).action((words: string[]) => {
    const topic = TOPICS[words.join(" ")];
    if (topic) return void process.stdout.write(topic);
    let found = program;
    for (const word of words) {
      const inner = found.commands.find((each) => each.name() === word || each.aliases().includes(word));
      if (!inner) throw new UsageError(`there is no help on "${words.join(" ")}". See: patchbay --help`);
      found = inner;
    }
    found.outputHelp();
  });
}

/** Runs a command line; answers with the exit code. Nothing is thrown. */
export async function runProgram(program: Command, words: readonly string[]): Promise<number> {
  // Whoever reads the output may have enough of it: `patchbay llms list | head`.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : EXIT.failed));
  makeCatchable(program);
  try {
    refuseVerbFirst(words);
    await program.parseAsync(words, { from: "user" });
    return Number(process.exitCode ?? EXIT.done);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if ((error as Error).message === "canceled") return EXIT.interrupted; // A prompt, by Ctrl-C.
    return reportFailure(error, openTerminal());
  }
}

/** Of those who are used to kubectl: what is meant comes before what to do with it. */
function refuseVerbFirst([verb, plural]: readonly string[]): void {
  const noun = NOUNS.find((each) => plural !== undefined && [each.plural, each.singular].includes(plural));
  if (!noun || !["get", "list", "create", "edit", "delete", "watch"].includes(verb ?? "")) return;
  throw new UsageError(`what is meant comes first: patchbay ${noun.plural} ${verb}`);
}

function makeCatchable(command: Command): void {
  command.exitOverride();
  for (const each of command.commands) makeCatchable(each);
}
