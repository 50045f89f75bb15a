import { spawn } from "node:child_process";
import type { TestProject } from "vitest/node";
import { makeTemporaryFolder } from "../base/temporary-folder.ts";
import { openSharedPostgres } from "./shared-postgres.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The folder with the socket of the PostgreSQL that all tests share. */
    postgresHost: string;
  }
}

/** One PostgreSQL for all test files, with a migrated database that they copy. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = makeTemporaryFolder("postgres");
  clearUpAfter(folder.path);
  const postgres = await openSharedPostgres(folder.path);
  project.provide("postgresHost", postgres.address.host);
  return async () => {
    await postgres.stop();
    folder.remove();
  };
}

/** Ends the PostgreSQL of a folder, and the folder, when this process is gone and could not do it itself. */
function clearUpAfter(folder: string): void {
  const waitAndEnd = `cat
    file=$1/postgres/postmaster.pid
    pid=$(sed -n 1p "$file" 2>/dev/null) && socket=$(sed -n 5p "$file") && kill -QUIT "$pid" && sleep 1 && rm -rf "$socket"
    rm -rf "$1"`;
  // In a group of its own: what ends us by Ctrl-C must not end it first. Its input ends with us, whatever ends us.
  const watcher = spawn("/bin/sh", ["-c", waitAndEnd, "sh", folder], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  watcher.unref();
  (watcher.stdin as unknown as { unref(): void }).unref();
}
