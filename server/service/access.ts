import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { AccessService, CallerSchema } from "../../gen/patchbay/v1/access_service_pb.ts";
import type { AccountSchema } from "../../gen/patchbay/v1/account_pb.ts";
import { ApiKey_RoleSchema, type ApiKeySchema } from "../../gen/patchbay/v1/api_key_pb.ts";
import { PermissionSchema } from "../../gen/patchbay/v1/permission_pb.ts";
import { Secret } from "../base/secret.ts";
import type { Accounts } from "../domain/access/accounts.ts";
import type { IssuedKeys } from "../domain/access/issued-keys.ts";
import { allowedNames, limitsAnything } from "../domain/call/holder-limits.ts";
import type { Permission, Role } from "../domain/call/permissions.ts";
import type { Caller, Scope } from "../domain/call/scope.ts";
import type { LimitState, LimitStates } from "../domain/limits/states.ts";
import type { LlmNames } from "../domain/names/llm-names.ts";
import { readStoredLimits } from "../store/limits/holder-limits.ts";
import type { Account } from "../store/schema/account.entity.ts";
import type { ApiKey } from "../store/schema/api-key.entity.ts";
import type { StoredLimits } from "../store/schema/holder-limits.entity.ts";
import { scopeOf } from "./call/context.ts";
import { nameOf, numberOf } from "./call/enums.ts";
import { presentLimits, presentState, readLimits } from "./limits.ts";

const DEFAULT_OVERLAP_SECONDS = 24 * 60 * 60;

/** The rpcs of AccessService: unpack, ask the domain, present. */
export function accessRpcs({
  accounts,
  issuedKeys,
  limitStates,
  names,
}: {
  accounts: Accounts;
  issuedKeys: IssuedKeys;
  limitStates: LimitStates;
  names: LlmNames;
}): ServiceImpl<typeof AccessService> {
  /** An account as a caller sees it, who may not know of each Llm. */
  const present = async ({ caller }: Scope, account: Account, states: readonly LimitState[] = []) => {
    const { defaultLlm } = account;
    const isSeen = defaultLlm && (await names.isAllowed(caller, defaultLlm));
    return presentAccount(account, isSeen ? defaultLlm : "", states);
  };
  return {
    async getCaller(_, context) {
      const { caller } = scopeOf(context);
      return { caller: presentCaller(caller, await limitStates.of(caller.limits)) };
    },

    async createAccount({ accountId, displayName, contact, limits }, context) {
      const draft = { accountId, displayName, contact, limits: readLimits(limits) };
      const scope = scopeOf(context);
      return { account: await present(scope, await accounts.create(scope, draft)) };
    },

    async getAccount({ accountId }, context) {
      const scope = scopeOf(context);
      const account = await accounts.get(scope, accountId);
      return { account: await present(scope, account, await limitStates.ofHolder(scope, null, accountId)) };
    },

    async listAccounts({ pageSize, pageToken }, context) {
      const scope = scopeOf(context);
      const page = await accounts.list(scope, pageSize, pageToken);
      const presented = await Promise.all(page.rows.map((account) => present(scope, account)));
      return { accounts: presented, nextPageToken: page.nextPageToken };
    },

    async updateAccount({ accountId, displayName, contact, limits }, context) {
      const change = { displayName, contact, limits: readLimits(limits) };
      const scope = scopeOf(context);
      return { account: await present(scope, await accounts.update(scope, accountId, change)) };
    },

    async deleteAccount({ accountId }, context) {
      await accounts.delete(scopeOf(context), accountId);
      return {};
    },

    async createApiKey(request, context) {
      const { stored, key } = await issuedKeys.create(scopeOf(context), {
        accountId: request.accountId,
        displayName: request.displayName,
        role: nameOf<Role>(ApiKey_RoleSchema, request.role) as Role,
        scopes: request.scopes.map((scope) => nameOf<Permission>(PermissionSchema, scope) as Permission),
        expiresAt: readTime(request.expiresAt) ?? undefined,
        limits: readLimits(request.limits),
        importedSecret: request.importedSecret ? new Secret(request.importedSecret) : undefined,
      });
      return { apiKey: presentApiKey(stored), key: key?.reveal() ?? "" };
    },

    async getApiKey({ apiKeyId }, context) {
      const scope = scopeOf(context);
      const key = await issuedKeys.get(scope, apiKeyId);
      return { apiKey: presentApiKey(key, await limitStates.ofHolder(scope, key.limits ?? null, key.account)) };
    },

    async listApiKeys({ accountId, showEnded, pageSize, pageToken }, context) {
      const filter = { accountId, showEnded };
      const page = await issuedKeys.list(scopeOf(context), filter, pageSize, pageToken);
      return { apiKeys: page.rows.map((key) => presentApiKey(key)), nextPageToken: page.nextPageToken };
    },

    async updateApiKey({ apiKeyId, displayName, expiresAt, limits }, context) {
      const change = { displayName, expiresAt: readTime(expiresAt), limits: readLimits(limits) };
      return { apiKey: presentApiKey(await issuedKeys.update(scopeOf(context), apiKeyId, change)) };
    },

    async rollApiKey({ apiKeyId, overlapSeconds = DEFAULT_OVERLAP_SECONDS, expiresAt }, context) {
      const asked = { overlapMs: overlapSeconds * 1_000, expiresAt: readTime(expiresAt) };
      const { stored, key, rolled } = await issuedKeys.roll(scopeOf(context), apiKeyId, asked);
      return { apiKey: presentApiKey(stored), key: key?.reveal() ?? "", rolled: presentApiKey(rolled) };
    },

    async revokeApiKey({ apiKeyId }, context) {
      return { apiKey: presentApiKey(await issuedKeys.revoke(scopeOf(context), apiKeyId)) };
    },
  };
}

/** Null for 0, which stands for never. */
function readTime(ms: bigint | undefined): Date | null | undefined {
  if (ms === undefined) return undefined;
  return ms === 0n ? null : new Date(Number(ms));
}

function presentTime(time: Date | null | undefined): bigint {
  return BigInt(time?.getTime() ?? 0);
}

function presentCaller(caller: Caller, states: readonly LimitState[]): MessageInitShape<typeof CallerSchema> {
  return {
    accountId: caller.accountId,
    apiKeyId: caller.apiKeyId,
    subject: caller.subject ?? "",
    role: numberOf(ApiKey_RoleSchema, caller.role),
    permissions: [...caller.permissions].map((permission) => numberOf(PermissionSchema, permission)),
    limitStates: states.map(presentState),
    allowedModels: [...(allowedNames(caller) ?? [])],
    contact: caller.limits?.[0]?.contact ?? "",
  };
}

function presentAccount(
  account: Account,
  defaultLlmId: string,
  states: readonly LimitState[],
): MessageInitShape<typeof AccountSchema> {
  return {
    accountId: account.id,
    displayName: account.displayName,
    defaultLlmId,
    createdAt: presentTime(account.createdAt),
    contact: account.contact,
    ...limitsIn(account.ownLimits),
    limitStates: states.map(presentState),
  };
}

function presentApiKey(key: ApiKey, states: readonly LimitState[] = []): MessageInitShape<typeof ApiKeySchema> {
  return {
    apiKeyId: key.id,
    accountId: key.account,
    displayName: key.displayName,
    role: numberOf(ApiKey_RoleSchema, key.role),
    scopes: key.scopes.map((scope) => numberOf(PermissionSchema, scope)),
    createdAt: presentTime(key.createdAt),
    expiresAt: presentTime(key.expiresAt),
    revokedAt: presentTime(key.revokedAt),
    lastUsedAt: presentTime(key.lastUsedAt),
    ...limitsIn(key.ownLimits),
    limitStates: states.map(presentState),
    isImported: key.isImported,
  };
}

/** The limits of a row; left out if it has none, or none of them limits anything. */
function limitsIn(stored: StoredLimits | null | undefined) {
  const limits = stored && readStoredLimits(stored);
  return limits && limitsAnything(limits) ? { limits: presentLimits(limits) } : {};
}
