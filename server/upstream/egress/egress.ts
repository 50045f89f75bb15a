import { LRUCache } from "lru-cache";
import { buildConnector } from "undici";
import type { Patience } from "../models/patience.ts";
import type { AllowRule } from "./allow-rule.ts";
import { type LocalEndpoint, type Route, routeOf } from "./check-url.ts";
import { type DenyReason, EgressDenied } from "./denial.ts";
import { type EgressResponse, Exchange } from "./exchange.ts";
import { type ConnectorFactory, type Resolver, resolveBySystem } from "./guarded-connect.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { blocked, unsendable } from "./network-failure.ts";
import { Pools } from "./pools.ts";

/** What an Egress is made of. */
export interface EgressOptions {
  /** What the operator opens beyond public https. */
  readonly allow: readonly AllowRule[];
  /** Endpoints in this process, which are open by their URLs. Default: none. */
  readonly locals?: readonly LocalEndpoint[];
  /** Default: the system's, hosts file included. */
  readonly resolve?: Resolver;
  /** Default: undici's. Whatever it is, the guard stands before and behind it. */
  readonly connectorFactory?: ConnectorFactory;
  readonly limits?: Partial<Limits>;
}

/** One call to make. */
export interface EgressCall {
  readonly ownerId: string;
  readonly url: string;
  /** Of our own making: a URL that was given to us has none. */
  readonly query?: Readonly<Record<string, string>>;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Whether the reply is read as it is written. */
  readonly streamed: boolean;
  /** Default: that of the limits. */
  readonly patience?: Partial<Patience> | undefined;
  readonly signal: AbortSignal;
}

/** Headers that say where a message begins, ends and goes: ours to write, and no caller's. */
const FRAMING = new Set(
  ["host", "connection", "content-length", "transfer-encoding", "upgrade", "accept-encoding"].concat([
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "expect",
  ]),
);

/** How many URLs are known to be open. */
const MAX_ROUTES = 10_000;

/**
 * The only way out of this server: every call to an address that somebody gave us is made here, to public addresses
 * over https, and else to what the operator opened. It follows no redirect, repeats nothing and knows no proxy.
 */
export class Egress {
  readonly limits: Limits;
  readonly #allow: readonly AllowRule[];
  readonly #locals: readonly LocalEndpoint[];
  readonly #pools: Pools;
  readonly #routes = new LRUCache<string, Route>({ max: MAX_ROUTES });

  constructor({
    allow,
    locals = [],
    resolve = resolveBySystem,
    connectorFactory = buildConnector,
    limits,
  }: EgressOptions) {
    this.#allow = allow;
    this.#locals = locals;
    this.limits = { ...defaultLimits, ...limits };
    this.#pools = new Pools({ resolve, connectorFactory, limits: this.limits });
  }

  /** Whether a URL is open, as far as that can be said without asking the network. */
  check(url: string): { allowed: true } | { allowed: false; reason: DenyReason } {
    try {
      routeOf(url, this.#allow, this.#locals);
      return { allowed: true };
    } catch (error) {
      if (error instanceof EgressDenied) return { allowed: false, reason: error.reason };
      throw error;
    }
  }

  /** The answer to one call. Throws UpstreamFailure, and the signal's reason when it aborts. */
  async request(call: EgressCall): Promise<EgressResponse> {
    call.signal.throwIfAborted();
    if (Object.keys(call.headers).some((name) => FRAMING.has(name.toLowerCase()))) throw unsendable();
    const { dispatcher, isForOne, release, path, route } = this.#open(call);
    const exchange = new Exchange({
      limits: this.limits,
      route,
      streamed: call.streamed,
      patience: { ...this.limits, ...call.patience },
      signal: call.signal,
      onClose: release,
    });
    const headers = { ...call.headers, "accept-encoding": "identity" };
    const request = { path, method: call.method, headers, body: call.body ?? null };
    dispatcher.dispatch(isForOne ? { ...request, reset: true } : request, exchange);
    return exchange.response;
  }

  /** Closes all connections; calls under way fail. */
  close(): Promise<void> {
    return this.#pools.close();
  }

  #open({ ownerId, url, query }: EgressCall) {
    const route = this.#routeOf(url);
    const search = query === undefined ? "" : new URLSearchParams(query).toString();
    const path = search === "" ? route.path : `${route.path}?${search}`;
    return { ...this.#pools.lease(ownerId, route), path, route };
  }

  /** The rules stay as they are while a server runs, and so do the routes that passed them. */
  #routeOf(url: string): Route {
    const known = this.#routes.get(url);
    if (known) return known;
    try {
      const route = routeOf(url, this.#allow, this.#locals);
      this.#routes.set(url, route);
      return route;
    } catch (error) {
      if (error instanceof EgressDenied) throw blocked(error, url);
      throw error;
    }
  }
}
