import { ConnectionException, DriverException } from "@mikro-orm/postgresql";
import { DatabaseError } from "pg";
import { Fault } from "../../base/fault.ts";

/**
 * SQLSTATE classes of a database that is not there or is going (connection, resources, operator, system), or too busy: a
 * lock that did not come in time, a deadlock that was broken.
 */
const OUTAGE_STATES = /^(08|53|57P|58|55P03|40P01)/;
const OUTAGE_CODES = new Set(["ECONNREFUSED", "ECONNRESET", "ENOENT", "EPIPE", "ETIMEDOUT"]);
const OUTAGE_WORDS =
  /^Connection terminated|timeout exceeded when trying to connect|^Client has encountered|^Query read timeout|is not currently accepting connections/;
const RETRY_AFTER_MS = 1_000;

/**
 * The refusal for an error that says that the database is not there, or that the audit record of something could not be
 * written and nothing was done therefore; undefined for any other error.
 */
export function outageOf(error: unknown): Fault | undefined {
  if (isOfAudit(error)) {
    const message = "nothing was done, because the audit record of it cannot be written; try again in a moment";
    return new Fault("AUDIT_UNAVAILABLE", message, { retryAfterMs: RETRY_AFTER_MS }, error);
  }
  if (!isOutage(error)) return undefined;
  const message = "the database does not answer; try again in a moment";
  return new Fault("STORE_UNAVAILABLE", message, { retryAfterMs: RETRY_AFTER_MS }, error);
}

/** PostgreSQL says in which of its functions something failed. */
function isOfAudit(error: unknown): boolean {
  return (error as { where?: string } | null)?.where?.includes("append_audit_event(") ?? false;
}

function isOutage(error: unknown): boolean {
  if (error instanceof ConnectionException) return true;
  const { code, message = "" } = error as { code?: string; message?: string };
  // Words of pg for a connection that broke, of its pool for one that did not come in time, and of a database in repair.
  if (OUTAGE_WORDS.test(message)) return true;
  if (code === undefined) return false;
  return (
    OUTAGE_CODES.has(code) ||
    ((error instanceof DriverException || error instanceof DatabaseError) && OUTAGE_STATES.test(code))
  );
}
