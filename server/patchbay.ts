#!/usr/bin/env node
import { runAudit } from "./audit/command.ts";
import { StartError } from "./base/start-error.ts";
import { readConfig } from "./config.ts";
import { runKeys } from "./keys/command.ts";
import { describeError } from "./log.ts";

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
