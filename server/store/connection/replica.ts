import { Pool, type QueryConfig, type QueryResult } from "pg";
import { outageOf } from "../sql/database-errors.ts";
import type { Connector } from "./connector.ts";
import { ReplicaAge } from "./replica-age.ts";

/** What a replica cancels because it has to follow its primary. */
const CONFLICT = "40001";

/** Reads that may be a moment old: from a replica, and from the primary while that is away or too far behind. */
export class Replica {
  readonly #connector: Connector;
  readonly #pool: Pool;
  readonly #primary: Pick<Pool, "query">;
  readonly #age: ReplicaAge;

  constructor(
    connector: Connector,
    options: { readonly poolSize: number; readonly replicaLagMs: number },
    primary: Pick<Pool, "query">,
    onWarning: (message: string) => void,
  ) {
    this.#connector = connector;
    this.#pool = new Pool({
      application_name: "patchbay replica",
      Client: connector.classOf("limited"),
      max: options.poolSize,
      connectionTimeoutMillis: connector.timeouts.connectMs,
      idleTimeoutMillis: 30_000,
    } as ConstructorParameters<typeof Pool>[0]);
    connector.guard.watch(this.#pool);
    this.#pool.on("error", () => {}); // Whoever reads next learns of it, and goes to the primary.
    this.#primary = primary;
    this.#age = new ReplicaAge(connector, primary, options.replicaLagMs, onWarning);
  }

  /** Whether it is proven to be no further behind than it may be. */
  get isUsed(): boolean {
    return this.#age.isProven;
  }

  /** How far behind it may be, at the most, in milliseconds; infinity while nothing is known of it. */
  get ageMs(): number {
    return this.#age.ageMs;
  }

  async query(query: QueryConfig): Promise<QueryResult> {
    if (!this.isUsed) return this.#primary.query(query);
    try {
      return await this.#pool.query(query);
    } catch (error) {
      if (!outageOf(error) && (error as { code?: string }).code !== CONFLICT) throw error;
      return this.#primary.query(query);
    }
  }

  /** Ends whatever waits for it. */
  giveUp(): void {
    this.#connector.close();
  }

  async close(): Promise<void> {
    await Promise.all([this.#age.close(), this.#pool.end()]);
  }
}
