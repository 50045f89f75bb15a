import { accessSync, constants } from "node:fs";
import { resolve } from "node:path";
import { AddressError, type DatabaseUrls, parseAddress } from "../store/connection/database-address.ts";
import type { Retention } from "../store/partitions/partitions.ts";
import { DEFAULT_STORE_OPTIONS, type StoreOptions } from "../store/store.ts";
import { ConfigError } from "./config.ts";

type Read = (name: string) => string;

/** Calls that wait for nothing but the database have this long, unless their callers say otherwise. */
const CALL_TIMEOUT_SECONDS = "30";
/** Load balancers ask every few seconds whether a server is ready. */
const SHUTDOWN_GRACE_SECONDS = "5";

/** Reads the DATABASE_… settings; undefined is the embedded PostgreSQL. */
export function readDatabase(read: Read): DatabaseUrls | undefined {
  const url = read("DATABASE_URL");
  if (url === "") {
    const others = ["DATABASE_URL_DIRECT", "DATABASE_URL_REPLICA", "DATABASE_PASSWORD_FILE"];
    const set = others.find((name) => read(name) !== "");
    if (set) throw new ConfigError(`${set} is set without DATABASE_URL, which it says more about.`);
    return undefined;
  }
  return {
    url: requireUrl("DATABASE_URL", url),
    directUrl: readUrl(read, "DATABASE_URL_DIRECT"),
    replicaUrl: readUrl(read, "DATABASE_URL_REPLICA"),
    passwordFile: readPasswordFile(read("DATABASE_PASSWORD_FILE")),
  };
}

export function readStoreOptions(read: Read): StoreOptions {
  const { poolSize, connectMs, queryMs, replicaLagMs } = DEFAULT_STORE_OPTIONS;
  return {
    poolSize: readNumber(read, "DATABASE_POOL_SIZE", String(poolSize), 2, 1_000),
    connectMs: readNumber(read, "DATABASE_CONNECT_TIMEOUT_MS", String(connectMs), 100, 60_000),
    queryMs: readNumber(read, "DATABASE_QUERY_TIMEOUT_MS", String(queryMs), 100, 600_000),
    replicaLagMs: readNumber(read, "DATABASE_REPLICA_LAG_MS", String(replicaLagMs), 5_000, 3_600_000),
  };
}

export function readRetention(read: Read): Retention {
  return {
    usageDays: readNumber(read, "USAGE_RETENTION_DAYS", "400", 0, 36_500),
    changeHours: readNumber(read, "CHANGE_RETENTION_HOURS", "24", 1, 8_760),
    auditDays: readNumber(read, "AUDIT_RETENTION_DAYS", "0", 0, 36_500),
  };
}

/** In milliseconds. */
export function readCallTimeout(read: Read): number {
  return readNumber(read, "CALL_TIMEOUT_SECONDS", CALL_TIMEOUT_SECONDS, 1, 3_600) * 1_000;
}

/** In milliseconds. Nobody can go to another server where there is but one: the embedded database has one. */
export function readShutdownGrace(read: Read): number {
  const fallback = read("DATABASE_URL") === "" ? "0" : SHUTDOWN_GRACE_SECONDS;
  return readNumber(read, "SHUTDOWN_GRACE_SECONDS", fallback, 0, 600) * 1_000;
}

function readUrl(read: Read, name: string): string | undefined {
  const url = read(name);
  return url === "" ? undefined : requireUrl(name, url);
}

function requireUrl(name: string, url: string): string {
  try {
    parseAddress(url);
    return url;
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    // The text may hold a password: it is not repeated.
    throw new ConfigError(`${name} cannot be used: ${error.message}.`, { cause: error });
  }
}

function readPasswordFile(text: string): string | undefined {
  if (text === "") return undefined;
  const file = resolve(text);
  try {
    accessSync(file, constants.R_OK);
  } catch (cause) {
    throw new ConfigError(`DATABASE_PASSWORD_FILE is "${text}", which cannot be read.`, { cause });
  }
  return file;
}

function readNumber(read: Read, name: string, fallback: string, least: number, most: number): number {
  const text = read(name) || fallback;
  const number = Number(text);
  if (/^\d{1,9}$/.test(text) && number >= least && number <= most) return number;
  throw new ConfigError(`${name} is "${text}"; it must be a number from ${least} to ${most}.`);
}
