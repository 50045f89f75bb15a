import type { KekProvider } from "./base/kek-provider.ts";
import type { Logger } from "./base/logger.ts";
import type { KeysConfig } from "./keys-config.ts";
import { parseKeyRing } from "./store/vault/key-ring.ts";
import { KeyRingFile } from "./store/vault/key-ring-file.ts";
import { TransitKey } from "./upstream/transit-key.ts";

/**
 * Opens the keys that the settings name, before anything else is opened: keys that cannot be used are refused without a
 * look at the database. Undefined for a key ring file that does not exist yet.
 */
export async function openKeySource(
  config: KeysConfig,
  log: Logger,
  closers: (() => Promise<void> | void)[],
): Promise<KekProvider | undefined> {
  if (config.kind === "file") return KeyRingFile.open(config.file);
  if (config.kind === "environment") return parseKeyRing(config.keyRing.reveal(), "the key ring of KEYRING");
  let isOpen = false;
  const transit = new TransitKey(config.target, (problem) => {
    if (!isOpen) return; // Whoever starts is told by the error.
    if (problem) log.warn({ err: problem }, "the key that encrypts credentials cannot be used");
    else log.info({}, "the key that encrypts credentials can be used again");
  });
  closers.push(() => transit.close());
  await transit.check();
  isOpen = true;
  return transit;
}
