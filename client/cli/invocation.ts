import { type Command, Option } from "commander";
import { type Connection, connect } from "./calls/connection.ts";
import type { NameOf } from "./calls/field-names.ts";
import { type Environment, readEnvironment } from "./environment.ts";
import { UsageError } from "./failure.ts";
import { FORMATS, type Format } from "./terminal/output.ts";
import { REFUSED_FLAGS, refuseSecretFlag } from "./terminal/secrets.ts";
import { openTerminal, type Terminal } from "./terminal/terminal.ts";

/** What every command has at hand. */
export interface Invocation {
  readonly environment: Environment;
  readonly terminal: Terminal;
  /** What -o says; undefined: what suits people. */
  readonly format: Format;
  /** The server that flags, environment or contexts name; its errors speak of fields as they were typed. */
  connect(nameOf?: NameOf): Promise<Connection>;
}

interface Globals {
  readonly context?: string;
  readonly url?: string;
  readonly output?: Format;
  readonly quiet?: boolean;
  readonly timeout?: string;
}

/** The options of every command. */
export function addGlobals(program: Command): Command {
  return program
    .option("-c, --context <name>", "the server to talk to, as login named it")
    .option("-u, --url <url>", "the address of the server, in place of a context's")
    .addOption(new Option("-o, --output <format>", "how results are written").choices(FORMATS))
    .option("-q, --quiet", "results and errors only")
    .option("--timeout <seconds>", "how long a call may take");
}

/** Reads the options of every command. */
export function invocationOf(command: Command): Invocation {
  const { context, url, output = "table", quiet = false, timeout } = command.optsWithGlobals<Globals>();
  const environment = readEnvironment();
  if (timeout !== undefined && !/^[1-9]\d{0,5}$/.test(timeout)) {
    throw new UsageError(`--timeout is "${timeout}"; it must be a number of seconds.`);
  }
  const target = { context, url, timeoutSeconds: timeout === undefined ? undefined : Number(timeout) };
  return {
    environment,
    terminal: openTerminal({ isQuiet: quiet }),
    format: output,
    connect: (nameOf) => connect(environment, target, nameOf),
  };
}

/** The flags that say where a key is; those that would show it are refused with a reason. */
export function addSecretFlags(command: Command, whose: string, hasReference: boolean): Command {
  command
    .option("--key-env <name>", `a variable of this command's environment that holds ${whose}`)
    .option("--key-file <path>", `a file that holds ${whose}`)
    .option("--key-stdin", `read ${whose} from the standard input`);
  if (hasReference)
    command.option("--key-ref <uri>", "where the server finds it: env://NAME, file:///path or vault://…");
  for (const flag of REFUSED_FLAGS) {
    const refused = new Option(`${flag} [value]`).hideHelp().argParser(() => refuseSecretFlag(flag));
    command.addOption(refused);
  }
  return command;
}

/** Examples at the end of a command's help; a test runs each of them. */
export function addExamples(command: Command, examples: readonly string[]): Command {
  if (examples.length === 0) return command;
  return command.addHelpText("after", `\nExamples:\n${examples.map((each) => `  $ ${each}`).join("\n")}`);
}

/** Of an option that may be repeated. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}
