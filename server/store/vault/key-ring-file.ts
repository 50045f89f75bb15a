import { constants } from "node:fs";
import { mkdir, open, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { type KeySource, keysUnavailable, type WrappedBytes } from "../../base/key-source.ts";
import { formatKeyRing, generateKey, type KeyRing, KeyRingError, parseKeyRing, type RingKey } from "./key-ring.ts";
import { keyIdOf } from "./sealing.ts";

/** A key ring, and which state of the file it is. */
interface Reading {
  readonly ring: KeyRing;
  readonly state: string;
}

/**
 * The key ring of a file. It is read again when the file has another key to wrap with, or is asked for a key that it did
 * not know: a server learns of a rotation while it runs.
 */
export class KeyRingFile implements KeySource {
  readonly file: string;
  #reading: Reading;

  private constructor(file: string, reading: Reading) {
    this.file = file;
    this.#reading = reading;
  }

  /** Undefined if there is no such file. */
  static async open(file: string): Promise<KeyRingFile | undefined> {
    const reading = await read(file);
    return reading && new KeyRingFile(file, reading);
  }

  /** Makes the file, with one key: durable, for nobody else to read, and never over one that exists. */
  static async make(file: string): Promise<KeyRingFile> {
    await mkdir(dirname(file), { recursive: true });
    await writeNew(file, [generateKey()]);
    await syncFolder(file);
    return new KeyRingFile(file, await readExisting(file));
  }

  get name(): string {
    return this.#reading.ring.name;
  }

  /** The keys that were there when it was last read. */
  get keys(): readonly RingKey[] {
    return this.#reading.ring.keys;
  }

  async activeKeyId(): Promise<string> {
    await this.#refresh();
    return this.#reading.ring.active.id;
  }

  async wrap(bytes: Uint8Array, context: readonly string[]): Promise<WrappedBytes> {
    await this.#refresh();
    return this.#reading.ring.wrap(bytes, context);
  }

  async unwrap(wrapped: WrappedBytes, context: readonly string[]): Promise<Uint8Array | undefined> {
    if (!this.#reading.ring.find(keyIdOf(wrapped.blob))) await this.#refresh();
    return this.#reading.ring.unwrap(wrapped, context);
  }

  /** Puts a new key before the others. Two writers at once would lose a key: the caller sees to it that there is one. */
  async addKey(): Promise<string> {
    const { ring } = await readExisting(this.file);
    const key = generateKey();
    await this.#replace([key, ...ring.keys]);
    return key.id;
  }

  /** Takes a key out, under the same condition. */
  async removeKey(id: string): Promise<void> {
    const { ring } = await readExisting(this.file);
    await this.#replace(ring.keys.filter((key) => key.id !== id));
  }

  async #refresh(): Promise<void> {
    try {
      if ((await stateOf(this.file)) !== this.#reading.state) this.#reading = await readExisting(this.file);
    } catch (error) {
      throw keysUnavailable(error as Error);
    }
  }

  /** In one step: whoever reads it, and whatever kills us, the file has all its keys of before or of after. */
  async #replace(keys: readonly RingKey[]): Promise<void> {
    const target = await realpath(this.file);
    const partial = `${target}.new`;
    try {
      const { uid, gid } = await stat(target);
      await rm(partial, { force: true });
      await writeNew(partial, keys, { uid, gid });
      await rename(partial, target);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new KeyRingError(
        `The key ring ${this.file} cannot be written (${code}). Run this as its owner where it can be written; ` +
          "or put a key of `keys generate` before the others yourself, wherever a server reads it, and rotate again.",
        { cause: error },
      );
    }
    await syncFolder(target);
    this.#reading = await readExisting(this.file);
  }
}

async function readExisting(file: string): Promise<Reading> {
  const reading = await read(file);
  if (!reading) throw new KeyRingError(`The key ring ${file} is gone. Restore it from your backup.`);
  return reading;
}

async function read(file: string): Promise<Reading | undefined> {
  const handle = await open(file, "r").catch((error: NodeJS.ErrnoException) => {
    // Of a file where a folder should be, whoever makes files there tells more.
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    const advice = "Check its owner, and KEYRING_FILE, which is beside DATA_DIR by default.";
    throw new KeyRingError(`The key ring ${file} cannot be read (${error.code}). ${advice}`);
  });
  if (!handle) return undefined;
  try {
    const { mode, ino, size, mtimeNs } = await handle.stat({ bigint: true });
    if ((mode & 0o077n) !== 0n) {
      throw new KeyRingError(
        `The key ring ${file} can be read by others (mode ${(mode & 0o777n).toString(8)}). Run: chmod 600 ${file}`,
      );
    }
    const text = await handle.readFile("utf8");
    return { ring: parseKeyRing(text, `the key ring ${file} (KEYRING_FILE)`), state: `${ino} ${size} ${mtimeNs}` };
  } finally {
    await handle.close();
  }
}

async function stateOf(file: string): Promise<string> {
  const { ino, size, mtimeNs } = await stat(file, { bigint: true });
  return `${ino} ${size} ${mtimeNs}`;
}

/** The new file has the owner of the one it replaces: root may rotate what a server of lower rank reads. */
async function writeNew(file: string, keys: readonly RingKey[], owner?: { uid: number; gid: number }): Promise<void> {
  const handle = await open(file, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600);
  try {
    if (owner) await handle.chown(owner.uid, owner.gid);
    await handle.writeFile(`${formatKeyRing(keys)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What makes the name of a file in it durable. */
async function syncFolder(file: string): Promise<void> {
  const handle = await open(dirname(file), "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
