import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse, stringify } from "yaml";
import type { Environment } from "../environment.ts";
import { UsageError } from "../failure.ts";
import { keychain } from "./keychain.ts";

/** A server, and where the key for it is kept. */
export interface Context {
  readonly url: string;
  readonly keyIn: "keychain" | "file";
}

interface ContextsFile {
  readonly current: string;
  readonly contexts: Readonly<Record<string, Context>>;
}

/** The servers that a user signed in to, in a file; their keys in the system's keychain, else in another file, 0600. */
export class Contexts {
  readonly #file: string;
  readonly #keysFile: string;
  readonly #hasKeychain: boolean;

  constructor({ configDir, keychain: hasKeychain }: Environment) {
    this.#file = join(configDir, "contexts.yaml");
    this.#keysFile = join(configDir, "keys.yaml");
    this.#hasKeychain = hasKeychain;
  }

  read(): ContextsFile {
    const found = readYaml(this.#file) as Partial<ContextsFile> | null;
    return { current: found?.current ?? "", contexts: found?.contexts ?? {} };
  }

  /** A context by its name; the current one without. Undefined if there is no current one. */
  find(name: string): (Context & { readonly name: string }) | undefined {
    const { current, contexts } = this.read();
    const wanted = name || current;
    if (wanted === "") return undefined;
    const context = Object.hasOwn(contexts, wanted) ? contexts[wanted] : undefined;
    if (!context) {
      const known = Object.keys(contexts).join(", ") || "there is none";
      throw new UsageError(`there is no context "${wanted}" (known: ${known}). Make it with: patchbay login`);
    }
    return { ...context, name: wanted };
  }

  /** The context of a server: the current one, if it has several. */
  at(url: string): (Context & { readonly name: string }) | undefined {
    const { current, contexts } = this.read();
    const names = [current, ...Object.keys(contexts)];
    const name = names.find((each) => Object.hasOwn(contexts, each) && contexts[each]?.url === url);
    return name === undefined ? undefined : this.find(name);
  }

  /** Keeps a server and its key, and makes it the current one; answers where the key is kept. */
  async save(name: string, url: string, apiKey: string): Promise<string> {
    const isInKeychain = this.#hasKeychain && (await keychain.set(name, apiKey));
    this.#writeKeys((keys) => (isInKeychain ? without(keys, name) : { ...keys, [name]: apiKey }));
    const { contexts } = this.read();
    const keyIn = isInKeychain ? "keychain" : "file";
    this.#write({ current: name, contexts: { ...contexts, [name]: { url, keyIn } } });
    return isInKeychain ? "the keychain of this system" : this.#keysFile;
  }

  use(name: string): void {
    this.find(name);
    this.#write({ ...this.read(), current: name });
  }

  async remove(name: string): Promise<void> {
    const context = this.find(name);
    if (!context) throw new UsageError("there is no context to sign out of.");
    const { current, contexts } = this.read();
    if (context.keyIn === "keychain") await keychain.delete(context.name);
    this.#writeKeys((keys) => without(keys, context.name));
    this.#write({ current: current === context.name ? "" : current, contexts: without(contexts, context.name) });
  }

  async key({ name, keyIn }: Context & { readonly name: string }): Promise<string> {
    const key = keyIn === "keychain" ? await keychain.get(name) : this.#keys()[name];
    if (key) return key;
    throw new UsageError(`the key of context "${name}" is not in the ${keyIn} any more. Sign in again: patchbay login`);
  }

  #keys(): Record<string, string> {
    return (readYaml(this.#keysFile) as Record<string, string> | null) ?? {};
  }

  #writeKeys(change: (keys: Record<string, string>) => Record<string, string>): void {
    const keys = this.#keys();
    const changed = change(keys);
    if (JSON.stringify(changed) !== JSON.stringify(keys)) writePrivately(this.#keysFile, stringify(changed));
  }

  #write(contexts: ContextsFile): void {
    writePrivately(this.#file, stringify(contexts));
  }
}

function without<T>(record: Readonly<Record<string, T>>, name: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([other]) => other !== name));
}

function readYaml(file: string): unknown {
  try {
    return parse(readFileSync(file, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** Written whole or not at all, and never readable by others. */
function writePrivately(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600 });
  if ((statSync(draft).mode & 0o777) !== 0o600) chmodSync(draft, 0o600);
  renameSync(draft, file);
}
