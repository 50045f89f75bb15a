import { Fault, invalidField } from "../../base/fault.ts";
import type { Secret } from "../../base/secret.ts";
import { chainOf, storedLimitsOf } from "../../store/limits/holder-limits.ts";
import {
  announceImport,
  findApiKey,
  hasOtherAdminKey,
  listApiKeys,
  lockAdminKeys,
  lockApiKey,
  timeOf,
} from "../../store/queries/access.ts";
import type { ApiKey } from "../../store/schema/api-key.entity.ts";
import type { RowReader } from "../../store/sql/rows.ts";
import { type EntityManager, violates } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import { recordAudit } from "../call/audit-record.ts";
import { type HolderLimits, UNLIMITED } from "../call/holder-limits.ts";
import { byCreation, type Page, readPage } from "../call/paging.ts";
import { type OwnPermission, type Permission, ROLES, type Role } from "../call/permissions.ts";
import { type Caller, missing, onceCommitted, reach, requireReach, type Scope } from "../call/scope.ts";
import { importedDigest, importProblem } from "./api-key-format.ts";
import { type ApiKeys, addApiKey } from "./api-keys.ts";
import {
  type Grant,
  keysSeenBy,
  ownLimitsOf,
  requireNarrower,
  requireTakenFrom,
  requireWithin,
  scopesFor,
} from "./grant.ts";
import { isGuessable } from "./guessable.ts";
import { changeLimits, limitsFor } from "./key-limits.ts";

/** A key as it is asked for. */
export interface ApiKeyDraft {
  /** Empty: the caller's. */
  readonly accountId: string;
  readonly displayName: string;
  readonly role: Role;
  readonly scopes: readonly Permission[];
  /** Undefined: when the caller's key ends. */
  readonly expiresAt: Date | undefined;
  /** What its holder may take; undefined: whatever the caller may. */
  readonly limits: HolderLimits | undefined;
  /** A secret that was made elsewhere and goes on; undefined: a new one is made. */
  readonly importedSecret: Secret | undefined;
}

/** What changes; undefined leaves it as it is, null takes the end away. */
export interface ApiKeyChange {
  readonly displayName: string | undefined;
  readonly expiresAt: Date | null | undefined;
  readonly limits: HolderLimits | undefined;
}

/** A key that was made just now, which is the only time that it is whole. */
export interface Issued {
  readonly stored: ApiKey;
  /** Undefined for a secret that was brought along. */
  readonly key: Secret | undefined;
}

/** The API keys of accounts. Nobody makes, changes, rolls or revokes one that gives more than they hold themselves. */
export class IssuedKeys {
  readonly #rows: RowReader;
  readonly #vault: Vault;
  readonly #keys: ApiKeys;

  constructor({ rows, vault, keys }: { rows: RowReader; vault: Vault; keys: ApiKeys }) {
    this.#rows = rows;
    this.#vault = vault;
    this.#keys = keys;
  }

  async create(scope: Scope, draft: ApiKeyDraft): Promise<Issued> {
    const { caller } = scope;
    const { role, displayName, limits = UNLIMITED } = draft;
    const accountId = draft.accountId || caller.accountId;
    requireReach(scope, accountId, "CREATE_API_KEY_OWN");
    const scopes = scopesFor(caller, role, draft.scopes);
    const expiresAt = draft.expiresAt ?? (caller.endsAt === undefined ? null : new Date(caller.endsAt));
    requireFuture(expiresAt);
    requireOfRole(role, scopes);
    requireWithin(caller, { accountId, role, scopes, endsAt: timeOf(expiresAt) });
    requireNarrower(caller, limits);
    const imported = draft.importedSecret && (await digestOfImported(caller, draft.importedSecret));
    try {
      const issued = await scope.em.transactional(async (em) => {
        const limitsId = await limitsFor(em, caller, accountId, limits);
        const added = addApiKey(em, { accountId, role, displayName, scopes, expiresAt, limitsId, imported });
        await em.flush();
        added.stored.ownLimits = limitsId === null ? null : storedLimitsOf(limits);
        if (imported) await announceImport(em);
        const issued = { stored: added.stored, key: imported ? undefined : added.key };
        const facts = { role };
        await recordAudit(scope, em, {
          action: "apiKey.create",
          resourceId: issued.stored.id,
          ownerId: accountId,
          facts,
        });
        return issued;
      });
      if (imported) onceCommitted(scope, () => this.#keys.forgetImports());
      return issued;
    } catch (error) {
      if (violates(error, "api_key_imported_key")) throw secretTaken(error);
      if (violates(error, "api_key_account_fkey")) throw invalidField("account_id", "must be the id of an account");
      throw error;
    }
  }

  async get(scope: Scope, apiKeyId: string): Promise<ApiKey> {
    const key = await findApiKey(scope.em, apiKeyId, reach(scope, "READ_API_KEY_OWN"));
    const within = keysSeenBy(scope.caller);
    const isSeen = key && (within === undefined || (await chainOf(scope.em, key.limits ?? null)).includes(within));
    if (!isSeen) throw notFound(apiKeyId);
    return key;
  }

  /** An empty accountId means the caller's. */
  async list(
    scope: Scope,
    asked: { accountId: string; showEnded: boolean },
    pageSize: number,
    pageToken: string,
  ): Promise<Page<Readonly<ApiKey>>> {
    const accountId = asked.accountId || scope.caller.accountId;
    const filter = { ...asked, accountId, within: keysSeenBy(scope.caller) };
    requireReach(scope, filter.accountId, "READ_API_KEY_OWN");
    const key = ["apiKeys", filter.accountId, filter.showEnded];
    const list = (after: readonly string[] | undefined, limit: number) => listApiKeys(this.#rows, filter, after, limit);
    return readPage(this.#vault, { key, pageSize, pageToken }, list, byCreation);
  }

  async update(scope: Scope, apiKeyId: string, change: ApiKeyChange): Promise<ApiKey> {
    const { displayName, expiresAt, limits } = change;
    return this.#change(scope, apiKeyId, "UPDATE_API_KEY_OWN", async (em, key) => {
      requireWorking(key);
      if (displayName !== undefined) key.displayName = displayName;
      if (expiresAt !== undefined) {
        requireWithin(scope.caller, { ...grantOf(key), endsAt: timeOf(expiresAt) });
        key.expiresAt = expiresAt;
        await requireAdminKey(em, key);
      }
      if (limits !== undefined) await changeLimits(em, scope.caller, key, limits);
      const fields = Object.keys(change).filter((name) => change[name as keyof ApiKeyChange] !== undefined);
      if (fields.length === 0) return key;
      await em.flush();
      const facts = { fields: fields.join(",") };
      await recordAudit(scope, em, { action: "apiKey.update", resourceId: key.id, ownerId: key.account, facts });
      return key;
    });
  }

  /** The new key may do the same; the old one works for the overlap more, and never longer than it would have. */
  async roll(
    scope: Scope,
    apiKeyId: string,
    { overlapMs, expiresAt }: { overlapMs: number; expiresAt: Date | null | undefined },
  ): Promise<Issued & { readonly rolled: ApiKey }> {
    return this.#change(scope, apiKeyId, "ROLL_API_KEY_OWN", async (em, rolled) => {
      requireWorking(rolled);
      const newEnd = (expiresAt === undefined ? rolled.expiresAt : expiresAt) ?? null;
      requireFuture(newEnd);
      const grant = { ...grantOf(rolled), endsAt: timeOf(newEnd) };
      requireWithin(scope.caller, grant);
      const { accountId, role, scopes } = grant;
      const { displayName, limits: limitsId = null } = rolled;
      const issued = addApiKey(em, { accountId, role, scopes, displayName, expiresAt: newEnd, limitsId });
      issued.stored.ownLimits = rolled.ownLimits ?? null;
      rolled.expiresAt = new Date(Math.min(Date.now() + overlapMs, timeOf(rolled.expiresAt)));
      await em.flush();
      await requireAdminKey(em, rolled);
      const facts = { newApiKeyId: issued.stored.id };
      await recordAudit(scope, em, { action: "apiKey.roll", resourceId: rolled.id, ownerId: accountId, facts });
      return { ...issued, rolled };
    });
  }

  /** For ever; done again, it changes nothing. */
  async revoke(scope: Scope, apiKeyId: string): Promise<ApiKey> {
    return this.#change(scope, apiKeyId, "DELETE_API_KEY_OWN", async (em, key) => {
      if (key.revokedAt) return key;
      key.revokedAt = new Date();
      await requireAdminKey(em, key);
      await em.flush();
      await recordAudit(scope, em, { action: "apiKey.revoke", resourceId: key.id, ownerId: key.account });
      return key;
    });
  }

  /** One transaction over the locked key, of which nothing is held in memory afterwards. */
  async #change<Result>(
    scope: Scope,
    apiKeyId: string,
    own: OwnPermission,
    change: (em: EntityManager, key: ApiKey) => Promise<Result>,
  ): Promise<Result> {
    const reachable = reach(scope, own);
    const result = await scope.em.transactional(async (em) => {
      const found = await findApiKey(em, apiKeyId, reachable);
      // Before the row's lock, which two who take away the last two ADMIN keys would hold against each other.
      if (found?.role === "ADMIN") await lockAdminKeys(em);
      const key = found && (await lockApiKey(em, apiKeyId, reachable));
      if (!key) throw notFound(apiKeyId);
      requireWithin(scope.caller, { ...grantOf(key), endsAt: Number.NEGATIVE_INFINITY });
      if (ownLimitsOf(scope.caller)?.length) requireTakenFrom(scope.caller, await chainOf(em, key.limits ?? null));
      return change(em, key);
    });
    onceCommitted(scope, () => this.#keys.forgetAll());
    return result;
  }
}

/** What a stored key gives. */
function grantOf(key: ApiKey): Grant {
  const endsAt = Math.min(timeOf(key.expiresAt), timeOf(key.revokedAt));
  // The columns hold nothing else: what goes in is checked by the contract.
  return { accountId: key.account, role: key.role as Role, scopes: key.scopes as Permission[], endsAt };
}

const GUESSABLE =
  "can be guessed: it is made of words, dates, runs or repetitions, of which at most a few may be in it; let the program have " +
  "a new key";

/** Those who may make keys for anybody are the operators, who alone bring secrets along. */
async function digestOfImported({ permissions }: Caller, secret: Secret): Promise<Buffer> {
  if (!permissions.has("CREATE_API_KEY_ANY")) throw missing("CREATE_API_KEY_ANY");
  const problem = importProblem(secret.reveal()) ?? ((await isGuessable(secret.reveal())) ? GUESSABLE : undefined);
  if (problem !== undefined) throw invalidField("imported_secret", problem);
  return importedDigest(secret.reveal()) as Buffer;
}

function secretTaken(cause: unknown): Fault {
  return new Fault("API_KEY_SECRET_TAKEN", "imported_secret: an API key has this secret already", {}, cause);
}

function requireWorking(key: ApiKey): void {
  if (grantOf(key).endsAt > Date.now()) return;
  throw new Fault("API_KEY_ENDED", `API key ${key.id} is revoked or has expired; make a new one`);
}

function requireOfRole(role: Role, scopes: readonly Permission[]): void {
  const other = scopes.find((scope) => !ROLES[role].has(scope));
  if (other) throw invalidField("scopes", `must be a part of what the role may do: ${other} is nothing for a ${role}`);
}

function requireFuture(expiresAt: Date | null | undefined): void {
  if (timeOf(expiresAt) <= Date.now()) throw invalidField("expires_at", "must be in the future");
}

/** To be called when a key has been changed, and before that is committed. */
async function requireAdminKey(em: EntityManager, key: ApiKey): Promise<void> {
  const { role, scopes, endsAt } = grantOf(key);
  if (role !== "ADMIN" || scopes.length > 0 || endsAt === Number.POSITIVE_INFINITY) return;
  if (await hasOtherAdminKey(em, key.id)) return;
  throw new Fault(
    "LAST_ADMIN_KEY",
    `API key ${key.id} is the last ADMIN key without scopes that never expires; make another one first`,
  );
}

/** Missing and not to be seen are the same. */
function notFound(apiKeyId: string): Fault {
  return new Fault("API_KEY_NOT_FOUND", `there is no API key ${apiKeyId}`);
}
