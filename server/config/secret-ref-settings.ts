import { parseSecretRefRules, type SecretRefRule } from "../domain/connections/secret-ref-rules.ts";
import type { VaultTarget } from "../upstream/operator/hashicorp-vault.ts";
import { ConfigError } from "./config.ts";
import { readVault } from "./keys.ts";

/** Which secret references may be used, and what they lead to. */
export interface SecretRefsConfig {
  readonly rules: readonly SecretRefRule[];
  /** The names of the server's own settings. */
  readonly ownSettings: ReadonlySet<string>;
  readonly readVariable: (name: string) => string | undefined;
  /** Undefined: no reference leads to a vault. */
  readonly vault: VaultTarget | undefined;
}

export function readSecretRefs(
  env: NodeJS.ProcessEnv,
  read: (name: string) => string,
  ownSettings: ReadonlySet<string>,
): SecretRefsConfig {
  const rules = readRules(read("SECRET_REFS"), ownSettings);
  const needsVault = rules.some(({ scheme }) => scheme === "vault");
  return {
    rules,
    ownSettings,
    readVariable: (name) => (Object.hasOwn(env, name) ? env[name] : undefined),
    vault: needsVault ? readVault(read, "vault:// in SECRET_REFS") : undefined,
  };
}

function readRules(text: string, ownSettings: ReadonlySet<string>): readonly SecretRefRule[] {
  try {
    return parseSecretRefRules(text, ownSettings);
  } catch (error) {
    throw new ConfigError(`SECRET_REFS: ${(error as Error).message}`, { cause: error });
  }
}
