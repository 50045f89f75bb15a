import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import {
  Health as HealthService,
  HealthCheckResponse_ServingStatus as WireStatus,
} from "../../gen/grpc/health/v1/health_pb.ts";
import type { Listener } from "./http/listen.ts";

/** How often health asks whether the server can serve. */
const CHECK_EVERY_MS = 2_000;
/** After the signal to stop, calls that run have this long to finish by themselves, and as long as calls are taken. */
const PATIENCE_MS = 5_000;
/** When no more calls are taken, those that run are cut after so long. */
const CUT_MS = 8_000;

/** Tells callers and load balancers whether to send more, and ends what runs when the server stops. */
export class Lifecycle {
  readonly health: Health;
  readonly #canServe: () => Promise<boolean>;
  readonly #shutdown = new AbortController();
  readonly #checks: NodeJS.Timeout;
  #isStopping = false;

  constructor(serviceNames: readonly string[], canServe: () => Promise<boolean>) {
    this.health = new Health(serviceNames);
    this.health.set("SERVING");
    this.#canServe = canServe;
    this.#checks = setInterval(() => void this.#check(), CHECK_EVERY_MS).unref();
  }

  /** Aborts what still runs when patience ends. */
  get shutdownSignal(): AbortSignal {
    return this.#shutdown.signal;
  }

  async isReady(): Promise<boolean> {
    // In this order: it may have begun to stop while the question was out.
    return (await this.#canServe()) && !this.#isStopping;
  }

  /**
   * Not ready at once, and for a time of grace calls are taken all the same: whoever sends them asks only now and then
   * whether they should. Then calls finish, or end with UNAVAILABLE, or are cut.
   */
  async drain(listener: Listener, graceMs = 0): Promise<void> {
    this.#isStopping = true;
    this.health.set("NOT_SERVING");
    const told = setTimeout(
      () => {
        // A plain Error would reach callers as a fault of ours.
        this.#shutdown.abort(new ConnectError("the server is stopping; try again", Code.Unavailable));
      },
      Math.max(PATIENCE_MS, graceMs),
    );
    await delay(graceMs);
    await listener.drain(CUT_MS);
    clearTimeout(told);
  }

  close(): void {
    clearInterval(this.#checks);
  }

  async #check(): Promise<void> {
    const status = (await this.isReady()) ? "SERVING" : "NOT_SERVING";
    if (status !== this.health.status) this.health.set(status);
  }
}

/** What a server says of itself to those who decide whether to send it calls. */
export type ServingStatus = "SERVING" | "NOT_SERVING";

/** Of a service that is not here, only Watch says so with a status. */
export type WatchedStatus = ServingStatus | "SERVICE_UNKNOWN";

/**
 * Whether the server and its services take calls.
 *
 * They all need the same database and stop together, so that they share one status. It is NOT_SERVING until set.
 */
export class Health {
  /** The services it speaks for; the empty name is the whole server. */
  readonly services: ReadonlySet<string>;

  #status: ServingStatus = "NOT_SERVING";
  readonly #waiting = new Set<(value?: unknown) => void>();

  constructor(serviceNames: Iterable<string>) {
    this.services = new Set(["", ...serviceNames]);
  }

  get status(): ServingStatus {
    return this.#status;
  }

  /** Takes effect at once, on those who watch as well. */
  set(status: ServingStatus): void {
    this.#status = status;
    for (const wake of this.#waiting) wake();
  }

  /**
   * The status of a service now and after each change, until the signal aborts: then its reason is thrown. Changes
   * that a slow watcher has not seen yet are skipped in favour of the newest.
   */
  async *watch(service: string, signal: AbortSignal): AsyncGenerator<WatchedStatus, never> {
    let told: WatchedStatus | undefined;
    for (;;) {
      signal.throwIfAborted();
      const status = this.services.has(service) ? this.#status : "SERVICE_UNKNOWN";
      if (status === told) {
        await this.#nextCall(signal);
      } else {
        told = status;
        yield status;
      }
    }
  }

  /** Resolves at the next call of `set` or when the signal aborts; leaves nothing behind. */
  async #nextCall(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#waiting.add(resolve);
    signal.addEventListener("abort", resolve);
    await promise;
    this.#waiting.delete(resolve);
    signal.removeEventListener("abort", resolve);
  }
}

/**
 * Adds the rpcs of grpc.health.v1.
 *
 * https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export function healthRpcs(router: ConnectRouter, health: Health): void {
  router.service(HealthService, {
    check({ service }) {
      if (!health.services.has(service)) throw new ConnectError(`there is no service ${service} here`, Code.NotFound);
      return { status: WireStatus[health.status] };
    },

    async *watch({ service }, { signal }) {
      for await (const status of health.watch(service, signal)) yield { status: WireStatus[status] };
    },

    list() {
      const status = { status: WireStatus[health.status] };
      return { statuses: Object.fromEntries([...health.services].map((service) => [service, status])) };
    },
  });
}
