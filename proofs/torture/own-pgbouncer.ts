import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { systemUser } from "../../server/store/embedded/system-user.ts";
import { freePort, type OwnPostgres } from "./own-postgres.ts";

const PROGRAM = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].find(existsSync);

/** Whether Debian's pgbouncer is here. */
export const hasPgBouncer = PROGRAM !== undefined;

/** A PgBouncer of one's own in front of a PostgreSQL, as its package has it: no startup parameter is ignored. */
export class OwnPgBouncer {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
  }

  static async start(
    postgres: Pick<OwnPostgres, "port" | "password">,
    folder: string,
    mode: "session" | "transaction",
    poolSize = 20,
  ): Promise<OwnPgBouncer> {
    const port = await freePort();
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, "users.txt"), `"postgres" "${postgres.password}"\n`, { mode: 0o644 });
    writeFileSync(
      join(folder, "pgbouncer.ini"),
      `[databases]
patchbay = host=127.0.0.1 port=${postgres.port} dbname=patchbay user=postgres password=${postgres.password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${join(folder, "users.txt")}
pool_mode = ${mode}
default_pool_size = ${poolSize}
max_client_conn = 500
`,
    );
    const user = systemUser();
    const identity = user ? { uid: user.uid, gid: user.gid } : {};
    const child = spawn(PROGRAM ?? "pgbouncer", [join(folder, "pgbouncer.ini")], { ...identity, stdio: "ignore" });
    for (const until = Date.now() + 30_000; ; await pause(50)) {
      if (await isOpen(port)) return new OwnPgBouncer(port, child);
      if (child.exitCode !== null || Date.now() > until)
        throw new Error(`pgbouncer does not start (${child.exitCode})`);
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
