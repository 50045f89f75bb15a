import { Client } from "pg";
import type { Address, Host, SessionAttributes } from "./database-address.ts";

const PROBE_TIMEOUT_MS = 2_000;

/** What a server is at the moment. */
interface Role {
  readonly standby: boolean;
  readonly readOnly: boolean;
}

/**
 * Which server of a database connections go to. The one that was found serves until it fails; then all are asked again,
 * at once, and the first in the order of the URL that is what was asked for takes its place: after a failover that is
 * the server that was promoted.
 */
export class Hosts {
  readonly #address: Address;
  #current: Host | undefined;
  #looking: Promise<Host> | undefined;

  constructor(address: Address) {
    this.#address = address;
    // One server that may be anything needs no look.
    if (this.isOne && address.attributes === "any") this.#current = address.hosts[0];
  }

  /** Where connections go now; undefined while that has to be found out. */
  get current(): Host | undefined {
    return this.#current;
  }

  /** A server that is what was asked for; fails, as a connection to it does, while there is none. */
  async find(): Promise<Host> {
    if (this.#current) return this.#current;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** The server that was found has failed, or is not what it was. */
  forget(): void {
    if (!this.isOne || this.#address.attributes !== "any") this.#current = undefined;
  }

  private get isOne(): boolean {
    return this.#address.hosts.length === 1;
  }

  async #look(): Promise<Host> {
    const { hosts, attributes } = this.#address;
    const asked = hosts.map((host) => ({ host, role: this.#roleOf(host) }));
    for (const { role } of asked) role.catch(() => {}); // The last failure is told, below.
    for (const wanted of wishesFor(attributes)) {
      let failure: unknown;
      for (const { host, role } of asked) {
        try {
          if (!wanted(await role)) continue;
          this.#current = host;
          return host;
        } catch (error) {
          failure = error;
        }
      }
      if (failure && asked.length === 1) throw failure;
    }
    throw new NoSuchServer(attributes, hosts.length);
  }

  async #roleOf({ host, port }: Host): Promise<Role> {
    const client = new Client({
      ...this.#address.config,
      host,
      port,
      connectionTimeoutMillis: PROBE_TIMEOUT_MS,
      query_timeout: PROBE_TIMEOUT_MS,
    });
    client.on("error", () => {}); // Whoever asks is told.
    try {
      await client.connect();
      const { rows } = await client.query<Role>(
        `select pg_is_in_recovery() as standby, current_setting('transaction_read_only') = 'on' as "readOnly"`,
      );
      return rows[0] as Role;
    } finally {
      client.end().catch(() => {});
    }
  }
}

/** No server of a URL is what its `target_session_attrs` asks for. */
export class NoSuchServer extends Error {
  override readonly name = "NoSuchServer";
  /** SQLSTATE of a client that cannot connect. */
  readonly code = "08001";

  constructor(attributes: SessionAttributes, count: number) {
    const servers = count === 1 ? "the server of the URL is not" : `none of the ${count} servers of the URL is`;
    super(`${servers} one that target_session_attrs=${attributes} asks for, or answers`);
  }
}

function wishesFor(attributes: SessionAttributes): ((role: Role) => boolean)[] {
  switch (attributes) {
    case "any":
      return [() => true];
    case "read-write":
      return [({ readOnly }) => !readOnly];
    case "read-only":
      return [({ readOnly }) => readOnly];
    case "primary":
      return [({ standby }) => !standby];
    case "standby":
      return [({ standby }) => standby];
    case "prefer-standby":
      return [({ standby }) => standby, () => true];
  }
}
