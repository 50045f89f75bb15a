import type { Pool, PoolClient } from "pg";

/**
 * Sees to it that a pool gets the place of a connection back that broke while somebody had it. Whoever has one should
 * give it back by themselves; kysely 0.29.6 does not when `begin` or `rollback` fails, and each such connection is one
 * fewer for ever.
 */
export class PoolGuard {
  readonly #taken = new Set<PoolClient>();
  /** When a connection was last given back, as performance.now() counts. */
  movedAt = performance.now();

  /** To be called before the pool makes its first connection. */
  watch(pool: Pool): void {
    pool.on("acquire", (client) => this.#note(client, true));
    pool.on("release", (_, client) => {
      this.movedAt = performance.now();
      this.#note(client, false);
    });
    pool.on("connect", (client) => client.once("end", () => this.#giveBack(client)));
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
