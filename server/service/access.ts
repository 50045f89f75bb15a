import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { AccessService, CallerSchema } from "../../gen/patchbay/v1/access_service_pb.ts";
import type { AccountSchema } from "../../gen/patchbay/v1/account_pb.ts";
import { ApiKey_RoleSchema, type ApiKeySchema } from "../../gen/patchbay/v1/api_key_pb.ts";
import { PermissionSchema } from "../../gen/patchbay/v1/permission_pb.ts";
import type { Accounts } from "../domain/access/accounts.ts";
import type { IssuedKeys } from "../domain/access/issued-keys.ts";
import type { Permission, Role } from "../domain/call/permissions.ts";
import type { Caller } from "../domain/call/scope.ts";
import type { Account } from "../store/schema/account.entity.ts";
import type { ApiKey } from "../store/schema/api-key.entity.ts";
import { scopeOf } from "./call/context.ts";
import { nameOf, numberOf } from "./call/enums.ts";

const DEFAULT_OVERLAP_SECONDS = 24 * 60 * 60;

/** The rpcs of AccessService: unpack, ask the domain, present. */
export function accessRpcs({
  accounts,
  issuedKeys,
}: {
  accounts: Accounts;
  issuedKeys: IssuedKeys;
}): ServiceImpl<typeof AccessService> {
  return {
    getCaller(_, context) {
      return { caller: presentCaller(scopeOf(context).caller) };
    },

    async createAccount({ accountId, displayName }, context) {
      const draft = { accountId, displayName };
      return { account: presentAccount(await accounts.create(scopeOf(context), draft)) };
    },

    async getAccount({ accountId }, context) {
      return { account: presentAccount(await accounts.get(scopeOf(context), accountId)) };
    },

    async listAccounts({ pageSize, pageToken }, context) {
      const page = await accounts.list(scopeOf(context), pageSize, pageToken);
      return { accounts: page.rows.map(presentAccount), nextPageToken: page.nextPageToken };
    },

    async updateAccount({ accountId, displayName }, context) {
      const account = await accounts.update(scopeOf(context), accountId, displayName);
      return { account: presentAccount(account) };
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
      });
      return { apiKey: presentApiKey(stored), key: key.reveal() };
    },

    async getApiKey({ apiKeyId }, context) {
      return { apiKey: presentApiKey(await issuedKeys.get(scopeOf(context), apiKeyId)) };
    },

    async listApiKeys({ accountId, showEnded, pageSize, pageToken }, context) {
      const filter = { accountId, showEnded };
      const page = await issuedKeys.list(scopeOf(context), filter, pageSize, pageToken);
      return { apiKeys: page.rows.map(presentApiKey), nextPageToken: page.nextPageToken };
    },

    async updateApiKey({ apiKeyId, displayName, expiresAt }, context) {
      const change = { displayName, expiresAt: readTime(expiresAt) };
      return { apiKey: presentApiKey(await issuedKeys.update(scopeOf(context), apiKeyId, change)) };
    },

    async rollApiKey({ apiKeyId, overlapSeconds = DEFAULT_OVERLAP_SECONDS, expiresAt }, context) {
      const asked = { overlapMs: overlapSeconds * 1_000, expiresAt: readTime(expiresAt) };
      const { stored, key, rolled } = await issuedKeys.roll(scopeOf(context), apiKeyId, asked);
      return { apiKey: presentApiKey(stored), key: key.reveal(), rolled: presentApiKey(rolled) };
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

function presentCaller(caller: Caller): MessageInitShape<typeof CallerSchema> {
  return {
    accountId: caller.accountId,
    apiKeyId: caller.apiKeyId,
    subject: caller.subject ?? "",
    role: numberOf(ApiKey_RoleSchema, caller.role),
    permissions: [...caller.permissions].map((permission) => numberOf(PermissionSchema, permission)),
  };
}

function presentAccount(account: Account): MessageInitShape<typeof AccountSchema> {
  return {
    accountId: account.id,
    displayName: account.displayName,
    defaultLlmId: account.defaultLlm ?? "",
    createdAt: presentTime(account.createdAt),
  };
}

function presentApiKey(key: ApiKey): MessageInitShape<typeof ApiKeySchema> {
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
  };
}
