import { Pool, type QueryConfig, type QueryResult } from "pg";
import { outageOf } from "../sql/database-errors.ts";
import type { Connector } from "./connector.ts";

/** What a replica cancels because it has to follow its primary. */
const CONFLICT = "40001";

/** Reads that may be a moment old: from a replica, and from the primary while that is away or behind. */
export class Replica {
  readonly #pool: Pool;
  readonly #primary: Pick<Pool, "query">;

  constructor(connector: Connector, max: number, primary: Pick<Pool, "query">) {
    this.#pool = new Pool({
      application_name: "patchbay replica",
      Client: connector.classOf("limited"),
      max,
      connectionTimeoutMillis: connector.timeouts.connectMs,
      idleTimeoutMillis: 30_000,
    } as ConstructorParameters<typeof Pool>[0]);
    connector.guard.watch(this.#pool);
    this.#pool.on("error", () => {}); // Whoever reads next learns of it, and goes to the primary.
    this.#primary = primary;
  }

  async query(query: QueryConfig): Promise<QueryResult> {
    try {
      return await this.#pool.query(query);
    } catch (error) {
      if (!outageOf(error) && (error as { code?: string }).code !== CONFLICT) throw error;
      return this.#primary.query(query);
    }
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}
