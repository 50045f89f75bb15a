import { randomUUID } from "node:crypto";
import type { Secret } from "../../base/secret.ts";
import { Account } from "../../store/account.entity.ts";
import { ApiKey } from "../../store/api-key.entity.ts";
import type { EntityManager } from "../../store/store.ts";
import { parseApiKey } from "./api-key-format.ts";
import { addApiKey } from "./api-keys.ts";

/** Any number will do, as long as every server takes the same. */
const LOCK = 5_063_100_003;

/**
 * Makes the first account and its ADMIN key on the first start, and sees to it that a given key works as one on every
 * start. Answers with the key if it was made just now, which is the only time it can be shown.
 */
export async function bootstrap(em: EntityManager, given: Secret | undefined): Promise<Secret | undefined> {
  return em.transactional(async (em) => {
    await em.execute("select pg_advisory_xact_lock(?)", [LOCK]);
    const accountId = await firstAccount(em);
    if (given) {
      const id = parseApiKey(given.reveal())?.id;
      const exists = id !== undefined && (await em.findOne(ApiKey, { id })) !== null;
      if (!exists) addApiKey(em, { accountId, role: "ADMIN", displayName: "BOOTSTRAP_API_KEY", key: given });
      return undefined;
    }
    if ((await em.findOne(ApiKey, { role: "ADMIN" })) !== null) return undefined;
    return addApiKey(em, { accountId, role: "ADMIN", displayName: "first key" }).key;
  });
}

async function firstAccount(em: EntityManager): Promise<string> {
  const [account] = await em.find(Account, {}, { orderBy: { createdAt: "asc" }, limit: 1 });
  if (account) return account.id;
  const id = randomUUID();
  em.create(Account, { id, displayName: "first account", defaultLlm: null });
  return id;
}
