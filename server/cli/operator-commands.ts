import { Command } from "commander";
import { EXIT, UsageError } from "../../client/cli/failure.ts";
import { addExamples, collect, invocationOf } from "../../client/cli/invocation.ts";
import { StartError } from "../base/fault.ts";
import { settingsHelp } from "../config/settings-text.ts";
import type { KeysArguments, KeysCommand } from "./keys.ts";

/**
 * What whoever runs a server does on its machine, with its settings. Its code is loaded when it is asked for: a call of a
 * server elsewhere does not wait for it.
 */
export function addOperatorCommands(program: Command): void {
  program.addCommand(serveCommand());
  program.addCommand(newKeyCommand());
  program.addCommand(doctorCommand());
  const [keys, audit] = ["keys", "audit"].map((name) => program.commands.find((command) => command.name() === name));
  for (const command of keyRingCommands())
    keys?.addCommand(command.helpGroup("The key ring, on the server's machine:"));
  audit?.addCommand(auditVerifyCommand().helpGroup("On the server's machine:"));
}

interface ServeFlags {
  readonly port?: string;
  readonly host?: string;
  readonly dataDir?: string;
}

function serveCommand(): Command {
  const command = new Command("serve").description("start a server; its settings are variables of the environment");
  command
    .helpGroup("Running a server:")
    .option("--port <port>", "as PORT: the port to listen on")
    .option("--host <address>", "as HOST: the address to listen on")
    .option("--data-dir <path>", "as DATA_DIR: where the embedded PostgreSQL keeps its files")
    .addHelpText("after", () => `\n${settingsHelp()}`);
  const examples = ["patchbay serve --port 9000", "EGRESS_ALLOW=http://localhost:11434 patchbay serve"];
  return addExamples(command, examples).action(async ({ port, host, dataDir }: ServeFlags) => {
    const given = Object.entries({ PORT: port, HOST: host, DATA_DIR: dataDir });
    const first = Object.fromEntries(given.filter((entry): entry is [string, string] => entry[1] !== undefined));
    await operate(async (readSettings) => {
      const { serve } = await import("./serve.ts");
      await serve(readSettings(first));
      return EXIT.done;
    });
  });
}

const NEW_KEY_HELP = `
It works beside a running server, which takes the key at once; give it the settings that the server has (DATA_DIR or
DATABASE_URL). It is printed alone, and cannot be shown again. The keys that there are go on working: a lost one is
revoked with patchbay keys.
`;

function newKeyCommand(): Command {
  const command = new Command("new-key").description("make another API key of an ADMIN, for those who lost theirs");
  command.helpGroup("Running a server:").addHelpText("after", NEW_KEY_HELP);
  return addExamples(command, ["patchbay new-key"]).action(() =>
    operate(async (readSettings) => (await import("./new-key.ts")).makeAdminKey(readSettings)),
  );
}

const DOCTOR_HELP = `
It looks at what a server would need with these settings: that they can be read, the database (reachable, its version,
role, whether it takes writes, poolers), the key ring, the port, certificates, the clock, disks and rights, proxies, and
whether what EGRESS_ALLOW opens answers. It changes nothing, and works beside a running server. Ends with 7 if something
is wrong; what is only doubtful (!) ends with 0.
`;

function doctorCommand(): Command {
  const command = new Command("doctor").description("find what is wrong with a setup, and how to mend it");
  command.helpGroup("Running a server:").addHelpText("after", DOCTOR_HELP);
  return addExamples(command, ["patchbay doctor", "patchbay doctor -o json"]).action(() =>
    operate(async () => {
      const [{ runDoctor }, { readSettingsOf }] = await Promise.all([
        import("./doctor/doctor.ts"),
        import("./settings-here.ts"),
      ]);
      return runDoctor(readSettingsOf, invocationOf(command).format === "json");
    }),
  );
}

const KEYS_HELP = `
It works beside running servers, with the same settings (DATA_DIR or DATABASE_URL; KEYRING_FILE, KEYRING or
VAULT_TRANSIT_KEY) that they have.
`;

const ROTATE_HELP = `${KEYS_HELP}
A rotation that was stopped, however hard, has lost nothing: the same command finishes it. With KEYRING the new key is
yours to add: first behind the others, on every server; then before them, on every server; then rotate. With HashiCorp
Vault: vault write -f transit/keys/NAME/rotate, then rotate.
`;

function keyRingCommands(): Command[] {
  const run = (name: KeysCommand, args: KeysArguments) =>
    operate(async (readSettings) => (await import("./keys.ts")).runKeys(name, args, readSettings));
  const status = new Command("status").description("which keys there are, what each wraps, what cannot be opened");
  status.option("--all", "every data key").action((args) => run("status", args));
  const rotate = new Command("rotate").description("make a new key, and wrap all data keys with it");
  rotate.option("--data-keys", "also make new data keys, and seal all secrets anew");
  rotate.action((args) => run("rotate", args));
  const verify = new Command("verify").description("open all that is sealed; ends with 1 if something does not open");
  verify.action(() => run("verify", {}));
  const retire = new Command("retire").description("remove a key that nothing needs any more").argument("<key>");
  retire.action((keyId: string) => run("retire", { keyId }));
  const generate = new Command("generate").description("print a new key ring, for KEYRING or to add to one");
  generate.action(() => operate(async () => (await import("./keys.ts")).generateKeys()));
  for (const command of [status, verify, retire]) command.addHelpText("after", KEYS_HELP);
  rotate.addHelpText("after", ROTATE_HELP);
  addExamples(status, ["patchbay keys status", "DATA_DIR=/srv/patchbay/data patchbay keys status --all"]);
  addExamples(rotate, ["patchbay keys rotate && patchbay keys verify"]);
  addExamples(verify, ["patchbay keys verify"]);
  addExamples(retire, ["patchbay keys retire $RING_KEY"]);
  addExamples(generate, ["(umask 077; patchbay keys generate > keyring.json)"]);
  return [status, rotate, verify, retire, generate];
}

const AUDIT_HELP = `
Each account's line ends with the sequence and the hash of its last event. Keep them elsewhere: a log that was cut at its
end, or written anew as a whole, is only found by --head. Exit 1 if anything is wrong. It works beside a running server.
`;

function auditVerifyCommand(): Command {
  const command = new Command("verify").description("prove that nothing of the audit logs was changed or taken out");
  command.option("--head <account=sequence:hash>", "also that this event is still what it was", collect);
  command.addHelpText("after", AUDIT_HELP);
  return addExamples(command, ["patchbay audit verify"]).action(({ head = [] }: { head?: string[] }) =>
    operate(async (readSettings) => (await import("./audit.ts")).verifyAudit(head, readSettings)),
  );
}

/** Does what needs the server's code; what an operator can mend is told in a sentence, the rest without any secret. */
async function operate(work: (readSettings: ReadSettings) => Promise<number>): Promise<void> {
  const { readSettings } = await import("./settings-here.ts");
  try {
    process.exitCode = await work(readSettings);
  } catch (error) {
    const { code } = error as { code?: unknown };
    const isExpected = error instanceof StartError || String(code).startsWith("ERR_PARSE_ARGS");
    const { describeError } = await import("../base/log.ts");
    const told = isExpected ? (error as Error).message : JSON.stringify(describeError(error), null, 2);
    throw new UsageError(told, { exitCode: EXIT.failed, cause: error });
  }
}

type ReadSettings = typeof import("./settings-here.ts").readSettings;
