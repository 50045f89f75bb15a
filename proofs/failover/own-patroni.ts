import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";
import { systemUser } from "../../server/store/embedded/system-user.ts";
import { freePort } from "../torture/own-postgres.ts";

const PATRONI = "/usr/bin/patroni";
const ETCD = "/usr/bin/etcd";
const POSTGRES = "/usr/lib/postgresql";
/** The least that Patroni takes: after so long without a word of a leader there is a new one. */
const TTL_SECONDS = 20;
const START_MS = 180_000;

/** The Debian packages that are not here, by their names. */
export const missingPackages = [
  { name: "patroni", path: PATRONI },
  { name: "etcd-server", path: ETCD },
  { name: "postgresql", path: POSTGRES },
]
  .filter(({ path }) => !existsSync(path))
  .map(({ name }) => name);

/** One PostgreSQL under Patroni. */
export interface Member {
  readonly name: string;
  readonly port: number;
  readonly restPort: number;
  readonly folder: string;
  patroni: ChildProcess | undefined;
}

/** An etcd, and two PostgreSQLs under Patroni: a primary, and a standby that follows it synchronously. */
export class OwnPatroni {
  readonly password = "patroni-password";
  readonly members: readonly Member[];
  readonly #folder: string;
  readonly #etcdPort: number;
  readonly #etcd: ChildProcess;

  private constructor(folder: string, members: readonly Member[], etcdPort: number) {
    this.#folder = folder;
    this.members = members;
    this.#etcdPort = etcdPort;
    this.#etcd = this.#startEtcd();
  }

  static async start(folder: string): Promise<OwnPatroni> {
    mkdirSync(folder, { recursive: true });
    own(folder);
    const members: Member[] = [];
    for (const name of ["one", "two"]) {
      const ports = { port: await freePort(), restPort: await freePort() };
      members.push({ name, ...ports, folder: join(folder, name), patroni: undefined });
    }
    const cluster = new OwnPatroni(folder, members, await freePort());
    for (const member of members) {
      cluster.startMember(member);
      await cluster.whenIs(member, member.name === "one" ? "primary" : "replica");
    }
    await cluster.whenIs(cluster.#second, "synchronous");
    await cluster.administer(cluster.#first, "create database patchbay");
    return cluster;
  }

  get #first(): Member {
    return this.members[0] as Member;
  }

  get #second(): Member {
    return this.members[1] as Member;
  }

  startMember(member: Member): void {
    mkdirSync(member.folder, { recursive: true });
    const file = join(member.folder, "patroni.yml");
    writeFileSync(file, JSON.stringify(this.#settingsOf(member), null, 2)); // JSON is YAML.
    own(member.folder);
    member.patroni = run(PATRONI, [file], join(member.folder, "patroni.log"), member.folder);
  }

  /** As a machine that loses its power: PostgreSQL and Patroni are gone at once. */
  async killMember(member: Member): Promise<void> {
    const [pid = ""] = readFileSync(join(member.folder, "data/postmaster.pid"), "utf8").split("\n");
    const gone = member.patroni && once(member.patroni, "exit");
    member.patroni?.kill("SIGKILL");
    process.kill(Number(pid), "SIGKILL");
    await gone;
  }

  /** Patroni answers 200 to who asks whether a member is what it is. */
  async whenIs(member: Member, role: "primary" | "replica" | "synchronous"): Promise<void> {
    for (const until = Date.now() + START_MS; ; await pause(100)) {
      const answer = await fetch(`http://127.0.0.1:${member.restPort}/${role}`).catch(() => undefined);
      if (answer?.status === 200) return;
      if (Date.now() > until) throw new Error(`${member.name} is no ${role}: ${this.logOf(member)}`);
    }
  }

  /** To which of the others it went, and how long that took. */
  async whenPromoted(than: Member): Promise<Member> {
    const other = this.members.find((member) => member !== than) as Member;
    await this.whenIs(other, "primary");
    return other;
  }

  async administer(member: Member, statement: string, database = "postgres"): Promise<Record<string, unknown>[]> {
    const client = new Client({
      ...{ host: "127.0.0.1", port: member.port, user: "postgres", password: this.password, database },
    });
    client.on("error", () => {});
    await client.connect();
    try {
      return (await client.query(statement)).rows;
    } finally {
      await client.end();
    }
  }

  logOf(member: Member): string {
    return readFileSync(join(member.folder, "patroni.log"), "utf8").slice(-4_000);
  }

  async stop(): Promise<void> {
    for (const member of this.members) {
      if (member.patroni?.exitCode === null && member.patroni.signalCode === null) {
        await this.killMember(member).catch(() => {});
      }
    }
    this.#etcd.kill("SIGKILL");
  }

  #startEtcd(): ChildProcess {
    const url = `http://127.0.0.1:${this.#etcdPort}`;
    return run(
      ETCD,
      ["--data-dir", join(this.#folder, "etcd"), "--listen-client-urls", url, "--advertise-client-urls", url].concat([
        "--listen-peer-urls",
        "http://127.0.0.1:0",
      ]),
      join(this.#folder, "etcd.log"),
      this.#folder,
    );
  }

  #settingsOf({ name, port, restPort, folder }: Member): object {
    const rest = `127.0.0.1:${restPort}`;
    const [version = ""] = readdirSync(POSTGRES).sort((one, other) => Number(other) - Number(one));
    return {
      scope: "patchbay",
      name,
      restapi: { listen: rest, connect_address: rest },
      etcd3: { host: `127.0.0.1:${this.#etcdPort}` },
      bootstrap: {
        dcs: {
          ...{ ttl: TTL_SECONDS, loop_wait: 2, retry_timeout: 5, synchronous_mode: true },
          postgresql: { use_pg_rewind: true },
        },
        initdb: [{ encoding: "UTF8" }, { locale: "C" }, "data-checksums"],
        pg_hba: ["host replication all 127.0.0.1/32 scram-sha-256", "host all all 127.0.0.1/32 scram-sha-256"],
      },
      postgresql: {
        listen: `127.0.0.1:${port}`,
        connect_address: `127.0.0.1:${port}`,
        data_dir: join(folder, "data"),
        bin_dir: join(POSTGRES, version, "bin"),
        pgpass: join(folder, "pgpass"),
        parameters: { unix_socket_directories: folder, password_encryption: "scram-sha-256" },
        authentication: {
          superuser: { username: "postgres", password: this.password },
          replication: { username: "replicator", password: this.password },
        },
      },
    };
  }
}

/** As a user that PostgreSQL runs as. */
function run(program: string, args: string[], logFile: string, home: string): ChildProcess {
  const user = systemUser();
  const log = openSync(logFile, "a");
  return spawn(program, args, {
    ...(user ? { uid: user.uid, gid: user.gid } : {}),
    cwd: "/",
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C", HOME: home },
    stdio: ["ignore", log, log],
  });
}

function own(folder: string): void {
  const user = systemUser();
  if (user) spawnSync("chown", ["-R", `${user.uid}:${user.gid}`, folder]);
  chmodSync(folder, 0o755);
}
