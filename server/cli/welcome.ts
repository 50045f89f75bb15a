import { realpathSync } from "node:fs";
import { dirname } from "node:path";
import { styleText } from "node:util";
import type { Secret } from "../base/secret.ts";
import type { Config } from "../config/config.ts";
import type { KeysConfig } from "../config/keys.ts";

/** How another key is made: in a clone, and by the built package. */
const NEW_KEY = import.meta.filename.endsWith(".js") ? "patchbay new-key" : "npm run new-key";

/** What a start made and found. */
interface Started {
  readonly url: string;
  readonly newApiKey: Secret | undefined;
  readonly files: string | undefined;
}

/** What a server prints once it listens: where it is, where its data are, the first key, and what to do next. */
export function welcome(
  config: Config,
  { url, newApiKey, files }: Started,
  { version, isTerminal }: { readonly version: string; readonly isTerminal: boolean },
): string {
  const bold = (text: string) => (isTerminal ? styleText("bold", text) : text);
  const key = newApiKey?.reveal();
  const lines = [
    `Patchbay ${version} listens on ${bold(url)} (gRPC, gRPC-Web, Connect and REST).`,
    `  console   ${url}/ (in a browser: look, connect, chat)`,
    `  docs      ${url}/docs`,
    ...describeKey(key && bold(key)),
    ...describeData(config, files),
    describeKeys(config.keys),
    "",
    "Try it:",
    `  curl -H 'authorization: Bearer ${key ?? "pb_live_…"}' ${url}/v1/llms`,
  ];
  return `${lines.join("\n")}\n`;
}

function describeKey(key: string | undefined): string[] {
  if (!key) return [`  API key   as before; lost it? ${NEW_KEY}`];
  return [
    `  API key   ${key} (an ADMIN's)`,
    `            it is not shown again, and replaced at each start until it is used; lost it? ${NEW_KEY}`,
  ];
}

function describeData({ database, dataDir }: Config, files: string | undefined): string[] {
  if (database) return ["  data      in the database of DATABASE_URL"];
  const isElsewhere = files !== undefined && dirname(files) !== realpathSync(dataDir);
  const place = `  data      ${dataDir}`;
  if (!isElsewhere) return [place];
  return [
    place,
    `            really in ${files}, where the user that PostgreSQL runs as can reach them; delete them there`,
  ];
}

function describeKeys(keys: KeysConfig): string {
  if (keys.kind === "transit") {
    const { address, mount, key } = keys.target;
    return `  key       ${mount}/${key} of HashiCorp Vault at ${address}`;
  }
  const place = keys.kind === "file" ? keys.file : "in KEYRING";
  return `  key ring  ${place} (keep a copy elsewhere: without it the stored credentials are lost)`;
}
