import { randomUUID } from "node:crypto";
import { Fault } from "../../base/fault.ts";
import type { Secret } from "../../base/secret.ts";
import { saveLimits, storedLimitsOf } from "../../store/limits/holder-limits.ts";
import { belongingsOf, deleteAccount, findAccount, listAccounts, lockAccount } from "../../store/queries/access.ts";
import { eraseDeletedOf } from "../../store/queries/llms.ts";
import { Account } from "../../store/schema/account.entity.ts";
import { ApiKey } from "../../store/schema/api-key.entity.ts";
import type { RowReader } from "../../store/sql/rows.ts";
import { type EntityManager, violates } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import { recordAudit, SYSTEM } from "../call/audit-record.ts";
import type { HolderLimits } from "../call/holder-limits.ts";
import { byCreation, type Page, readPage } from "../call/paging.ts";
import { onceCommitted, reach, type Scope } from "../call/scope.ts";
import { parseApiKey } from "./api-key-format.ts";
import { type ApiKeys, addApiKey } from "./api-keys.ts";
import { ownLimitsOf } from "./grant.ts";
import { requireNamed } from "./key-limits.ts";

/** What changes of an account; undefined leaves it as it is. */
export interface AccountChange {
  readonly displayName: string | undefined;
  readonly contact: string | undefined;
  /** What all who call for it may take together. */
  readonly limits: HolderLimits | undefined;
}

/** An account as it is asked for. */
export interface AccountDraft extends Partial<AccountChange> {
  /** Empty: a new id. */
  readonly accountId: string;
  readonly displayName: string;
}

/** The accounts: who owns things. Admission lets nobody make, change or delete one who may not do so to any. */
export class Accounts {
  readonly #rows: RowReader;
  readonly #vault: Vault;
  readonly #keys: ApiKeys;

  constructor({ rows, vault, keys }: { rows: RowReader; vault: Vault; keys: ApiKeys }) {
    this.#rows = rows;
    this.#vault = vault;
    this.#keys = keys;
  }

  /** An empty accountId asks for a new one. */
  async create(scope: Scope, { accountId, displayName, contact = "", limits }: AccountDraft): Promise<Account> {
    if (limits) requireUnlimited(scope);
    const id = accountId || randomUUID();
    const account = scope.em.create(Account, { id, displayName, contact, defaultLlm: null });
    try {
      await scope.em.transactional(async (em) => {
        await em.persist(account).flush();
        if (limits) await limitAccount(em, account, limits);
        await recordAudit(scope, em, { action: "account.create", resourceId: id, ownerId: id });
      });
    } catch (error) {
      if (!violates(error, "account_pkey")) throw error;
      throw new Fault(
        "ACCOUNT_ID_TAKEN",
        `account_id ${id} is in use; choose another, or leave it out for a new one`,
        { metadata: { accountId: id } },
        error,
      );
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

  async list(scope: Scope, pageSize: number, pageToken: string): Promise<Page<Readonly<Account>>> {
    const reachable = reach(scope, "READ_ACCOUNT_OWN");
    const key = ["accounts", reachable];
    const list = (after: readonly string[] | undefined, limit: number) =>
      listAccounts(this.#rows, reachable, after, limit);
    return readPage(this.#vault, { key, pageSize, pageToken }, list, byCreation);
  }

  async update(scope: Scope, accountId: string, change: AccountChange): Promise<Account> {
    const { displayName, contact, limits } = change;
    if (limits) requireUnlimited(scope);
    const updated = await scope.em.transactional(async (em) => {
      const account = await lockAccount(em, accountId);
      if (!account) throw accountNotFound(accountId);
      const fields = Object.keys(change).filter((name) => change[name as keyof AccountChange] !== undefined);
      if (fields.length === 0) return account;
      if (displayName !== undefined) account.displayName = displayName;
      if (contact !== undefined) account.contact = contact;
      await em.flush();
      if (limits) await limitAccount(em, account, limits);
      const facts = { fields: fields.join(",") };
      await recordAudit(scope, em, { action: "account.update", resourceId: accountId, ownerId: accountId, facts });
      return account;
    });
    onceCommitted(scope, () => this.#keys.forgetAll());
    return updated;
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

async function limitAccount(em: EntityManager, account: Account, limits: HolderLimits): Promise<void> {
  const had = account.ownLimits?.allowedModels ?? [];
  await requireNamed(
    em,
    account.id,
    limits.allowedModels.filter((name) => !had.includes(name)),
  );
  await saveLimits(em, { id: account.id, accountId: account.id, kind: "ACCOUNT" }, limits);
  account.ownLimits = storedLimitsOf(limits);
}

/** Whoever is limited would otherwise give an account more than they have, and call for it. */
function requireUnlimited({ caller }: Scope): void {
  if (!ownLimitsOf(caller)?.length) return;
  throw new Fault("API_KEY_EXCEEDS_CALLER", "a caller with limits of their own does not change those of accounts");
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
