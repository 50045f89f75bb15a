import { randomUUID } from "node:crypto";
import { Fault } from "../../base/fault.ts";
import { Account } from "../../store/account.entity.ts";
import { belongingsOf, deleteAccount, findAccount, listAccounts, lockAccount } from "../../store/account-queries.ts";
import { eraseDeletedOf } from "../../store/llm-queries.ts";
import { violates } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import { recordDeed } from "../audit/audit.ts";
import { limitOf, type Page, pageOf } from "../lists/page.ts";
import { makePageToken, readPageToken } from "../lists/page-token.ts";
import { reach, type Scope } from "./scope.ts";

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
        await recordDeed(scope, em, { action: "account.create", resourceId: id, ownerId: id });
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
    const limit = limitOf(pageSize);
    const accounts = await listAccounts(scope.em, reachable, readPageToken(this.#vault, key, pageToken), limit + 1);
    return pageOf(accounts, limit, ({ createdAt, id }) =>
      makePageToken(this.#vault, key, [createdAt.toISOString(), id]),
    );
  }

  async update(scope: Scope, accountId: string, displayName: string | undefined): Promise<Account> {
    return scope.em.transactional(async (em) => {
      const account = await lockAccount(em, accountId);
      if (!account) throw accountNotFound(accountId);
      if (displayName === undefined) return account;
      account.displayName = displayName;
      await em.flush();
      const facts = { fields: "displayName" };
      await recordDeed(scope, em, { action: "account.update", resourceId: accountId, ownerId: accountId, facts });
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
      await recordDeed(scope, em, { action: "account.delete", resourceId: accountId, ownerId: accountId, facts });
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
