import { resolve } from "node:path";
import { Secret } from "./base/secret.ts";
import { ConfigError } from "./config-error.ts";
import type { VaultTarget } from "./upstream/hashicorp-vault.ts";
import { ruleFor } from "./upstream/otlp-collector.ts";

/** Which HashiCorp Vault there is, for the setting that needs it. */
export function readVault(read: (name: string) => string, needer: string): VaultTarget {
  const address = URL.parse(read("VAULT_ADDR"))?.origin ?? "";
  try {
    if (read("VAULT_ADDR").replace(/\/$/, "") !== address) throw new Error("more than an origin");
    ruleFor(address);
  } catch (error) {
    // The text may hold a password: it is not repeated.
    throw new ConfigError(`VAULT_ADDR must look like https://vault.example.com:8200; ${needer} needs it.`, {
      cause: error,
    });
  }
  const [token, file] = [read("VAULT_TOKEN"), read("VAULT_TOKEN_FILE")];
  if ((token === "") === (file === "")) {
    throw new ConfigError(`${needer} needs either VAULT_TOKEN or VAULT_TOKEN_FILE, and not both.`);
  }
  if (!/^[!-~]*$/.test(token)) throw new ConfigError("VAULT_TOKEN is no token: they are visible ASCII characters.");
  const namespace = read("VAULT_NAMESPACE") || undefined;
  return { address, token: token ? new Secret(token) : { file: resolve(file) }, namespace };
}
