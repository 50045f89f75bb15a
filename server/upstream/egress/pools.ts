import type { Socket } from "node:net";
import { LRUCache } from "lru-cache";
import { type buildConnector, Client, Pool } from "undici";
import type { LocalEndpoint, Route } from "./check-url.ts";
import { type ConnectorFactory, guardedConnect, type Resolver } from "./guarded-connect.ts";
import type { Limits } from "./limits.ts";

interface Entry {
  readonly key: string;
  readonly pool: Pool;
  callsUnderWay: number;
  /** When the last call ended. */
  idleSince: number;
}

interface Options {
  readonly resolve: Resolver;
  readonly connectorFactory: ConnectorFactory;
  readonly limits: Limits;
}

/** Who calls twice within this time is worth a pool of their own, at the price of somebody else's. */
const SOON_MS = 2_000;
const MAX_PASSERS_BY = 10_000;
const MAX_CONNECTORS = 1_000;

/** Connections that are borrowed for one call. */
export interface Lease {
  readonly dispatcher: Pool | Client;
  /** Whether the connection serves this call only, and is closed behind it. */
  readonly isForOne: boolean;
  /** Gives it back; to be called once, when the call has ended. */
  release(): void;
}

/**
 * Connections, kept apart by owner and origin: what an endpoint sends on a socket can only ever reach the calls of the
 * one owner who chose that endpoint. Pools without calls are closed when they are old. When there are as many as there may
 * be, whoever else comes gets a connection for one call: a pool for each of ten thousand owners who call in turn would be
 * made for one call, too, at three times the price and twice the memory.
 */
export class Pools {
  readonly #entries = new Map<string, Entry>();
  /** Those without calls, in the order in which they were last used. */
  readonly #idle = new Map<string, Entry>();
  /** Who got a connection for one call, and when. */
  readonly #passersBy = new LRUCache<string, number>({ max: MAX_PASSERS_BY });
  readonly #connectors = new LRUCache<string, buildConnector.connector>({ max: MAX_CONNECTORS });
  readonly #forOne = new Set<Client>();
  readonly #options: Options;
  readonly #sweep: NodeJS.Timeout;

  constructor(options: Options) {
    this.#options = options;
    this.#sweep = setInterval(() => this.#closeIdle(), options.limits.keepAliveMs).unref();
  }

  /** How many pools there are, in use and idle. */
  get size(): number {
    return this.#entries.size;
  }

  lease(ownerId: string, route: Route): Lease {
    const key = `${ownerId} ${route.origin}`;
    const entry = this.#entries.get(key) ?? this.#open(key, route);
    if (!entry) return this.#leaseForOne(route);
    if (entry.callsUnderWay === 0) this.#idle.delete(key);
    entry.callsUnderWay += 1;
    return { dispatcher: entry.pool, isForOne: false, release: () => this.#release(entry) };
  }

  /** Closes all connections; calls under way fail. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    const all = [...[...this.#entries.values()].map(({ pool }) => pool), ...this.#forOne];
    this.#entries.clear();
    this.#idle.clear();
    await Promise.all(all.map((dispatcher) => dispatcher.destroy()));
  }

  #release(entry: Entry): void {
    entry.callsUnderWay -= 1;
    entry.idleSince = Date.now();
    if (entry.callsUnderWay === 0 && this.#entries.has(entry.key)) this.#idle.set(entry.key, entry);
  }

  /** Undefined when there are enough, and nobody who calls often enough to take the place of another. */
  #open(key: string, route: Route): Entry | undefined {
    if (this.#entries.size >= this.#options.limits.idlePools && !this.#makeRoom(key)) return undefined;
    const pool = new Pool(route.origin, this.#dispatcherOptions(this.#connectorFor(route)));
    const entry = { key, pool, callsUnderWay: 0, idleSince: Date.now() };
    this.#entries.set(key, entry);
    return entry;
  }

  #makeRoom(key: string): boolean {
    const now = Date.now();
    const before = this.#passersBy.get(key);
    this.#passersBy.set(key, now);
    if (before === undefined || now - before > SOON_MS) return false;
    const [longest] = this.#idle.values();
    if (!longest) return false;
    this.#close(longest);
    return true;
  }

  #leaseForOne(route: Route): Lease {
    let connect = this.#connectors.get(route.origin);
    if (!connect) {
      // No session of TLS is taken up by another owner, either.
      connect = this.#connectorFor(route, 0);
      this.#connectors.set(route.origin, connect);
    }
    const client = new Client(route.origin, this.#dispatcherOptions(connect));
    this.#forOne.add(client);
    const release = () => {
      this.#forOne.delete(client);
      // undici still works on the end of the reply.
      setImmediate(() => void client.destroy().catch(() => undefined));
    };
    return { dispatcher: client, isForOne: true, release };
  }

  #connectorFor(route: Route, maxCachedSessions?: number): buildConnector.connector {
    const { limits, resolve, connectorFactory } = this.#options;
    if (route.local) return connectInside(route.local);
    return guardedConnect({
      rule: route.rule,
      resolve,
      connectorFactory,
      connectMs: limits.connectMs,
      maxCachedSessions,
    });
  }

  #dispatcherOptions(connect: buildConnector.connector) {
    const { limits } = this.#options;
    return {
      connect,
      pipelining: 1,
      keepAliveTimeout: limits.keepAliveMs,
      keepAliveMaxTimeout: limits.keepAliveMs,
      maxHeaderSize: limits.headerBytes,
      // A call keeps its own deadlines, to the millisecond: see Exchange.
      headersTimeout: 0,
      bodyTimeout: 0,
    };
  }

  #closeIdle(): void {
    const before = Date.now() - this.#options.limits.keepAliveMs;
    for (const entry of this.#idle.values()) {
      if (entry.idleSince > before) return;
      this.#close(entry);
    }
  }

  #close({ key, pool }: Entry): void {
    this.#entries.delete(key);
    this.#idle.delete(key);
    pool.destroy().catch(() => undefined);
  }
}

/** undici takes any stream for a socket, but not before its own call has returned. */
function connectInside(local: LocalEndpoint): buildConnector.connector {
  return (_options, callback) => setImmediate(() => callback(null, local.connect() as Socket));
}
