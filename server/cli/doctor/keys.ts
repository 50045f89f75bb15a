import { StartError } from "../../base/fault.ts";
import { createLog } from "../../base/log.ts";
import { openKeySource } from "../../compose/storage.ts";
import { openStoreBeside } from "../../compose/store-beside.ts";
import type { Config } from "../../config/config.ts";
import { Vault } from "../../store/vault/vault.ts";
import { type Finding, fine, skipped, wrongAs } from "./finding.ts";

const ABOUT = "key ring";

/**
 * Whether there are keys that can be used, and whether they are those of the database. That is only opened where it is up
 * to date: opening it makes migrations otherwise.
 */
export async function examineKeys(config: Config, isUpToDate: boolean): Promise<Finding[]> {
  const disposers: (() => Promise<void> | void)[] = [];
  const file = config.keys.kind === "file" ? config.keys.file : "";
  try {
    const source = await openKeySource(config.keys, createLog("silent"), disposers);
    if (!isUpToDate) {
      if (source) return [fine(ABOUT, `${source.name} can be used; whether it opens the database was not tried`)];
      return [skipped(ABOUT, `${file} is not there yet: the first start makes it`)];
    }
    const store = await openStoreBeside(config, disposers);
    const isOpened = await Vault.examine(store.fork(), source, file);
    if (isOpened) return [fine(ABOUT, `${source?.name} opens the database's data keys`)];
    return [source ? fine(ABOUT, `${source.name} can be used`) : skipped(ABOUT, `${file}: the first start makes it`)];
  } catch (error) {
    if (error instanceof StartError) return [wrongAs(ABOUT, error)];
    throw error;
  } finally {
    for (const dispose of disposers.reverse()) await dispose();
  }
}
