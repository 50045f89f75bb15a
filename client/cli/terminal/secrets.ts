import { readFileSync } from "node:fs";
import type { JsonObject } from "@bufbuild/protobuf";
import { read as ask } from "read";
import type { Environment } from "../environment.ts";
import { UsageError } from "../failure.ts";
import { readStdin } from "./stdin.ts";
import type { Terminal } from "./terminal.ts";

/** The flags that say where a secret is. There is none that takes one: arguments are seen by everybody on a machine. */
export interface SecretFlags {
  readonly keyEnv?: string;
  readonly keyFile?: string;
  readonly keyStdin?: boolean;
  readonly keyRef?: string;
}

/** Flags that people try, and that would show their secret. */
export const REFUSED_FLAGS = ["--api-key", "--key", "--secret", "--token", "--password"] as const;

export function refuseSecretFlag(flag: string): never {
  throw new UsageError(
    `${flag} is not taken: arguments are seen by everybody on this machine and kept in the shell's history. ` +
      "Give the key by a prompt, --key-stdin, --key-env NAME or --key-file PATH. If it is a real one, make a new one.",
  );
}

/** The secret that the flags lead to; undefined if they name none. */
export async function readSecret(flags: SecretFlags, environment: Environment): Promise<string | undefined> {
  const given = [flags.keyEnv, flags.keyFile, flags.keyStdin, flags.keyRef].filter((flag) => flag !== undefined);
  if (given.length > 1) {
    throw new UsageError("--key-env, --key-file, --key-stdin and --key-ref exclude each other: a key is in one place.");
  }
  if (flags.keyEnv !== undefined) {
    const value = environment.variable(flags.keyEnv)?.trim();
    if (!value) throw new UsageError(`the variable ${flags.keyEnv} is not set, or empty.`);
    return asMeant(value, `the variable ${flags.keyEnv}`);
  }
  if (flags.keyFile !== undefined) return oneLine(readFile(flags.keyFile), flags.keyFile);
  if (flags.keyStdin) return oneLine(await readStdin(), "the standard input");
  return undefined;
}

/** The credentials that the flags lead to: a reference that the server resolves, or the key itself. */
export async function readCredentials(flags: SecretFlags, environment: Environment): Promise<JsonObject | undefined> {
  const secret = await readSecret(flags, environment);
  if (secret !== undefined) return { apiKey: { inlineSecret: secret } };
  return flags.keyRef === undefined ? undefined : { apiKey: { secretRef: { uri: flags.keyRef } } };
}

/** Asks a person for a secret, without showing it. Empty if they give none. */
export async function promptSecret(terminal: Terminal, prompt: string): Promise<string> {
  if (!terminal.isInteractive) return "";
  const answer = await ask({ prompt, silent: true, output: process.stderr });
  return answer.trim();
}

/** Asks a person for a line. */
export async function promptLine(terminal: Terminal, prompt: string, fallback: string): Promise<string> {
  if (!terminal.isInteractive) return fallback;
  return (await ask({ prompt, default: fallback, output: process.stderr })).trim() || fallback;
}

export function readFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function oneLine(text: string, place: string): string {
  const secret = text.trim();
  if (secret === "") throw new UsageError(`${place} holds no key.`);
  if (/\s/.test(secret)) throw new UsageError(`${place} holds more than a key: it must be one word.`);
  return asMeant(secret, place);
}

/** Slips that make a key another one: its quotes, or its name in place of it. */
function asMeant(secret: string, place: string): string {
  if (/^(["'`]).*\1$/.test(secret)) throw new UsageError(`${place} holds a key in quotes: take them away.`);
  if (/^\$(\w+|\{\w+\})$/.test(secret)) throw new UsageError(`${place} holds ${secret}, which no shell has replaced.`);
  return secret;
}
