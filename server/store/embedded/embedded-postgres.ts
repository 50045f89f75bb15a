import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { StartError } from "../../base/fault.ts";
import { Cluster, ROLE } from "./cluster.ts";
import { installedPostgres } from "./installation.ts";
import { readPostmaster } from "./postmaster.ts";
import { systemUser } from "./system-user.ts";

/** Any number will do, as long as every server of every version takes the same. */
const LOCK = 5_063_100_001;
/** A killed server's connections need a moment to be noticed as gone. */
const LOCK_PATIENCE_MS = 2_000;
const LOCK_POLL_MS = 50;
const RESTART_PAUSE_MS = 200;

/** Another server is at work on the same data folder. */
export class DataFolderInUse extends StartError {
  override readonly name = "DataFolderInUse";
}

/** How to reach a database. */
export interface DatabaseAddress {
  readonly host: string;
  readonly user: string;
  readonly database: string;
}

/**
 * A PostgreSQL of our own under a data folder. As long as it is open, no other server can open the same folder, and
 * should its process die, it is started again. It outlives a server that is killed; the next one takes it over.
 */
export class EmbeddedPostgres {
  readonly #cluster: Cluster;
  readonly #onEvent: (message: string) => void;
  readonly address: DatabaseAddress;
  /** Where its files really are: a link in the data folder may lead there. */
  readonly files: string;
  #lock: Client;
  #stopping = false;

  private constructor(cluster: Cluster, address: DatabaseAddress, lock: Client, onEvent: (message: string) => void) {
    this.#cluster = cluster;
    this.files = cluster.files;
    this.address = address;
    this.#lock = lock;
    this.#onEvent = onEvent;
    this.#superviseBy(lock);
  }

  /**
   * The database of a folder for a command that works on it: beside the server that is using it, or, when none is, as a
   * server would. `close` leaves behind what was found running.
   */
  static async join(dataDir: string): Promise<{ address: DatabaseAddress; close(): Promise<void> }> {
    const folder = join(dataDir, "postgres");
    if (!existsSync(join(folder, "PG_VERSION"))) {
      throw new StartError(`There is no database in ${dataDir}. Set DATA_DIR or DATABASE_URL to what the server has.`);
    }
    try {
      const postgres = await EmbeddedPostgres.open(dataDir, () => {}, { lockPatienceMs: 0 });
      return { address: postgres.address, close: () => postgres.stop() };
    } catch (error) {
      const postmaster = error instanceof DataFolderInUse ? await readPostmaster(folder) : undefined;
      if (!postmaster) throw error;
      return { address: { host: postmaster.socketFolder, user: ROLE, database: ROLE }, close: async () => {} };
    }
  }

  /**
   * Opens the folder, making it on the first time; `onEvent` is told what happens to the process later. When `halt`
   * aborts, the process ends at once: the next start finds everything acknowledged, and needs a moment more for it.
   */
  static async open(
    dataDir: string,
    onEvent: (message: string) => void,
    { halt, lockPatienceMs = LOCK_PATIENCE_MS }: { halt?: AbortSignal; lockPatienceMs?: number } = {},
  ): Promise<EmbeddedPostgres> {
    const user = systemUser();
    const cluster = new Cluster(await installedPostgres(user), user, dataDir);
    halt?.addEventListener("abort", () => cluster.kill());
    const isNew = await cluster.initialise();
    const { socketFolder } = await cluster.start();
    const lock = await takeLock(socketFolder, dataDir, lockPatienceMs);
    const address = { host: socketFolder, user: ROLE, database: ROLE };
    if (isNew || !(await hasDatabase(lock))) await lock.query(`create database ${ROLE}`);
    return new EmbeddedPostgres(cluster, address, lock, onEvent);
  }

  /** Ends the process; everything acknowledged is kept. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#lock.end().catch(() => {}); // It may be broken already; the process is what matters.
    await this.#cluster.stop();
  }

  #superviseBy(lock: Client): void {
    lock.once("end", () => {
      if (!this.#stopping) void this.#restart();
    });
  }

  async #restart(): Promise<void> {
    this.#onEvent("PostgreSQL is gone; starting it again");
    let complaint = "";
    while (!this.#stopping) {
      try {
        const { socketFolder } = await this.#cluster.start(this.address.host);
        this.#lock = await takeLock(socketFolder, this.#cluster.folder, LOCK_PATIENCE_MS);
        this.#superviseBy(this.#lock);
        this.#onEvent("PostgreSQL is back");
        return;
      } catch (error) {
        const { message } = error as Error;
        if (message !== complaint) this.#onEvent(`PostgreSQL does not start: ${message}`);
        complaint = message;
        await sleep(RESTART_PAUSE_MS);
      }
    }
  }
}

/** A session that holds the lock of the folder; the kernel gives it back when we die, however that happens. */
async function takeLock(socketFolder: string, dataDir: string, patienceMs: number): Promise<Client> {
  const client = new Client({
    host: socketFolder,
    user: ROLE,
    database: "postgres",
    application_name: `patchbay ${process.pid}`,
  });
  client.on("error", () => {}); // Followed by "end", which is what we act on.
  await client.connect();
  const deadline = Date.now() + patienceMs;
  while (true) {
    const { rows } = await client.query("select pg_try_advisory_lock($1) as taken", [LOCK]);
    if (rows[0].taken) return client;
    if (Date.now() > deadline) break;
    await sleep(LOCK_POLL_MS);
  }
  const { rows } = await client.query(
    "select application_name from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory' and granted",
  );
  await client.end();
  const holder = String(rows[0]?.application_name ?? "").replace("patchbay ", "process ");
  throw new DataFolderInUse(
    `Another Patchbay server (${holder || "already gone; try again"}) is using ${dataDir}. ` +
      "Stop it, or give this one a DATA_DIR of its own. Several servers share a database by DATABASE_URL.",
  );
}

async function hasDatabase(client: Client): Promise<boolean> {
  const { rowCount } = await client.query("select from pg_database where datname = $1", [ROLE]);
  return rowCount === 1;
}
