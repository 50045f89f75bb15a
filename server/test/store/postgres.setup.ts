import type { TestProject } from "vitest/node";
import { EmbeddedPostgres } from "../../store/embedded/embedded-postgres.ts";
import { Store } from "../../store/store.ts";
import { makeTemporaryFolder } from "../base/temporary-folder.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The folder with the socket of the PostgreSQL that all tests share. */
    postgresHost: string;
  }
}

/** One PostgreSQL for all test files, with a migrated database that they copy. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = makeTemporaryFolder("postgres");
  const postgres = await EmbeddedPostgres.open(folder.path, () => {});
  const store = await Store.open(postgres.address, () => {});
  await store.close();
  project.provide("postgresHost", postgres.address.host);
  return async () => {
    await postgres.stop();
    folder.remove();
  };
}
