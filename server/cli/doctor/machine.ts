import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { StartError } from "../../base/fault.ts";
import type { Config } from "../../config/config.ts";
import { systemUser } from "../../store/embedded/system-user.ts";
import { Egress } from "../../upstream/egress/egress.ts";
import { ruleFor } from "../../upstream/operator/otlp-collector.ts";
import { listen } from "../../wire/http/listen.ts";
import { doubt, type Finding, fine, wrong, wrongAs } from "./finding.ts";

const MAJOR_OF_EMBEDDED = "18";
const LITTLE_MB = 1_024;
const NO_ROOM_MB = 200;

/** The folder of the embedded database: whether it can be written to, has room, and is of a PostgreSQL that is here. */
export function examineDataFolder({ dataDir, database }: Config): Finding[] {
  if (database) return [];
  const about = "data folder";
  const found: Finding[] = [];
  const there = nearestThere(dataDir);
  if (!statSync(there).isDirectory()) {
    return [wrong(about, `${there}, on the way to DATA_DIR ${dataDir}, is a file and no folder`, OTHER_FOLDER)];
  }
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
    found.push(fine(about, there === dataDir ? `${dataDir} can be written to` : `${dataDir} can be made`));
  } catch {
    const { uid, mode } = statSync(there);
    const rights = (mode & 0o777).toString(8);
    const mend = `chown -R it to the user that the server runs as (${process.getuid?.()}), or: ${OTHER_FOLDER}`;
    found.push(
      wrong(about, `${there} belongs to user ${uid}, with mode ${rights}; this user may not write there`, mend),
    );
  }
  const version = join(dataDir, "postgres/PG_VERSION");
  if (existsSync(version)) {
    const major = readFileSync(version, "utf8").trim();
    if (major !== MAJOR_OF_EMBEDDED) {
      found.push(
        wrong(
          about,
          `its files are PostgreSQL ${major}'s, and this Patchbay brings ${MAJOR_OF_EMBEDDED}`,
          "Start the Patchbay that made them, pg_dump, and restore into a new DATA_DIR: docs/backup.md.",
        ),
      );
    }
  }
  return [...found, ...runAs(about), ...room(there), ...room(tmpdir())];
}

const OTHER_FOLDER =
  "Set DATA_DIR to a folder that this user may write to, or DATABASE_URL to a PostgreSQL of your own.";

/** A folder, or the first above it that is there. */
function nearestThere(path: string): string {
  return existsSync(path) ? path : nearestThere(dirname(path));
}

function runAs(about: string): Finding[] {
  try {
    const user = systemUser();
    return user ? [fine(about, `PostgreSQL runs as the user ${user.name}, because it refuses to run as root`)] : [];
  } catch (error) {
    return [wrongAs(about, error as StartError)];
  }
}

function room(folder: string): Finding[] {
  const { bavail, bsize, ffree, files } = statfsSync(folder);
  const megabytes = Math.floor((bavail * bsize) / 2 ** 20);
  const about = `disk of ${folder}`;
  if (files > 0 && ffree === 0) return [wrong(about, "it has no inodes left", "Delete files, or use another disk.")];
  if (megabytes < NO_ROOM_MB)
    return [wrong(about, `${megabytes} MB are free`, "Give it room: replies are lost without.")];
  if (megabytes < LITTLE_MB) return [doubt(about, `${megabytes} MB are free`, "Give it room before it is full.")];
  return [fine(about, `${(megabytes / 1_024).toFixed(1)} GB are free`)];
}

/** Whether the port is free, or a server of ours has it. */
export async function examinePort({ host, port, tls }: Config): Promise<Finding[]> {
  const about = "port";
  try {
    const listener = await listen((_, response) => void response.end(), { host, port, onError: () => {} });
    await listener.drain(0);
    return [fine(about, `${port === 0 ? "any" : port} on ${host} is free`)];
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    const isTaken = (error.cause as NodeJS.ErrnoException | undefined)?.code === "EADDRINUSE";
    // Who has a port that speaks TLS is not asked: its certificate is for another name than its address.
    const isOurs = isTaken && !tls && (await isPatchbay(`http://${nameOf(host)}:${port}`));
    return [isOurs ? fine(about, `a Patchbay server has ${port} on ${host}`) : wrongAs(about, error)];
  }
}

/** Where what listens on a host is found from here. */
function nameOf(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

/** Whether what has the port answers as a server of ours does to a call without a key. */
async function isPatchbay(url: string): Promise<boolean> {
  const egress = new Egress({ allow: [ruleFor(url)] });
  try {
    const { status, headers } = await egress.request({
      ownerId: "operator",
      url: `${url}/v1/llms`,
      method: "GET",
      headers: {},
      streamed: false,
      signal: AbortSignal.timeout(3_000),
    });
    return status === 401 && "x-request-id" in headers;
  } catch {
    return false; // Something else has the port.
  } finally {
    await egress.close();
  }
}

/** A clock that is far off makes certificates and tokens invalid, and orders usage wrongly. */
export function examineClock(now: Date, newestMigration: Date): Finding[] {
  if (now >= newestMigration) return [fine("clock", `it is ${now.toISOString()} here`)];
  const found = `this machine says that it is ${now.toISOString()}, before this Patchbay was made`;
  return [wrong("clock", found, "Let it follow a time server (timedatectl set-ntp true).")];
}
