import { ConnectionException, DriverException } from "@mikro-orm/postgresql";
import { DatabaseError } from "pg";
import { Fault } from "../../base/fault.ts";

/**
 * SQLSTATEs of a database that is not there, is going or cannot be used as it is: connections (08), resources (53), the
 * operator and time (57), its system (58); one that only reads, such as a standby (25006), a transaction that idled
 * (25P03), a password or a role that is not taken (28), a database that is gone (3D000), a pooler that mixed up what was
 * prepared (26000, 42P05); and one that is too busy: a lock that did not come in time, a deadlock that was broken.
 */
const OUTAGE_STATES = /^(08|53|57|58|28|25006|25P03|3D000|26000|42P05|55P03|40P01)/;
const OUTAGE_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "EHOSTDOWN",
  "EAI_AGAIN",
  "ENOTFOUND",
  "ENOENT",
  "EACCES",
  "EPIPE",
  "ETIMEDOUT",
]);
const OUTAGE_WORDS =
  /^Connection terminated|^SASL: |timeout exceeded when trying to connect|^timeout expired|^Client has encountered|^Client was closed|^Query read timeout|is not currently accepting connections|^Cannot use a pool after calling end|^driver has already been destroyed|^The server does not support SSL/;
const RETRY_AFTER_MS = 1_000;

/**
 * The refusal for an error that says that the database is not there, or that the audit record of something could not be
 * written and nothing was done therefore; undefined for any other error.
 */
export function outageOf(error: unknown): Fault | undefined {
  if (error instanceof Fault) return error.reason === "STORE_UNAVAILABLE" ? error : undefined;
  if (isOfAudit(error)) {
    const message = "nothing was done, because the audit record of it cannot be written; try again in a moment";
    return new Fault("AUDIT_UNAVAILABLE", message, { retryAfterMs: RETRY_AFTER_MS }, error);
  }
  if (!isOutage(error)) return undefined;
  return storeUnavailable("the database does not answer, or takes no writes; try again in a moment", error);
}

/** Whether PostgreSQL has given a transaction up, of which nothing is left, for another one that waited for it as it did for that. */
export function isDeadlock(error: unknown): boolean {
  return (error as { code?: string } | null)?.code === "40P01";
}

/** The refusal of what the database would be needed for. */
export function storeUnavailable(message: string, cause?: unknown): Fault {
  return new Fault("STORE_UNAVAILABLE", message, { retryAfterMs: RETRY_AFTER_MS }, cause);
}

/** PostgreSQL says in which of its functions something failed. */
function isOfAudit(error: unknown): boolean {
  return (error as { where?: string } | null)?.where?.includes("append_audit_event(") ?? false;
}

function isOutage(error: unknown): boolean {
  if (error instanceof ConnectionException) return true;
  const { code, message = "" } = error as { code?: string; message?: string };
  // Words of pg for a connection that broke or has no password, of its pool for one that did not come in time, and of a database in repair.
  if (OUTAGE_WORDS.test(message)) return true;
  if (code === undefined) return false;
  return (
    OUTAGE_CODES.has(code) ||
    isTls(code) ||
    // One that has no server for us says so in the words of PostgreSQL.
    code === "08001" ||
    ((error instanceof DriverException || error instanceof DatabaseError) && OUTAGE_STATES.test(code))
  );
}

/** A certificate that was taken once, and is not now. */
function isTls(code: string): boolean {
  return /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_)/.test(code);
}
