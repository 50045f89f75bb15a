import { Fault } from "../../base/fault.ts";
import { ownersAfter, placeChanges } from "../../store/queries/changes.ts";
import type { Store } from "../../store/store.ts";

const TICK_MS = 500;
/** While changes are told, looking is only a net under that; while they are not, it is all there is. */
const LOOK_EVERY_MS = { told: 5_000, untold: TICK_MS };

interface Deps {
  readonly store: Store;
  readonly onWarning: (message: string) => void;
}

/**
 * Wakes those who wait for changes on this server, wherever the changes are made. It looks once for all of them, and
 * only while there are any; each then reads for itself what it has not seen.
 */
export class ChangeFeed {
  readonly #deps: Deps;
  readonly #subscriptions = new Set<Subscription>();
  readonly #timer: NodeJS.Timeout;
  /** How far has been looked; undefined when nobody waited for a while. */
  #position: number | undefined;
  #lookedAt = 0;
  #isLooking = false;
  #mustLookAgain = false;
  #isFailing = false;
  #isClosed = false;
  #round = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
    deps.store.changes.watch({
      changed: (table) => table === "change" && void this.#look(),
      missed: () => void this.#look(),
    });
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  /** A place to wait in, for the changes of one owner or of all. It is to be left in the end. */
  subscribe(ownerId: string | undefined): Subscription {
    if (this.#isClosed) throw stopping();
    const subscription = new Subscription(ownerId, () => this.#unsubscribe(subscription));
    this.#subscriptions.add(subscription);
    return subscription;
  }

  /** Counts how often anybody was woken: what was read since the last time is as new as what would be read now. */
  get round(): number {
    return this.#round;
  }

  /** Sends all who wait away, to another server. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    for (const subscription of this.#subscriptions) subscription.end(stopping());
  }

  #unsubscribe(subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
    if (this.#subscriptions.size === 0) this.#position = undefined;
  }

  #tick(): void {
    const everyMs = this.#deps.store.changes.isLive ? LOOK_EVERY_MS.told : LOOK_EVERY_MS.untold;
    if (performance.now() - this.#lookedAt >= everyMs) void this.#look();
  }

  /** One look at a time; what changes during one is seen by the next. */
  async #look(): Promise<void> {
    this.#mustLookAgain = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      while (this.#mustLookAgain && this.#subscriptions.size > 0) {
        this.#mustLookAgain = false;
        this.#lookedAt = performance.now();
        await this.#wakeThoseConcerned();
      }
      this.#isFailing = false;
    } catch (error) {
      // The next tick tries again; who waits learns of it when it reads.
      if (!this.#isFailing) this.#deps.onWarning(`changes cannot be read: ${(error as Error).message}`);
      this.#isFailing = true;
    } finally {
      this.#isLooking = false;
    }
  }

  async #wakeThoseConcerned(): Promise<void> {
    const em = this.#deps.store.fork();
    await placeChanges(em);
    const from = this.#position;
    const { head, owners } = await ownersAfter(em, from ?? Number.MAX_SAFE_INTEGER);
    this.#position = head;
    if (from === undefined || owners.size > 0) this.#round++;
    for (const subscription of this.#subscriptions) {
      const { ownerId } = subscription;
      const isConcerned = ownerId === undefined ? owners.size > 0 : owners.has(ownerId);
      if (from === undefined || isConcerned) subscription.wake();
    }
  }
}

/** Waits for changes on behalf of one caller. It holds only whether there were any, so that a slow caller fills no memory. */
export class Subscription {
  readonly ownerId: string | undefined;
  readonly #unsubscribe: () => void;
  #hasNews = false;
  #end: Fault | undefined;
  #waiting: (() => void) | undefined;

  constructor(ownerId: string | undefined, unsubscribe: () => void) {
    this.ownerId = ownerId;
    this.#unsubscribe = unsubscribe;
  }

  wake(): void {
    this.#hasNews = true;
    this.#waiting?.();
  }

  end(reason: Fault): void {
    this.#end = reason;
    this.#waiting?.();
  }

  close(): void {
    this.#unsubscribe();
  }

  /** Waits until something has changed since it was last asked; false if nothing has for this long. */
  async wait(patienceMs: number, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    if (!this.#hasNews && !this.#end) await this.#pause(patienceMs, signal);
    signal.throwIfAborted();
    if (this.#end) throw this.#end;
    const hadNews = this.#hasNews;
    this.#hasNews = false;
    return hadNews;
  }

  async #pause(patienceMs: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const goOn = () => resolve();
    this.#waiting = goOn;
    const timer = setTimeout(goOn, patienceMs);
    signal.addEventListener("abort", goOn);
    await promise;
    signal.removeEventListener("abort", goOn);
    clearTimeout(timer);
    this.#waiting = undefined;
  }
}

function stopping(): Fault {
  return new Fault("SERVER_STOPPING", "the server is stopping; go on with the last resume_token, on another one");
}
