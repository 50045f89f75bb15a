import type { TestProject } from "vitest/node";
import type {} from "../../server/test/store/postgres.setup.ts";

/** The folder with the socket of the PostgreSQL that all mutants share: to start one for each would take most of the time. */
export const HOST_VARIABLE = "MUTANTS_POSTGRES_HOST";

export default function setup(project: TestProject): void {
  project.provide("postgresHost", process.env[HOST_VARIABLE] ?? "");
}
