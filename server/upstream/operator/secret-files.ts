import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";

/** The longest key, and what an editor may put behind it. */
const MAX_BYTES = 8_192 + 2;

/** Files of the kernel, and the token that Kubernetes gives every container for its API. */
const NEVER_READ = ["/proc", "/sys", "/dev", "/run/secrets/kubernetes.io", "/var/run/secrets/kubernetes.io"];

/** Reads secrets from files that an operator put somewhere for it, and its own files to nobody. */
export class SecretFiles {
  readonly #ownPaths: readonly string[];

  /** `ownPaths` are files and folders that are never read. */
  constructor(ownPaths: readonly string[]) {
    this.#ownPaths = ownPaths;
  }

  /**
   * The text of a regular file; undefined if there is none of at most 8,192 bytes that can be read. Links may lead
   * anywhere below the folder, as those of Kubernetes do, and not out of it.
   */
  async read(path: string, folder: string): Promise<string | undefined> {
    try {
      const real = await realpath(path);
      if (!isBelow(real, await realpath(folder)) || (await this.#isNeverRead(real))) return undefined;
      return await readRegularFile(real);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      return undefined;
    }
  }

  async #isNeverRead(real: string): Promise<boolean> {
    const paths = [...NEVER_READ, ...this.#ownPaths];
    const reals = await Promise.all(paths.map((path) => realpath(path).catch(() => path)));
    return reals.some((own) => real === own || isBelow(real, own));
  }
}

/** Without waiting: opening a pipe would wait for its writer. */
async function readRegularFile(path: string): Promise<string | undefined> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) return undefined;
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (let bytesRead = -1; bytesRead !== 0 && length < bytes.length; length += bytesRead) {
      ({ bytesRead } = await handle.read(bytes, length, bytes.length - length, null));
    }
    return length > MAX_BYTES ? undefined : bytes.toString("utf8", 0, length);
  } finally {
    await handle.close();
  }
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder === "/" ? folder : `${folder}/`);
}
