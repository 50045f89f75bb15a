import { randomUUID } from "node:crypto";
import { Fault } from "../../base/fault.ts";
import type { Secret } from "../../base/secret.ts";
import { belongingsOf, deleteAccount, findAccount, listAccounts, lockAccount } from "../../store/queries/access.ts";
import { eraseDeletedOf } from "../../store/queries/llms.ts";
import { Account } from "../../store/schema/account.entity.ts";
import { ApiKey } from "../../store/schema/api-key.entity.ts";
import { type EntityManager, violates } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import { recordAudit, SYSTEM } from "../call/audit-record.ts";
import { byCreation, type Page, readPage } from "../call/paging.ts";
import { reach, type Scope } from "../call/scope.ts";
import { parseApiKey } from "./api-key-format.ts";
import { addApiKey } from "./api-keys.ts";

/** The accounts: who owns things. Admission lets nobody make, change or delete one who may not do so to any. */
export class Accounts {
  readonly #vault: Vault;

  constructor({ vault }: { vault: Vault }) {
    this.#vault = vault;
  }

  /** An empty accountId asks for a new one. */
  async create(scope: Scope, { accountId, displayName }: { accountId: string; displayName: string }): Promise<Account> {
    const id = accountId || randomUUID();
    const account = scope.em.create(Account, { id, displayName, defaultLlm: null });
    try {
      await scope.em.transactional(async (em) => {
        await em.persist(account).flush();
        await recordAudit(scope, em, { action: "account.create", resourceId: id, ownerId: id });
      });
    } catch (error) {
      if (!violates(error, "account_pkey")) throw error;
      throw new Fault("ACCOUNT_ID_TAKEN", `account_id ${id} is in use`, { metadata: { accountId: id } }, error);
    }
    return account;
  }

  async get(scope: Scope, accountId: string): Promise<Account> {
    const reachable = reach(scope, "READ_ACCOUNT_OWN");
    const isReachable = reachable === undefined || reachable === accountId;
    const account = isReachable ? await findAccount(scope.em, accountId) : null;
    if (!account) throw accountNotFound(accountId);
    return account;
  }

  async list(scope: Scope, pageSize: number, pageToken: string): Promise<Page<Account>> {
    const reachable = reach(scope, "READ_ACCOUNT_OWN");
    const key = ["accounts", reachable];
    const list = (after: readonly string[] | undefined, limit: number) =>
      listAccounts(scope.em, reachable, after, limit);
    return readPage(this.#vault, { key, pageSize, pageToken }, list, byCreation);
  }

  async update(scope: Scope, accountId: string, displayName: string | undefined): Promise<Account> {
    return scope.em.transactional(async (em) => {
      const account = await lockAccount(em, accountId);
      if (!account) throw accountNotFound(accountId);
      if (displayName === undefined) return account;
      account.displayName = displayName;
      await em.flush();
      const facts = { fields: "displayName" };
      await recordAudit(scope, em, { action: "account.update", resourceId: accountId, ownerId: accountId, facts });
      return account;
    });
  }

  /**
   * Nothing is lost by it: whoever still owns something, or could still be called by a key, is not deleted. Llms that are
   * deleted already are purged with it.
   */
  async delete(scope: Scope, accountId: string): Promise<void> {
    await scope.em.transactional(async (em) => {
      const account = await lockAccount(em, accountId);
      if (!account) throw accountNotFound(accountId);
      const belongings = Object.entries(await belongingsOf(em, accountId));
      if (belongings.length > 0) throw inUse(accountId, belongings);
      const purgedLlms = await eraseDeletedOf(em, accountId);
      await deleteAccount(em, accountId);
      const facts = { purgedLlms: String(purgedLlms) };
      await recordAudit(scope, em, { action: "account.delete", resourceId: accountId, ownerId: accountId, facts });
    });
  }
}

function accountNotFound(accountId: string): Fault {
  return new Fault("ACCOUNT_NOT_FOUND", `there is no account ${accountId}`);
}

function inUse(accountId: string, belongings: readonly [string, number][]): Fault {
  const list = belongings.map(([kind, count]) => `${count} ${kind}`).join(", ");
  return new Fault(
    "ACCOUNT_IN_USE",
    `account ${accountId} still owns ${list}; delete them and revoke its API keys first`,
    { metadata: Object.fromEntries(belongings.map(([kind, count]) => [kind, String(count)])) },
  );
}

/** Any number will do, as long as every server takes the same. */
const LOCK = 5_063_100_003;

const FIRST_KEY = "first key";

/**
 * Makes the first account and its ADMIN key, and sees to it that a given key works as one on every start. Answers with
 * the key if it was made just now, which is the only time it can be shown.
 *
 * As long as nobody has used a first key, it may never have been read: then each start revokes it and makes another.
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
    const admins = await em.find(ApiKey, { role: "ADMIN" });
    const isUnread = (key: ApiKey) => key.displayName === FIRST_KEY && key.lastUsedAt === null;
    if (!admins.every(isUnread)) return undefined;
    for (const key of admins) key.revokedAt ??= new Date();
    return addApiKey(em, { accountId, role: "ADMIN", displayName: FIRST_KEY }).key;
  });
}

/** Another ADMIN key of the first account, for those who lost theirs. */
export async function addAdminKey(em: EntityManager): Promise<Secret> {
  return em.transactional(async (em) => {
    await em.execute("select pg_advisory_xact_lock(?)", [LOCK]);
    const accountId = await firstAccount(em);
    const { stored, key } = addApiKey(em, { accountId, role: "ADMIN", displayName: "made by npm run new-key" });
    await em.flush();
    const facts = { role: "ADMIN", by: "operator" };
    await recordAudit(SYSTEM, em, { action: "apiKey.create", resourceId: stored.id, ownerId: accountId, facts });
    return key;
  });
}

async function firstAccount(em: EntityManager): Promise<string> {
  const [account] = await em.find(Account, {}, { orderBy: { createdAt: "asc" }, limit: 1 });
  if (account) return account.id;
  const id = randomUUID();
  em.create(Account, { id, displayName: "first account", defaultLlm: null });
  return id;
}
