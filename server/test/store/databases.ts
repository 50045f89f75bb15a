import { randomUUID } from "node:crypto";
import { Client } from "pg";
import { inject } from "vitest";
import type { DatabaseAddress } from "../../store/embedded/embedded-postgres.ts";

const TEMPLATE = "patchbay";
const USER = "patchbay";

/** A migrated, empty database of a test's own. */
export interface TestDatabase {
  readonly address: DatabaseAddress;
  /** The address as a URL, as DATABASE_URL takes it. */
  readonly url: string;
  drop(): Promise<void>;
}

export async function createDatabase(): Promise<TestDatabase> {
  const host = inject("postgresHost");
  const database = `test_${randomUUID().replaceAll("-", "")}`;
  await administer(host, `create database ${database} template ${TEMPLATE}`);
  return {
    address: { host, user: USER, database },
    url: `postgres://${USER}@localhost/${database}?host=${encodeURIComponent(host)}`,
    drop: () => administer(host, `drop database ${database} with (force)`),
  };
}

async function administer(host: string, statement: string): Promise<void> {
  const client = new Client({ host, user: USER, database: "postgres" });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
