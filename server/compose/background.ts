import type { ApiKeys } from "../domain/access/api-keys.ts";
import { check } from "../domain/background/checks.ts";
import { DueWork, type Work } from "../domain/background/due-work.ts";
import { forgetOldChanges, Housekeeping, keepPartitions } from "../domain/background/housekeeping.ts";
import { LimitNotices } from "../domain/background/limit-notices.ts";
import { ModelChecks } from "../domain/background/model-checks.ts";
import { ChangeFeed } from "../domain/llms/change-feed.ts";
import type { ConnectionTests } from "../domain/llms/connection-tests.ts";
import { purgeLlms } from "../domain/llms/deletion.ts";
import type { LlmModels } from "../domain/llms/served-models.ts";
import { Signals } from "../domain/llms/signals.ts";
import { LLMS, type LlmWatch, ResourceWatch } from "../domain/llms/watch-llms.ts";
import { ROUTES, type RouteWatch } from "../domain/routes/route-values.ts";
import { forgetHolderCalls } from "../store/limits/holder-calls.ts";
import { forgetLimitNotices } from "../store/limits/limit-notices.ts";
import { sortUsage } from "../store/partitions/partitions.ts";
import { forgetRateLimits } from "../store/rate-limit.ts";
import type { EntityManager, Store } from "../store/store.ts";
import { LimitWebhook } from "../upstream/operator/limit-webhook.ts";
import { type Boot, warner } from "./parts.ts";
import type { Storage } from "./storage.ts";

const HOUR_MS = 3_600_000;

/** What goes on between calls: who watches is woken, and what becomes due is done. */
export function openChangeFeed(boot: Boot, store: Store): ChangeFeed {
  const onWarning = warner(boot);
  const feed = new ChangeFeed({ store, onWarning });
  boot.disposers.push(() => feed.close());
  const { retention } = boot.config;
  const chores = [
    purgeLlms,
    (em: EntityManager) => forgetOldChanges(em, retention.changeHours * HOUR_MS),
    forgetRateLimits,
    forgetLimitNotices,
    forgetHolderCalls,
    keepPartitions(store, retention),
    sortUsage,
  ];
  const housekeeping = new Housekeeping(() => store.fork(), chores, onWarning);
  boot.disposers.push(() => housekeeping.stop());
  return feed;
}

/** Who watches follows the changes of one noun. */
export function openWatches({ store, vault }: Storage, feed: ChangeFeed, keys: ApiKeys) {
  const deps = { rows: store.rows, vault, feed, keys };
  const llmWatch: LlmWatch = new ResourceWatch(deps, LLMS);
  const routeWatch: RouteWatch = new ResourceWatch(deps, ROUTES);
  return { llmWatch, routeWatch };
}

/** Whoever the operator named is told which limits are near. */
export function openLimitNotices(boot: Boot, store: Store): void {
  const { limitWebhook } = boot.config;
  if (!limitWebhook) return;
  const webhook = new LimitWebhook(limitWebhook);
  boot.disposers.push(() => webhook.close());
  const notices = new LimitNotices({
    fork: () => store.fork(),
    send: (id, body, signal) => webhook.send(id, body, signal),
    onWarning: warner(boot),
  });
  boot.disposers.push(() => notices.stop());
}

/** Llms are checked by themselves, unless chats tell how they are. */
export function openChecks({ log, disposers }: Boot, store: Store, tests: ConnectionTests) {
  const signals = new Signals(() => store.fork());
  disposers.push(() => signals.close());
  const fork = () => store.fork();
  const name = "checks of Llms";
  const work: Work = (scope, due) => check(tests, scope, due);
  const checks = new DueWork({ fork, log, table: "llm_check", name, work });
  disposers.push(() => checks.stop());
  return { checks, signals };
}

/** Models are looked after by themselves. */
export function openModelChecks({ config, log, disposers }: Boot, store: Store, models: LlmModels): DueWork {
  const checks = new ModelChecks({ models, hours: config.modelCheckHours });
  const name = "looks at the models of Llms";
  const work: Work = (scope, due) => checks.check(scope, due);
  const looks = new DueWork({ fork: () => store.fork(), log, table: "llm_model_check", name, work });
  disposers.push(() => looks.stop());
  return looks;
}
