import type { JsonObject } from "@bufbuild/protobuf";
import { Command } from "commander";
import { AccessService } from "../../../gen/patchbay/v1/access_service_pb.ts";
import { connectTo } from "../calls/connection.ts";
import { Contexts } from "../calls/contexts.ts";
import { UsageError } from "../failure.ts";
import { addExamples, addSecretFlags, type Invocation, invocationOf } from "../invocation.ts";
import { writeThing, writeValue } from "../terminal/output.ts";
import { promptLine, promptSecret, readSecret, type SecretFlags } from "../terminal/secrets.ts";
import { statusCommand } from "./status.ts";

const DEFAULT_URL = "http://127.0.0.1:8080";

/** `login`, `logout`, `whoami`, `status` and `contexts`. */
export function signInCommands(): Command[] {
  return [login(), logout(), whoami(), statusCommand(), contexts()].map((command) => command.helpGroup("Signing in:"));
}

interface LoginFlags extends SecretFlags {
  readonly name?: string;
}

function login(): Command {
  const command = new Command("login").description("sign in to a server: its address and a key are kept as a context");
  command.argument("[url]", `the address of the server (default: ${DEFAULT_URL})`);
  command.option("--name <name>", "what the context is called (default: the host of the address)");
  addSecretFlags(command, "your Patchbay API key", false);
  const examples = [
    "patchbay login $URL --key-stdin < key.txt",
    "patchbay login $URL --name prod --key-env PATCHBAY_API_KEY",
  ];
  return addExamples(command, examples).action(async (given: string | undefined, flags: LoginFlags) => {
    const { environment, terminal } = invocationOf(command);
    const { url: flagged, timeout = "30" } = command.optsWithGlobals<{ url?: string; timeout?: string }>();
    const known = given ?? flagged ?? environment.url;
    const url = addressOf(
      known || (await promptLine(terminal, `Address of the server (${DEFAULT_URL}): `, DEFAULT_URL)),
    );
    const apiKey = (await readSecret(flags, environment)) ?? (await askForKey(terminal, environment.apiKey));
    const { caller } = await connectTo(url, apiKey, Number(timeout)).call(AccessService.method.getCaller, {});
    const name = flags.name ?? new URL(url).host;
    const place = await new Contexts(environment).save(name, url, apiKey);
    const { role, accountId } = caller as JsonObject;
    terminal.note(`Signed in to ${url} as ${role} of account ${accountId}: context "${name}".`);
    terminal.note(`The key is kept in ${place}.`);
  });
}

async function askForKey(terminal: Invocation["terminal"], fromEnvironment: string): Promise<string> {
  const key = fromEnvironment || (await promptSecret(terminal, "API key (pb_live_…, not shown): "));
  if (key !== "") return key;
  throw new UsageError("no key was given. Say where it is: --key-stdin, --key-env NAME or --key-file PATH.");
}

/** An address as people type it: the scheme may be left out. */
function addressOf(text: string): string {
  const isLocal = /^(localhost|127\.|\[::1\])/.test(text);
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `${isLocal ? "http" : "https"}://${text}`;
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ""))
    throw new UsageError(`"${text}" is no address; it must look like ${DEFAULT_URL}.`);
  return url.replace(/\/+$/, "");
}

function logout(): Command {
  const command = new Command("logout").description("forget a context and its key");
  command.argument("[name]", "which one (default: the current one)");
  return addExamples(command, ["patchbay logout prod"]).action(async (name: string | undefined) => {
    const { environment, terminal } = invocationOf(command);
    await new Contexts(environment).remove(name ?? "");
    terminal.note("Signed out here. The key itself still works: patchbay keys delete revokes one.");
  });
}

function whoami(): Command {
  const command = new Command("whoami").description("tell who calls, where, and what they may do");
  return addExamples(command, ["patchbay whoami -o json"]).action(async () => {
    const { connect, terminal, format } = invocationOf(command);
    const connection = await connect();
    const { caller } = await connection.call(AccessService.method.getCaller, {});
    const { permissions, ...who } = caller as JsonObject & { permissions: string[] };
    const told = { server: connection.url, ...who, permissions: permissions.length };
    writeThing(terminal, format === "table" ? told : (caller as JsonObject), format, "accountId");
  });
}

function contexts(): Command {
  const command = new Command("contexts").description("the servers that you signed in to");
  const list = command.command("list").alias("ls").description("list them; the current one has a star");
  addExamples(list, ["patchbay contexts list"]).action(() => {
    const { environment, terminal, format } = invocationOf(list);
    const { current, contexts: known } = new Contexts(environment).read();
    if (format === "json" || format === "yaml") {
      return writeValue(terminal, { current, contexts: known } as unknown as JsonObject, format);
    }
    if (Object.keys(known).length === 0) terminal.note("There are none yet. Sign in with: patchbay login");
    for (const [name, { url }] of Object.entries(known)) {
      terminal.writeData(format === "name" ? `${name}\n` : `${name === current ? "*" : " "} ${name}  ${url}\n`);
    }
  });
  const use = command.command("use").description("make one the current one").argument("<name>");
  addExamples(use, ["patchbay contexts use prod"]).action((name: string) => {
    const { environment, terminal } = invocationOf(use);
    new Contexts(environment).use(name);
    terminal.note(`"${name}" is the current context.`);
  });
  return command;
}
