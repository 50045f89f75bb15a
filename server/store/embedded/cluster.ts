import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, openSync } from "node:fs";
import { chown, lstat, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StartError } from "../../base/fault.ts";
import { type Installation, SHARED_FOLDER } from "./installation.ts";
import { isAlive, type Postmaster, readPostmaster } from "./postmaster.ts";
import { canReach, type SystemUser } from "./system-user.ts";

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
const POLL_MS = 5;
const MAX_LAUNCHES = 10;
const LAUNCH_PAUSE_MS = 200;

/** The role and database that Patchbay uses in its own PostgreSQL. */
export const ROLE = "patchbay";

/** The files of one PostgreSQL under a data folder, and the process over them. */
export class Cluster {
  readonly #installation: Installation;
  readonly #user: SystemUser | undefined;
  readonly #dataDir: string;
  /** Where the files really are, and the process over them, once it runs: whatever becomes of the data folder. */
  #child: ChildProcess | undefined;
  #running: { readonly files: string; readonly postmaster: Postmaster } | undefined;

  constructor(installation: Installation, user: SystemUser | undefined, dataDir: string) {
    this.#installation = installation;
    this.#user = user;
    this.#dataDir = dataDir;
  }

  get folder(): string {
    return join(this.#dataDir, "postgres");
  }

  /** Where the files really are; the folder, before they are opened. */
  get files(): string {
    return this.#running?.files ?? this.folder;
  }

  get logFile(): string {
    return join(this.#dataDir, "postgres.log");
  }

  /** Makes the files if there are none; true if it did. They appear whole or not at all, whatever kills us. */
  async initialise(): Promise<boolean> {
    if (existsSync(join(this.folder, "PG_VERSION"))) return false;
    const partial = await this.#makePartial().catch((error) => {
      throw unusableFolder(this.#dataDir, error);
    });
    const home = dirname(partial);
    if (this.#user) await chown(partial, this.#user.uid, this.#user.gid);
    await this.#run(this.#installation.initdb, [
      `--pgdata=${partial}`,
      `--username=${ROLE}`,
      "--auth=trust", // The socket's folder lets nobody else in, and there is no other way in.
      "--encoding=UTF8",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--locale=C",
    ]);
    try {
      if (home === this.#dataDir) {
        await rename(partial, this.folder);
      } else {
        const whole = partial.replace(/\.partial$/, "");
        await rename(partial, whole);
        await symlink(whole, this.folder);
      }
    } catch (error) {
      await rm(partial, { recursive: true, force: true });
      if (!existsSync(join(this.folder, "PG_VERSION"))) {
        throw unusableFolder(this.#dataDir, error as NodeJS.ErrnoException);
      }
      return false; // Another server was faster.
    }
    return true;
  }

  /**
   * The PostgreSQL over the files: the one that runs already, which a killed server left behind, or a new one. Given
   * the socket folder of one that died, the new one takes its place.
   */
  async start(socketFolder?: string): Promise<Postmaster> {
    const files = this.#running?.files ?? (await realpath(this.folder));
    const postmaster = await this.#start(files, socketFolder);
    this.#running = { files, postmaster };
    return postmaster;
  }

  async #start(files: string, socketFolder: string | undefined): Promise<Postmaster> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    let child: { exited: boolean } | undefined;
    let launches = 0;
    while (Date.now() < deadline) {
      const postmaster = await readPostmaster(files);
      if (postmaster?.ready) return postmaster;
      if (!postmaster && child?.exited !== false) {
        if (launches === MAX_LAUNCHES) break;
        // After a crash it may have to wait for the last process of the one before.
        if (launches > 0) await sleep(LAUNCH_PAUSE_MS);
        child = await this.#launch(files, socketFolder);
        launches++;
      }
      await sleep(POLL_MS);
    }
    throw new StartError(`PostgreSQL did not start. Its last words, from ${this.logFile}:\n${await this.#lastWords()}`);
  }

  /** Stops the PostgreSQL over the files, whoever started it: sessions end, everything acknowledged is kept. */
  async stop(): Promise<void> {
    const postmaster = (await readPostmaster(this.files)) ?? this.#running?.postmaster;
    if (!postmaster || !isAlive(postmaster.pid)) return;
    process.kill(postmaster.pid, "SIGINT"); // "Fast shutdown".
    const deadline = Date.now() + STOP_TIMEOUT_MS;
    while (isAlive(postmaster.pid)) {
      if (Date.now() > deadline)
        throw new Error(`PostgreSQL (process ${postmaster.pid}) does not stop; see ${this.logFile}`);
      await sleep(POLL_MS);
    }
    await rm(postmaster.socketFolder, { recursive: true, force: true });
  }

  /** Ends the process without a word; what was acknowledged is in its files, and found there by the next one. */
  kill(): void {
    const pid = this.#running?.postmaster.pid ?? this.#child?.pid;
    if (pid !== undefined && isAlive(pid)) process.kill(pid, "SIGQUIT"); // "Immediate shutdown".
  }

  async #launch(files: string, oldSocketFolder: string | undefined): Promise<{ exited: boolean }> {
    // In the folder for temporary files, because the path of a socket is limited to about 100 bytes.
    const socketFolder = oldSocketFolder ?? (await mkdtemp(join(tmpdir(), "patchbay-")));
    await mkdir(socketFolder, { recursive: true, mode: 0o700 });
    if (this.#user) await chown(socketFolder, this.#user.uid, this.#user.gid);
    const log = openSync(this.logFile, "a", 0o600);
    const state = { exited: false };
    const child = spawn(
      this.#installation.postgres,
      ["-D", files, ...settings({ listen_addresses: "", unix_socket_directories: socketFolder, ...SETTINGS })],
      {
        ...this.#identity(),
        // A group of its own, so that a Ctrl-C meant for the server does not stop the database under it.
        detached: true,
        stdio: ["ignore", log, log],
      },
    );
    child.once("exit", () => {
      state.exited = true;
    });
    child.once("error", () => {
      state.exited = true;
    });
    child.unref();
    this.#child = child;
    return state;
  }

  async #makePartial(): Promise<string> {
    await makeFolder(this.#dataDir);
    await this.#sweepUnfinished();
    const partial = join(await this.#reachableHome(), `postgres.${randomUUID()}.partial`);
    await mkdir(partial, { mode: 0o700 });
    return partial;
  }

  async #run(program: string, args: string[]): Promise<void> {
    const child = spawn(program, args, { ...this.#identity(), stdio: ["ignore", "ignore", "pipe"] });
    let complaints = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaints += text;
    });
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) =>
        code === 0 ? resolve() : reject(new StartError(`${program} failed (${code}): ${complaints.trim()}`)),
      );
    });
  }

  #identity() {
    const identity = this.#user ? { uid: this.#user.uid, gid: this.#user.gid } : {};
    return { ...identity, cwd: "/", env: { LC_ALL: "C", PATH: "/usr/bin:/bin" } };
  }

  /** The data folder, or one that the user PostgreSQL runs as can reach; then the data folder has a link to it. */
  async #reachableHome(): Promise<string> {
    if (!this.#user || canReach(this.#user, this.folder)) return this.#dataDir;
    await mkdir(SHARED_FOLDER, { recursive: true, mode: 0o755 });
    return SHARED_FOLDER;
  }

  /** What an initdb left behind that was killed. Only in the data folder: others may be at work in a shared one. */
  async #sweepUnfinished(): Promise<void> {
    const HOUR_MS = 3_600_000;
    for (const name of await readdir(this.#dataDir)) {
      const path = join(this.#dataDir, name);
      if (name.endsWith(".partial") && (await lstat(path)).mtimeMs < Date.now() - HOUR_MS) {
        await rm(path, { recursive: true, force: true });
      }
    }
  }

  async #lastWords(): Promise<string> {
    return (await readFile(this.logFile, "utf8")).trimEnd().split("\n").slice(-5).join("\n");
  }
}

/** With those above it. Node's own way never comes back from where there can be none, such as /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o755 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    if (code !== "ENOENT" || existsSync(dirname(path))) throw error;
    await makeFolder(dirname(path));
    await makeFolder(path);
  }
}

/** Why there can be no database in a folder, and what to do. */
function unusableFolder(dataDir: string, error: NodeJS.ErrnoException): unknown {
  const sentence = FOLDER_ERRORS[error.code ?? ""];
  if (!sentence) return error;
  const place = error.path && error.path !== dataDir ? ` (${error.path})` : "";
  const advice = "Set DATA_DIR to a folder that this user may write to, or DATABASE_URL to a PostgreSQL of your own.";
  return new StartError(`DATA_DIR is ${dataDir}, ${sentence}${place}. ${advice}`, { cause: error });
}

const FOLDER_ERRORS: Readonly<Record<string, string>> = {
  EACCES: "where this user may not write",
  EPERM: "where this user may not write",
  EROFS: "which is on a file system that is read-only",
  ENOTDIR: "of which a part is a file and no folder",
  EEXIST: "which is a file and no folder",
  ENOENT: "where no folder can be made",
  ENOSPC: "where there is no space left",
  ENAMETOOLONG: "whose name is too long",
  ELOOP: "which is a link that leads to itself",
};

/** Durable (PostgreSQL's defaults are), and no statement, whose values may be private, in its log. */
const SETTINGS: Record<string, string> = {
  max_connections: "100",
  timezone: "UTC",
  log_timezone: "UTC",
  log_error_verbosity: "terse",
  log_min_error_statement: "panic",
  log_parameter_max_length_on_error: "0",
};

function settings(values: Record<string, string>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}
