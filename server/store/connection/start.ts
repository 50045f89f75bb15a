import { setTimeout as sleep } from "node:timers/promises";
import { type Client, DatabaseError } from "pg";
import { StartError } from "../../base/fault.ts";
import type { Connector } from "./connector.ts";
import { NoSuchServer } from "./hosts.ts";

const OLDEST_POSTGRES = 15;
/** A database that is starting or is in repair after a crash is waited for; one that is not there is not. */
const STARTING_PATIENCE_MS = 30_000;
const STARTING_STATE = "57P03";
const PAUSE_MS = 500;

/** Opens a connection for the start of a server, or says in one sentence why there is none. `setting` is to be checked. */
export async function connectForStart(
  connector: Connector,
  setting: string,
  onWarning: (message: string) => void,
): Promise<Client> {
  const deadline = Date.now() + STARTING_PATIENCE_MS;
  for (let hasWarned = false; ; hasWarned = true) {
    const client = connector.client({ application_name: "patchbay start", query_timeout: 10_000 });
    client.on("error", () => {}); // What it breaks says so.
    try {
      await client.connect();
      return client;
    } catch (error) {
      client.end().catch(() => {});
      if ((error as { code?: string }).code !== STARTING_STATE || Date.now() > deadline) {
        throw new StartError(`${whyNot(error, connector.timeouts.connectMs)} ${setting} says where it is.`, {
          cause: error,
        });
      }
      if (!hasWarned) onWarning("the database is starting; waiting for it");
      await sleep(PAUSE_MS);
    }
  }
}

/** That it is a PostgreSQL that a server can work with. */
export async function requireUsable(client: Client): Promise<void> {
  const { rows } = await asStart(
    client.query(`select current_setting('server_version_num')::int as version, pg_is_in_recovery() as standby,
      current_setting('transaction_read_only') = 'on' as "readOnly"`),
  );
  const { version, standby, readOnly } = rows[0];
  const major = Math.floor(version / 10_000);
  if (major < OLDEST_POSTGRES) {
    throw new StartError(`The database is PostgreSQL ${major}; ${OLDEST_POSTGRES} or later is needed.`);
  }
  if (standby) {
    throw new StartError(
      "The database is a standby, which only reads. Name the primary in DATABASE_URL, or all servers of the cluster " +
        "with commas and target_session_attrs=read-write.",
    );
  }
  if (readOnly) {
    throw new StartError("The database only reads: default_transaction_read_only is on for this role or database.");
  }
}

/**
 * Whether a pooler is in front of the database: it tells its clients other process ids than PostgreSQL has. Which of its
 * modes it is in cannot be told from here, so that the strictest is assumed.
 */
export async function isBehindPooler(client: Client): Promise<boolean> {
  const { rows } = await asStart(client.query("select pg_backend_pid() as pid"));
  return (client as unknown as { processID: number | null }).processID !== rows[0].pid;
}

/** An error of the database while a server starts, as a sentence. */
export async function asStart<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(whyNot(error, 0), { cause: error });
  }
}

/** What is wrong with a database, and what to do. It never holds what the settings hold. */
function whyNot(error: unknown, connectMs: number): string {
  const { code = "", message = "" } = error as { code?: string; message?: string };
  if (error instanceof DatabaseError) return sentenceFor(code, message);
  if (error instanceof NoSuchServer) return `There is no server to use: ${message}.`;
  if (/SELF_SIGNED|UNABLE_TO_|CERT_|ERR_TLS|ERR_SSL|ISSUER/.test(code)) {
    return (
      `The database's certificate is not trusted (${code}). Name its authority with sslrootcert=/path/to/ca.pem in the ` +
      "URL, or take any certificate with sslmode=no-verify."
    );
  }
  if (/does not support SSL/.test(message)) {
    return "The database does not speak TLS, which sslmode in the URL asks for.";
  }
  if (/^(ENOTFOUND|EAI_AGAIN)$/.test(code)) return `The name of the database's host is not known (${code}).`;
  if (code === "ENOENT" && /password|passfile/i.test(String((error as { path?: string }).path ?? ""))) {
    return "The file of DATABASE_PASSWORD_FILE is not there.";
  }
  if (/^SASL: .*password/.test(message)) {
    return "The database wants a password, and there is none: in the URL, in DATABASE_PASSWORD_FILE or in libpq's passfile.";
  }
  if (/timeout expired|connection timeout|Query read timeout/.test(message)) {
    const patience = connectMs > 0 ? ` within ${connectMs} ms` : "";
    return `The database does not answer${patience}: it accepts connections and says nothing, or a firewall drops them.`;
  }
  return `The database cannot be reached (${code || message}).`;
}

function sentenceFor(code: string, message: string): string {
  switch (code) {
    case "28P01":
    case "28000":
      return `The database does not take the user or the password (${code}).`;
    case "3D000":
      return "The server has no such database (3D000); create it, or mend the name at the end of the URL.";
    case "08P01":
      return (
        `A pooler in front of the database does not take the connection (08P01: ${message}). Name the database itself ` +
        "in DATABASE_URL_DIRECT for migrations and LISTEN."
      );
    case "42501":
      return "The database's role may not do what a migration needs (42501): it must own the schema's tables.";
    case "53300":
      return "The database has no connection left (53300); raise its max_connections, or lower DATABASE_POOL_SIZE.";
    case "57P03":
      return "The database is starting up, or shutting down (57P03).";
    case "25006":
      return "The database only reads (25006): it is a standby, or was told so.";
    default:
      return `The database refuses: ${message} (${code}).`;
  }
}
