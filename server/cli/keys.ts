import { Fault, StartError } from "../base/fault.ts";
import type { KeySource } from "../base/key-source.ts";
import { createLog } from "../base/log.ts";
import { openKeySource } from "../compose/storage.ts";
import { openStoreBeside } from "../compose/store-beside.ts";
import type { Config } from "../config/config.ts";
import { outageOf } from "../store/sql/database-errors.ts";
import type { Store } from "../store/store.ts";
import { inspectKeys, verifyAll } from "../store/vault/inspection.ts";
import { formatKeyRing, generateKey } from "../store/vault/key-ring.ts";
import { KeyRingFile } from "../store/vault/key-ring-file.ts";
import { addKey, deleteUnusedDataKeys, retireKey } from "../store/vault/retirement.ts";
import { Rotation, rotate } from "../store/vault/rotation.ts";
import { Vault } from "../store/vault/vault.ts";
import { reportRotation, reportStatus, reportVerification } from "./keys-report.ts";

/** Any number will do, as long as every version takes the same. */
const ROTATION_LOCK = 5_063_100_006;

/** What a command of `keys` works with. */
interface Deps {
  readonly store: Store;
  readonly provider: KeySource;
}

const COMMANDS = { status, rotate: run, verify, retire };

export type KeysCommand = keyof typeof COMMANDS;

/** What a command of `keys` is told. */
export interface KeysArguments {
  readonly keyId?: string;
  readonly all?: boolean;
  readonly dataKeys?: boolean;
}

/** Runs `keys …`; answers with the exit code. What cannot be done is a StartError that says what to do. */
export function runKeys(name: KeysCommand, args: KeysArguments, readConfig: () => Config): Promise<number> {
  return withDeps(readConfig(), (deps) => COMMANDS[name](deps, args));
}

/** Prints a new key ring. */
export function generateKeys(): number {
  return print(`${formatKeyRing([generateKey()], 0)}\n`);
}

async function status({ store, provider }: Deps, { all = false }: KeysArguments): Promise<number> {
  return print(reportStatus(await inspectKeys(store.fork(), provider), provider, all));
}

async function run({ store, provider }: Deps, { dataKeys = false }: KeysArguments): Promise<number> {
  await requireOwnKeys(store, provider);
  const progress = new Progress();
  const rotation = new Rotation({
    fork: () => store.fork(),
    provider,
    onProgress: (step, done, total) => progress.show(`${done} of ${total} ${step}`, done === total),
  });
  const isFile = provider instanceof KeyRingFile;
  const add = isFile ? () => addKey(store.fork(), provider) : undefined;
  try {
    const rotated = await store.exclusively(ROTATION_LOCK, () => rotate(rotation, { addKey: add, dataKeys }));
    progress.end();
    if (!rotated) throw new StartError("Another rotation of this database is running. Wait for it, or stop it first.");
    const { text, exitCode } = reportRotation(rotated.result, provider);
    print(text);
    return exitCode;
  } finally {
    rotation.close();
  }
}

async function verify({ store, provider }: Deps): Promise<number> {
  const progress = new Progress();
  const verified = await verifyAll(store.fork(), provider, (opened) => progress.show(`${opened} secrets read`, false));
  progress.end();
  const { text, exitCode } = reportVerification(verified);
  print(text);
  return exitCode;
}

async function retire({ store, provider }: Deps, { keyId = "" }: KeysArguments): Promise<number> {
  if (!(provider instanceof KeyRingFile)) {
    throw new StartError(
      `${provider.name} is not Patchbay's to change. Once keys status shows no data key under ${keyId}, remove it there.`,
    );
  }
  await requireOwnKeys(store, provider);
  await retireKey(store.fork(), provider, keyId);
  const deleted = await deleteUnusedDataKeys(store.fork());
  return print(
    `${keyId} is no longer in ${provider.file}. Copies of the database from before the rotation still need it: ` +
      `keep it with them, or delete both.\n${deleted} data keys that sealed nothing any more are deleted.\n`,
  );
}

/** Before anything is changed: with the keys of another database, new data keys would lock the servers out. */
async function requireOwnKeys(store: Store, provider: KeySource): Promise<void> {
  (await Vault.open(store.fork(), provider)).close();
}

/** Opens what the server has, beside it if it runs. */
async function withDeps(config: Config, work: (deps: Deps) => Promise<number>): Promise<number> {
  const disposers: (() => Promise<void> | void)[] = [];
  try {
    const provider = await openKeySource(config.keys, createLog("warn"), disposers);
    if (!provider) {
      const file = config.keys.kind === "file" ? config.keys.file : "";
      throw new StartError(`There is no key ring ${file}. Set KEYRING_FILE, or DATA_DIR, to what the server has.`);
    }
    return await work({ store: await openStoreBeside(config, disposers), provider });
  } catch (error) {
    throw explain(error);
  } finally {
    for (const disposer of disposers.reverse()) await disposer();
  }
}

function explain(error: unknown): unknown {
  const again = "Nothing is lost: run the same command again.";
  const outage = outageOf(error);
  if (outage) return new StartError(`The database went away. ${again}`, { cause: error });
  if ((error as { code?: string }).code === "55P03") {
    return new StartError(`A row that is needed was locked for too long. ${again}`, { cause: error });
  }
  if (error instanceof Fault && error.reason === "KEYS_UNAVAILABLE") {
    return new StartError(`${(error.cause as Error).message} ${again}`, { cause: error });
  }
  return error;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

const EVERY_MS = 1_000;

/** A line on standard error that tells how far a command is: rewritten at a terminal, and else written now and then. */
export class Progress {
  #shownAt = 0;
  #isOpen = false;

  show(text: string, isLast: boolean): void {
    const now = Date.now();
    const isTerminal = process.stderr.isTTY;
    if (!isLast && now - this.#shownAt < (isTerminal ? EVERY_MS / 10 : EVERY_MS)) return;
    this.#shownAt = now;
    this.#isOpen = isTerminal && !isLast;
    process.stderr.write(isTerminal ? `\r\x1b[K${text}${isLast ? "\n" : ""}` : `${text}\n`);
  }

  end(): void {
    if (this.#isOpen) process.stderr.write("\r\x1b[K");
    this.#isOpen = false;
  }
}
