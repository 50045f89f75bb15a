import { Code, ConnectError } from "@connectrpc/connect";
import { Health } from "./health/health.ts";
import type { Listener } from "./listen/listen.ts";

/** How often health asks whether the server can serve. */
const CHECK_EVERY_MS = 2_000;
/** After the signal to stop, calls that run have this long to finish by themselves. */
const PATIENCE_MS = 5_000;
/** Then they are told to end, and are cut when this is over, counted from the signal. */
const GRACE_MS = 8_000;

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

  /** Not ready at once; then calls finish, or end with UNAVAILABLE, or are cut. */
  async drain(listener: Listener): Promise<void> {
    this.#isStopping = true;
    this.health.set("NOT_SERVING");
    const told = setTimeout(() => {
      // A plain Error would reach callers as a fault of ours.
      this.#shutdown.abort(new ConnectError("the server is stopping; try again", Code.Unavailable));
    }, PATIENCE_MS);
    await listener.drain(GRACE_MS);
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
