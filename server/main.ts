import { parseArgs } from "node:util";
import { collectIdleGarbage } from "./base/heap.ts";
import { createLog, describeError } from "./base/log.ts";
import { StartError } from "./base/start-error.ts";
import { build, type Server } from "./compose/server.ts";
import { type Config, readConfig } from "./config/config.ts";
import type { KeysConfig } from "./config/keys.ts";
import { helpText } from "./config/settings.ts";
import { makeApiKey } from "./domain/access/api-key-format.ts";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { help: { type: "boolean", short: "h" }, "new-api-key": { type: "boolean" } },
  });
  if (values.help) return void process.stdout.write(helpText());
  if (values["new-api-key"]) return void process.stdout.write(`${makeApiKey().reveal()}\n`);

  await serve(readConfig());
}

/** Starts a server, says where it is, and stops it when a signal comes. */
export async function serve(config: Config): Promise<void> {
  const log = createLog(config.logLevel);
  const server = await build(config, log);
  process.stdout.write(welcome(config, server));
  collectIdleGarbage();

  let isStopping = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (isStopping) return;
      isStopping = true;
      log.info({ signal }, "stopping");
      server.stop().then(
        () => process.exit(0),
        (error) => {
          log.error({ err: error }, "stopping failed");
          process.exit(1);
        },
      );
    });
  }
  process.on("unhandledRejection", (error) => log.error({ err: error }, "a promise was rejected and nobody cared"));
}

function welcome({ databaseUrl, dataDir, keys }: Config, { url, newApiKey }: Server): string {
  const lines = [
    `Patchbay listens on ${url} (gRPC, gRPC-Web, Connect and REST).`,
    `  data      ${databaseUrl ? "in the database of DATABASE_URL" : dataDir}`,
    describeKeys(keys),
  ];
  if (newApiKey) {
    const key = newApiKey.reveal();
    lines.push(
      `  API key   ${key} (an ADMIN's; this is the only time it is shown)`,
      "",
      "Try it:",
      `  curl -H 'authorization: Bearer ${key}' ${url}/v1/llms`,
    );
  }
  return `${lines.join("\n")}\n`;
}

function describeKeys(keys: KeysConfig): string {
  if (keys.kind === "transit") {
    const { address, mount, key } = keys.target;
    return `  key       ${mount}/${key} of HashiCorp Vault at ${address}`;
  }
  const place = keys.kind === "file" ? keys.file : "in KEYRING";
  return `  key ring  ${place} (keep a copy elsewhere: without it the stored credentials are lost)`;
}

// `patchbay serve` starts it, too.
if (import.meta.main) {
  main().catch((error) => {
    const isExpected = error instanceof StartError || error.code?.startsWith?.("ERR_PARSE_ARGS");
    process.stderr.write(`${isExpected ? error.message : JSON.stringify(describeError(error), null, 2)}\n`);
    process.exit(1);
  });
}
