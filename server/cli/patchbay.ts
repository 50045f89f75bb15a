#!/usr/bin/env node
import { describeError } from "../base/log.ts";
import { StartError } from "../base/start-error.ts";
import { type Config, readConfig } from "../config/config.ts";
import { EmbeddedPostgres } from "../store/embedded/embedded-postgres.ts";
import { Store } from "../store/store.ts";
import { runAudit } from "./audit.ts";
import { runKeys } from "./keys.ts";

/** The command line of whoever runs a server: `patchbay keys …`, `patchbay audit …`. */
async function main([noun, ...words]: string[]): Promise<number> {
  if (noun === "keys") return runKeys(words, readConfig);
  if (noun === "audit") return runAudit(words, readConfig);
  throw new StartError(
    `Usage: patchbay keys … or patchbay audit …; see their --help. The server starts with: npm start`,
  );
}

main(process.argv.slice(2)).then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error) => {
    const isExpected = error instanceof StartError || error.code?.startsWith?.("ERR_PARSE_ARGS");
    process.stderr.write(`${isExpected ? error.message : JSON.stringify(describeError(error), null, 2)}\n`);
    process.exitCode = 1;
  },
);

/** Opens the database that a server has, beside the server if it runs; what the disposers hold undoes it, the last first. */
export async function openStoreBeside(
  { databaseUrl, dataDir }: Config,
  disposers: (() => Promise<void> | void)[],
): Promise<Store> {
  let database: Parameters<typeof Store.open>[0];
  if (databaseUrl) {
    database = { url: databaseUrl };
  } else {
    const joined = await EmbeddedPostgres.join(dataDir);
    disposers.push(() => joined.close());
    database = joined.address;
  }
  const store = await Store.open(database, () => {});
  disposers.push(() => store.close());
  return store;
}
