import type { ClientConfig } from "pg";
import type { DatabaseAddress } from "./embedded/embedded-postgres.ts";

/** Where the database is: one of our own, or anybody's by URL. */
export type Database = DatabaseAddress | { readonly url: string };

/** The same, as pg takes it. */
export function connectionOf(database: Database): ClientConfig {
  return "url" in database ? { connectionString: database.url } : { ...database };
}
