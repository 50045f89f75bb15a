import type { Config } from "../config.ts";
import { SecretRefs } from "../domain/credentials/secret-refs.ts";
import { SecretFiles } from "../store/secret-files.ts";
import { KeyValueVault } from "../upstream/key-value-vault.ts";
import type { Opening } from "./opening.ts";

/** Secrets that are kept elsewhere. What must never be read is all that is the server's own. */
export function openSecretRefs({ config, closers }: Opening): SecretRefs {
  const { rules, ownSettings, readVariable, vault: target } = config.secretRefs;
  const vault = target && new KeyValueVault(target);
  if (vault) closers.push(() => vault.close());
  return new SecretRefs({ rules, ownSettings, sources: { readVariable, files: openFiles(config), vault } });
}

function openFiles({ dataDir, keys, tls, secretRefs }: Config): SecretFiles {
  const tokens = [secretRefs.vault?.token, keys.kind === "transit" ? keys.target.token : undefined];
  return new SecretFiles([
    dataDir,
    ...(keys.kind === "file" ? [keys.file] : []),
    ...(tls ? [tls.keyFile] : []),
    ...tokens.flatMap((token) => (token && "file" in token ? [token.file] : [])),
  ]);
}
