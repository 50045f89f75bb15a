/** Accounts, and the API keys that act for them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { useInfiniteQuery, useMutation, useQuery } from "@connectrpc/connect-query";
import { useMemo } from "react";
import { AccessService, type CreateApiKeyRequestSchema } from "../../../../gen/patchbay/v1/access_service_pb.ts";
import type { Account } from "../../../../gen/patchbay/v1/account_pb.ts";
import { type ApiKey, ApiKey_Role } from "../../../../gen/patchbay/v1/api_key_pb.ts";
import { nextPage, refresh } from "../../calls/query.ts";

export type { Account, ApiKey };
export { ApiKey_Role as Role };

export const accessMethods = AccessService.method;

export type NewApiKey = Exclude<MessageInitShape<typeof CreateApiKeyRequestSchema>, { $typeName: string }>;

export const useAccounts = () =>
  useInfiniteQuery(
    AccessService.method.listAccounts,
    { pageSize: 200, pageToken: "" },
    { pageParamKey: "pageToken", getNextPageParam: nextPage },
  );

export const useApiKeys = (accountId: string, showEnded: boolean, isEnabled: boolean) =>
  useInfiniteQuery(
    AccessService.method.listApiKeys,
    { accountId, showEnded, pageSize: 200, pageToken: "" },
    { pageParamKey: "pageToken", getNextPageParam: nextPage, enabled: isEnabled },
  );

/** How much is used of a key's limits changes with each call, so it is asked for whenever somebody looks. */
export const useApiKey = (apiKeyId: string) =>
  useQuery(AccessService.method.getApiKey, { apiKeyId }, { staleTime: 0, select: (it) => it.apiKey });

export const useAccount = (accountId: string) =>
  useQuery(AccessService.method.getAccount, { accountId }, { staleTime: 0, select: (it) => it.account });

/** What API keys are called, also those that have ended. */
export function useKeyNames(isEnabled: boolean): ReadonlyMap<string, string> {
  const request = { showEnded: true, pageSize: 1_000 };
  const { data } = useQuery(AccessService.method.listApiKeys, request, { enabled: isEnabled });
  return useMemo(() => new Map(data?.apiKeys.map(({ apiKeyId, displayName }) => [apiKeyId, displayName])), [data]);
}

const refreshAccess = () => refresh(AccessService);
export const useCreateAccount = () => useMutation(AccessService.method.createAccount, { onSuccess: refreshAccess });
export const useUpdateAccount = () => useMutation(AccessService.method.updateAccount, { onSuccess: refreshAccess });
export const useDeleteAccount = () => useMutation(AccessService.method.deleteAccount, { onSuccess: refreshAccess });
export const useCreateApiKey = () => useMutation(AccessService.method.createApiKey, { onSuccess: refreshAccess });
export const useUpdateApiKey = () => useMutation(AccessService.method.updateApiKey, { onSuccess: refreshAccess });
export const useRollApiKey = () => useMutation(AccessService.method.rollApiKey, { onSuccess: refreshAccess });
export const useRevokeApiKey = () => useMutation(AccessService.method.revokeApiKey, { onSuccess: refreshAccess });
