import type { Pool, PoolClient } from "pg";

/**
 * Connections that a pool opens at the same time. After an outage and after a start all are wanted at once, and each costs
 * both sides a process and the hash of a password: on a machine that is busy, none would be done in time, and all be tried
 * again. pg's pool lets whoever finds it not full wait for a connection of their own, however many come free meanwhile.
 * So a pool is full while as many are being opened: the others wait for the one that is free first.
 */
const MAX_OPENING = 4;

/** The part of pg's pool that its types do not have: whoever waits gets what is free, or opens what there is room for. */
interface Queue {
  _pulseQueue(): void;
}

/**
 * Sees to it that a pool grows step by step, and that it gets the place of a connection back that broke while somebody had it. Whoever has one should
 * give it back by themselves; kysely 0.29.6 does not when `begin` or `rollback` fails, and each such connection is one
 * fewer for ever.
 */
export class PoolGuard {
  readonly #taken = new Set<PoolClient>();
  /** When a connection was last given back, as performance.now() counts. */
  movedAt = performance.now();

  /** To be called before the pool makes its first connection. */
  watch(pool: Pool): void {
    this.#growSlowly(pool);
    pool.on("acquire", (client) => this.#note(client, true));
    pool.on("release", (_, client) => {
      this.movedAt = performance.now();
      this.#note(client, false);
    });
    pool.on("connect", (client) => client.once("end", () => this.#giveBack(client)));
  }

  #growSlowly(pool: Pool): void {
    const { max } = pool.options;
    let open = 0;
    const count = (change: 1 | 0 | -1) => {
      open += change;
      pool.options.max = Math.min(max, open + MAX_OPENING);
      if (change !== 0) (pool as unknown as Queue)._pulseQueue();
    };
    count(0);
    pool.on("connect", (client) => {
      client.once("end", () => count(-1));
      count(1);
    });
  }

  #note(client: PoolClient, isTaken: boolean): void {
    if (isTaken) this.#taken.add(client);
    else this.#taken.delete(client);
    (client as unknown as { isTaken: boolean }).isTaken = isTaken;
  }

  #giveBack(client: PoolClient): void {
    if (!this.#taken.has(client)) return;
    client.release(true);
    // Whoever still has it may give it back later; a pool takes it once.
    client.release = () => {};
  }
}
