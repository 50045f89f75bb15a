import { readFileSync } from "node:fs";
import type { ClientConfig } from "pg";
import { parse } from "pg-connection-string";
import type { DatabaseAddress } from "../embedded/embedded-postgres.ts";

/** Where the database is: one of our own, or anybody's by URL. */
export type Database = DatabaseAddress | DatabaseUrls;

export interface DatabaseUrls {
  readonly url: string;
  /** Past a pooler in front of `url`, for what a pooler in transaction mode cannot do: LISTEN, and migrations. */
  readonly directUrl?: string | undefined;
  /** A replica, for reads that may be old. */
  readonly replicaUrl?: string | undefined;
  /** The password of all of them, read for each new connection: a changed one needs no restart. */
  readonly passwordFile?: string | undefined;
}

/** Which of several servers a connection may be with; the words are libpq's. */
export const SESSION_ATTRIBUTES = ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"] as const;
export type SessionAttributes = (typeof SESSION_ATTRIBUTES)[number];

/** One server of a database. */
export interface Host {
  readonly host: string | undefined;
  readonly port: number | undefined;
}

/** A database as pg takes it, and the servers that it may be found on, in the order of the URL. */
export interface Address {
  readonly config: ClientConfig;
  readonly hosts: readonly Host[];
  readonly attributes: SessionAttributes;
}

/** A URL that libpq would not take, either. Its message never repeats the URL, which may hold a password. */
export class AddressError extends Error {
  override readonly name = "AddressError";
}

const URL_PARTS = /^(postgres(?:ql)?:\/\/(?:[^@/?#]*@)?)([^/?#]*)(.*)$/s;

/** The address of an embedded database. */
export function embeddedAddress({ host, user, database }: DatabaseAddress): Address {
  return { config: { host, user, database }, hosts: [{ host, port: undefined }], attributes: "any" };
}

/**
 * Reads a URL as libpq does: several hosts with commas, and `target_session_attrs`. Everything else in it is read by
 * pg's own reader.
 */
export function parseAddress(url: string, passwordFile?: string): Address {
  const [, start = "", authority = "", rest = ""] = URL_PARTS.exec(url) ?? [];
  if (start === "") throw new AddressError("it must look like postgres://user:password@host:5432/database");
  const configs = authority.split(",").map((host) => parseOne(`${start}${host}${rest}`));
  const [first] = configs as [ClientConfig];
  const hosts = configs.flatMap(({ host, port }) => hostsOf(host, port));
  // What is asked of sessions is ours to keep; PostgreSQL knows no such parameter.
  const { target_session_attrs: asked = "any", ...config } = first as ClientConfig & Record<string, unknown>;
  const attributes = SESSION_ATTRIBUTES.find((known) => known === asked);
  if (!attributes) throw new AddressError(`target_session_attrs must be one of ${SESSION_ATTRIBUTES.join(", ")}`);
  const password = passwordFile === undefined ? undefined : { password: () => readPassword(passwordFile) };
  return { config: withoutEmpty({ ...config, ...hosts[0], ...password }), hosts, attributes };
}

function parseOne(url: string): ClientConfig {
  try {
    return parse(url) as unknown as ClientConfig;
  } catch (cause) {
    throw new AddressError("it cannot be read as a URL; special characters in a password must be percent-encoded", {
      cause,
    });
  }
}

/** The parameter `host` may name several, too. */
function hostsOf(host: string | undefined, port: number | string | undefined): Host[] {
  const ports = String(port ?? "").split(",");
  return (host ?? "").split(",").map((name, index) => {
    const text = ports[index] ?? ports[0] ?? "";
    return { host: name || undefined, port: text === "" ? undefined : Number(text) };
  });
}

/** As a secret that is mounted has it: with or without the end of its line. */
function readPassword(file: string): string {
  return readFileSync(file, "utf8").replace(/\r?\n$/, "");
}

/** pg takes an empty string for a value; what is not said has libpq's default, a password from the passfile among them. */
function withoutEmpty(config: ClientConfig): ClientConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined && value !== ""));
}
