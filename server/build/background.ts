import { ChangeFeed } from "../domain/changes/change-feed.ts";
import { Checks } from "../domain/checks/checks.ts";
import { Signals } from "../domain/checks/signals.ts";
import { forgetOldChanges, Housekeeping } from "../domain/housekeeping/housekeeping.ts";
import type { ConnectionTests } from "../domain/llms/connection-tests.ts";
import { purgeLlms } from "../domain/llms/deleted-llms.ts";
import { forgetRateLimits } from "../store/rate-limit.ts";
import type { Store } from "../store/store.ts";
import { type Opening, warner } from "./opening.ts";

/** What goes on between calls: who watches is woken, and what becomes due is done. */
export function openChangeFeed(opening: Opening, store: Store): ChangeFeed {
  const onWarning = warner(opening);
  const feed = new ChangeFeed({ store, onWarning });
  opening.closers.push(() => feed.close());
  const housekeeping = new Housekeeping(() => store.fork(), [purgeLlms, forgetOldChanges, forgetRateLimits], onWarning);
  opening.closers.push(() => housekeeping.stop());
  return feed;
}

/** Llms are checked by themselves, unless chats tell how they are. */
export function openChecks({ log, closers }: Opening, store: Store, tests: ConnectionTests) {
  const signals = new Signals(() => store.fork());
  closers.push(() => signals.close());
  const checks = new Checks({ fork: () => store.fork(), tests, log });
  closers.push(() => checks.stop());
  return { checks, signals };
}
