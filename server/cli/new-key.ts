import { openStoreBeside } from "../compose/store-beside.ts";
import type { Config } from "../config/config.ts";
import { addAdminKey } from "../domain/access/accounts.ts";

/** Runs `new-key`; answers with the exit code. The key goes to standard output alone, so that a shell can take it. */
export async function makeAdminKey(readSettings: () => Config): Promise<number> {
  const disposers: (() => Promise<void> | void)[] = [];
  try {
    const store = await openStoreBeside(readSettings(), disposers);
    const key = await addAdminKey(store.fork());
    process.stdout.write(`${key.reveal()}\n`);
    return 0;
  } finally {
    for (const dispose of disposers.reverse()) await dispose();
  }
}
