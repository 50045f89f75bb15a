import type { Socket } from "node:net";
import { type buildConnector, Pool } from "undici";
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

/** A pool that is borrowed for one call. */
export interface Lease {
  readonly pool: Pool;
  /** Gives it back; to be called once, when the call has ended. */
  release(): void;
}

/**
 * Connections, kept apart by owner and origin: what an endpoint sends on a socket can only ever reach the calls of the
 * one owner who chose that endpoint. Pools without calls are closed when they are old or too many.
 */
export class Pools {
  readonly #entries = new Map<string, Entry>();
  readonly #options: Options;
  readonly #sweep: NodeJS.Timeout;

  constructor(options: Options) {
    this.#options = options;
    this.#sweep = setInterval(() => this.#closeIdle(), options.limits.keepAliveMs).unref();
  }

  /** How many there are, in use and idle. */
  get size(): number {
    return this.#entries.size;
  }

  lease(ownerId: string, route: Route): Lease {
    const key = `${ownerId} ${route.origin}`;
    const entry = this.#entries.get(key) ?? this.#open(key, route);
    entry.callsUnderWay += 1;
    return {
      pool: entry.pool,
      release: () => {
        entry.callsUnderWay -= 1;
        entry.idleSince = Date.now();
      },
    };
  }

  /** Closes all connections; calls under way fail. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    const pools = [...this.#entries.values()].map(({ pool }) => pool);
    this.#entries.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  #open(key: string, route: Route): Entry {
    const { limits, resolve, connectorFactory } = this.#options;
    if (this.#entries.size >= limits.idlePools) this.#closeLongestIdle();
    const pool = new Pool(route.origin, {
      connect: route.local
        ? connectInside(route.local)
        : guardedConnect({ rule: route.rule, resolve, connectorFactory, connectMs: limits.connectMs }),
      pipelining: 1,
      keepAliveTimeout: limits.keepAliveMs,
      keepAliveMaxTimeout: limits.keepAliveMs,
      maxHeaderSize: limits.headerBytes,
      // A call keeps its own deadlines, to the millisecond: see Exchange.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const entry = { key, pool, callsUnderWay: 0, idleSince: Date.now() };
    this.#entries.set(key, entry);
    return entry;
  }

  #closeIdle(): void {
    const before = Date.now() - this.#options.limits.keepAliveMs;
    for (const entry of this.#entries.values()) {
      if (entry.callsUnderWay === 0 && entry.idleSince <= before) this.#close(entry);
    }
  }

  /** Nothing, when all are in use: then their number is bounded by that of the calls under way. */
  #closeLongestIdle(): void {
    const idle = [...this.#entries.values()].filter(({ callsUnderWay }) => callsUnderWay === 0);
    const longest = idle.sort((a, b) => a.idleSince - b.idleSince)[0];
    if (longest !== undefined) this.#close(longest);
  }

  #close({ key, pool }: Entry): void {
    this.#entries.delete(key);
    pool.destroy().catch(() => undefined);
  }
}

/** undici takes any stream for a socket, but not before its own call has returned. */
function connectInside(local: LocalEndpoint): buildConnector.connector {
  return (_options, callback) => setImmediate(() => callback(null, local.connect() as Socket));
}
