import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, chownSync, cpSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";
import { installedPostgres } from "../../server/store/embedded/installation.ts";
import { systemUser } from "../../server/store/embedded/system-user.ts";

const READY_TIMEOUT_MS = 60_000;

/** A PostgreSQL of one's own on a loopback port, with a password, to be treated badly. */
export class OwnPostgres {
  readonly folder: string;
  readonly port: number;
  readonly #programs: { readonly initdb: string; readonly postgres: string };
  #child: ChildProcess | undefined;
  password = "first-password";

  private constructor(folder: string, port: number, programs: { initdb: string; postgres: string }) {
    this.folder = folder;
    this.port = port;
    this.#programs = programs;
  }

  /** With other programs than the embedded ones where they are given. */
  static async create(folder: string, programs?: { initdb: string; postgres: string }): Promise<OwnPostgres> {
    const postgres = await OwnPostgres.#at(folder, programs);
    postgres.#initialise();
    await postgres.start();
    await postgres.administer("create database patchbay");
    return postgres;
  }

  /** A standby of a running server, made from a copy of its files; it may follow synchronously. */
  static async standbyOf(primary: OwnPostgres, folder: string): Promise<OwnPostgres> {
    const standby = await OwnPostgres.#at(folder);
    standby.password = primary.password;
    await standby.follow(primary);
    return standby;
  }

  static async #at(folder: string, programs?: { initdb: string; postgres: string }): Promise<OwnPostgres> {
    return new OwnPostgres(folder, await freePort(), programs ?? (await installedPostgres(systemUser())));
  }

  /** Throws away what it has and follows another server. */
  async follow(primary: OwnPostgres): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true });
    const client = await primary.connect();
    try {
      await client.query("select pg_backup_start('standby', true)");
      cpSync(primary.folder, this.folder, { recursive: true, filter: (path) => !/postmaster\.(pid|opts)$/.test(path) });
      const { rows } = await client.query("select labelfile from pg_backup_stop(false)");
      writeFileSync(join(this.folder, "backup_label"), rows[0].labelfile);
    } finally {
      await client.end();
    }
    writeFileSync(join(this.folder, "standby.signal"), "");
    const target = `host=127.0.0.1 port=${primary.port} user=postgres password=${primary.password}`;
    appendFileSync(join(this.folder, "postgresql.auto.conf"), `primary_conninfo = '${target}'\n`);
    this.#own();
    await this.start();
  }

  async promote(): Promise<void> {
    await this.administer("select pg_promote(true, 30)");
  }

  /** Starts it if it does not run; resolves once it takes connections. */
  async start(): Promise<void> {
    if (this.#child?.exitCode !== null || this.#child.signalCode !== null) this.#launch();
    const deadline = Date.now() + READY_TIMEOUT_MS;
    for (;;) {
      try {
        return await (await this.connect()).end();
      } catch (error) {
        if (Date.now() > deadline) throw error;
        if (this.#child?.exitCode !== null || this.#child.signalCode !== null) {
          await pause(100); // The last process of the one before may still be there.
          this.#launch();
        }
        await pause(20);
      }
    }
  }

  /** The whole server at once, as a machine that loses its power. */
  async kill(): Promise<void> {
    const gone = this.#gone();
    this.#child?.kill("SIGKILL");
    await gone;
  }

  async stop(): Promise<void> {
    this.signalAll("SIGCONT");
    const gone = this.#gone();
    this.#child?.kill("SIGINT");
    await Promise.race([gone, pause(10_000, undefined, { ref: false })]);
    if (this.#child?.exitCode === null) await this.kill();
  }

  /** To the server and all of its sessions. */
  signalAll(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" });
    for (const one of [pid, ...stdout.split(/\s+/).filter(Boolean).map(Number)]) {
      try {
        process.kill(one, signal);
      } catch {
        // It ended meanwhile.
      }
    }
  }

  /** One session's process, as the kernel does it when memory runs out: PostgreSQL starts all of itself again. */
  async killSession(): Promise<void> {
    const [row] = await this.administer(
      "select pid from pg_stat_activity where application_name = 'patchbay' order by random() limit 1",
    );
    if (row) process.kill(Number(row.pid), "SIGKILL");
  }

  async administer(statement: string, database = "postgres"): Promise<Record<string, unknown>[]> {
    const client = await this.connect(database);
    try {
      return (await client.query(statement)).rows;
    } finally {
      await client.end();
    }
  }

  /** By another port where there is something in between. */
  async connect(database = "postgres", port = this.port): Promise<Client> {
    const client = new Client({
      host: "127.0.0.1",
      port,
      user: "postgres",
      password: this.password,
      database,
      application_name: "torture",
      connectionTimeoutMillis: 5_000,
      options: "-c default_transaction_read_only=off",
    });
    client.on("error", () => {});
    await client.connect();
    return client;
  }

  get logFile(): string {
    return `${this.folder}.log`;
  }

  get log(): string {
    return readFileSync(this.logFile, "utf8");
  }

  #gone(): Promise<unknown> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return once(child, "exit");
  }

  #initialise(): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    this.#own();
    const passwordFile = `${this.folder}.password`;
    writeFileSync(passwordFile, this.password);
    const { status, stderr } = spawnSync(
      this.#programs.initdb,
      [
        `--pgdata=${this.folder}`,
        "--username=postgres",
        "--auth=scram-sha-256",
        `--pwfile=${passwordFile}`,
        "--locale=C",
      ],
      { ...this.#identity(), encoding: "utf8" },
    );
    if (status !== 0) throw new Error(`initdb failed: ${stderr}`);
    appendFileSync(join(this.folder, "pg_hba.conf"), "host replication all 127.0.0.1/32 scram-sha-256\n");
  }

  #launch(): void {
    const log = openSync(this.logFile, "a");
    const settings = [
      "listen_addresses=127.0.0.1",
      `port=${this.port}`,
      "unix_socket_directories=",
      "wal_level=replica",
    ];
    this.#child = spawn(
      this.#programs.postgres,
      ["-D", this.folder, ...settings.flatMap((setting) => ["-c", setting])],
      { ...this.#identity(), stdio: ["ignore", log, log] },
    );
  }

  #own(): void {
    const user = systemUser();
    if (user) spawnSync("chown", ["-R", `${user.uid}:${user.gid}`, this.folder]);
    else chownSync(this.folder, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
  }

  #identity() {
    const user = systemUser();
    return { ...(user ? { uid: user.uid, gid: user.gid } : {}), cwd: "/", env: { LC_ALL: "C", PATH: "/usr/bin:/bin" } };
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
