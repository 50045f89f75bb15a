import { resolve } from "node:path";
import { Secret } from "../base/secret.ts";
import type { VaultTarget } from "../upstream/operator/hashicorp-vault.ts";
import { ruleFor } from "../upstream/operator/otlp-collector.ts";
import type { TransitTarget } from "../upstream/operator/vault-transit.ts";
import { ConfigError } from "./config.ts";

/** Where the keys are that encrypt stored credentials. */
export type KeysConfig =
  | { readonly kind: "file"; readonly file: string }
  | { readonly kind: "environment"; readonly keyRing: Secret }
  | { readonly kind: "transit"; readonly target: TransitTarget };

/** Of the places that keys can come from, one: two would be a guess which of them opens the database. */
export function readKeys(read: (name: string) => string, defaultFile: string): KeysConfig {
  const given = ["KEYRING_FILE", "KEYRING", "VAULT_TRANSIT_KEY"].filter((name) => read(name) !== "");
  if (given.length > 1) {
    throw new ConfigError(`${given.join(" and ")} are both set; keys come from one place: unset all but one.`);
  }
  if (read("VAULT_TRANSIT_KEY")) return { kind: "transit", target: readTransit(read) };
  if (read("KEYRING")) return { kind: "environment", keyRing: new Secret(read("KEYRING")) };
  return { kind: "file", file: read("KEYRING_FILE") ? resolve(read("KEYRING_FILE")) : defaultFile };
}

function readTransit(read: (name: string) => string): TransitTarget {
  const [, mount = "transit", key = ""] = /^(?:([\w./-]+)\/)?([\w.-]+)$/.exec(read("VAULT_TRANSIT_KEY")) ?? [];
  if (key === "" || key.length > 64 || mount.length > 48 || /(^|\/)\.*(\/|$)/.test(`${mount}/${key}`)) {
    throw new ConfigError("VAULT_TRANSIT_KEY must be the name of a transit key, such as patchbay, or mount/patchbay.");
  }
  return { ...readVault(read, "VAULT_TRANSIT_KEY"), mount, key };
}

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
