import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";
import { Secret } from "../base/secret.ts";
import { ConfigError } from "./config.ts";

/** A folder of manifests that a server applies. */
export interface ApplyDirConfig {
  readonly dir: string;
  /** The API key that it is applied with, or the file that one is in. */
  readonly key: Secret | { readonly file: string };
  /** Labels of Llms that are deleted when no manifest names them; undefined: none is ever deleted. */
  readonly prune: Readonly<Record<string, string>> | undefined;
  /** How often the folder is looked at; in milliseconds. */
  readonly everyMs: number;
}

const OTHERS = ["APPLY_KEY_FILE", "APPLY_PRUNE", "APPLY_SECONDS"];

/** Reads the APPLY_… settings; undefined when no folder is applied. */
export function readApplyDir(read: (name: string) => string): ApplyDirConfig | undefined {
  const text = read("APPLY_DIR");
  if (text === "") {
    const set = OTHERS.find((name) => read(name) !== "");
    if (set) throw new ConfigError(`${set} is set without APPLY_DIR, which it says more about.`);
    return undefined;
  }
  const dir = resolve(text);
  if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory()) {
    throw new ConfigError(`APPLY_DIR is "${text}", which is no folder.`);
  }
  return { dir, key: readKey(read), prune: readPrune(read("APPLY_PRUNE")), everyMs: readEvery(read("APPLY_SECONDS")) };
}

function readKey(read: (name: string) => string): ApplyDirConfig["key"] {
  const text = read("APPLY_KEY_FILE");
  if (text === "") {
    if (read("BOOTSTRAP_API_KEY")) return new Secret(read("BOOTSTRAP_API_KEY"));
    throw new ConfigError(
      "APPLY_DIR needs an API key, whose account has what is applied: APPLY_KEY_FILE, the file that one is in, or " +
        "BOOTSTRAP_API_KEY.",
    );
  }
  const file = resolve(text);
  try {
    accessSync(file, constants.R_OK);
  } catch (cause) {
    throw new ConfigError(`APPLY_KEY_FILE is "${text}", which cannot be read.`, { cause });
  }
  return { file };
}

function readPrune(text: string): ApplyDirConfig["prune"] {
  if (text === "") return undefined;
  const pairs = text.split(",").map((pair) => /^\s*([^=\s]+)=(.*?)\s*$/.exec(pair));
  if (pairs.some((pair) => pair === null)) {
    throw new ConfigError(`APPLY_PRUNE is "${text}"; it must be label=value, or several with commas.`);
  }
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? "", pair?.[2] ?? ""]));
}

function readEvery(text: string): number {
  const seconds = text === "" ? 30 : Number(text);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= 86_400) return seconds * 1_000;
  throw new ConfigError(`APPLY_SECONDS is "${text}"; it must be a number of seconds from 1 to 86400.`);
}
