import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { StartError } from "../../base/start-error.ts";
import type { SealingKey } from "./sealing.ts";

const KEY_BYTES = 32;
/** Fewer than this many different bytes among 32 do not come from a random source. */
const LEAST_DIFFERENT_BYTES = 16;

/** The keys that encrypt the data keys: a JWK set of symmetric keys, of which the first one wraps new ones. */
export class KeyRing {
  readonly #keys: ReadonlyMap<string, SealingKey>;
  readonly active: SealingKey;

  constructor(keys: readonly [SealingKey, ...SealingKey[]]) {
    this.#keys = new Map(keys.map((key) => [key.id, key]));
    this.active = keys[0];
  }

  find(id: string): SealingKey | undefined {
    return this.#keys.get(id);
  }
}

/** A key ring that cannot be used; the message says what to do. */
export class KeyRingError extends StartError {
  override readonly name = "KeyRingError";
}

/** The key ring of a file; undefined if there is no such file. */
export async function readKeyRing(file: string): Promise<KeyRing | undefined> {
  const handle = await open(file, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new KeyRingError(`The key ring ${file} cannot be read (${error.code}). Check KEYRING_FILE and its owner.`);
  });
  if (!handle) return undefined;
  try {
    const { mode } = await handle.stat();
    if ((mode & 0o077) !== 0) {
      throw new KeyRingError(
        `The key ring ${file} can be read by others (mode ${(mode & 0o777).toString(8)}). Run: chmod 600 ${file}`,
      );
    }
    return parseKeyRing(await handle.readFile("utf8"), file);
  } finally {
    await handle.close();
  }
}

/** Writes a new key ring with one key; durable, and never over an existing file. */
export async function makeKeyRing(file: string): Promise<KeyRing> {
  const bytes = randomBytes(KEY_BYTES);
  const id = `kek-${new Date().toISOString().slice(0, 10)}-${randomBytes(4).toString("hex")}`;
  const jwk = { kty: "oct", kid: id, k: bytes.toString("base64url") };
  await mkdir(dirname(file), { recursive: true });
  const handle = await open(file, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600);
  try {
    await handle.writeFile(`${JSON.stringify({ keys: [jwk] }, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncFolder(dirname(file));
  return new KeyRing([{ id, bytes }]);
}

function parseKeyRing(text: string, file: string): KeyRing {
  const wanted = `a JWK set, {"keys": [{"kty": "oct", "kid": "…", "k": "…"}]}, whose keys are ${KEY_BYTES} random bytes`;
  let parsed: { keys?: { kty?: unknown; kid?: unknown; k?: unknown }[] };
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's own message would quote the file.
    throw new KeyRingError(`The key ring ${file} is not JSON; it must be ${wanted}.`);
  }
  const keys = (Array.isArray(parsed?.keys) ? parsed.keys : []).map(({ kty, kid, k }): SealingKey => {
    const bytes = Buffer.from(String(k ?? ""), "base64url");
    if (kty !== "oct" || typeof kid !== "string" || !/^[\w.-]{1,64}$/.test(kid)) {
      throw new KeyRingError(`A key of the key ring ${file} lacks its "kty" or "kid"; it must be ${wanted}.`);
    }
    if (bytes.length !== KEY_BYTES || new Set(bytes).size < LEAST_DIFFERENT_BYTES) {
      throw new KeyRingError(`The key ${kid} of the key ring ${file} is weak; it must be ${wanted}.`);
    }
    return { id: kid, bytes };
  });
  const [first, ...others] = keys;
  if (!first) throw new KeyRingError(`The key ring ${file} has no keys; it must be ${wanted}.`);
  if (new Set(keys.map(({ id }) => id)).size < keys.length) {
    throw new KeyRingError(`Two keys of the key ring ${file} have the same "kid".`);
  }
  return new KeyRing([first, ...others]);
}

async function syncFolder(folder: string): Promise<void> {
  if (!(await stat(folder)).isDirectory()) return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
