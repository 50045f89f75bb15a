/** Accounts at vendors, and what they serve. */
import { useInfiniteQuery, useMutation, useQuery } from "@connectrpc/connect-query";
import { type Provider, Provider_Status } from "../../../gen/patchbay/v1/provider_pb.ts";
import { ProviderService } from "../../../gen/patchbay/v1/provider_service_pb.ts";
import { nextPage, refresh } from "../calls/query.ts";

export type { Provider };
export { Provider_Status as ProviderStatus };

export const providerMethods = ProviderService.method;

export const useProviders = (search = "", isEnabled = true) =>
  useInfiniteQuery(
    ProviderService.method.listProviders,
    { search, pageSize: 100, pageToken: "", includeTotalSize: true },
    { pageParamKey: "pageToken", getNextPageParam: nextPage, enabled: isEnabled, placeholderData: (before) => before },
  );

export const useProvider = (name: string, isEnabled = true) =>
  useQuery(
    ProviderService.method.getProvider,
    { name },
    { enabled: isEnabled && name !== "", select: (it) => it.provider },
  );

/** What the vendor lists; asked of the vendor when somebody looks. */
export const useProviderModels = (name: string, isEnabled: boolean) =>
  useQuery(ProviderService.method.listProviderModels, { name }, { enabled: isEnabled && name !== "", retry: false });

const refreshProviders = () => refresh(ProviderService);
export const useUpsertProvider = () =>
  useMutation(ProviderService.method.upsertProvider, { onSuccess: refreshProviders });
export const useTestProvider = () => useMutation(ProviderService.method.testProvider, { onSuccess: refreshProviders });
export const useDeleteProvider = () =>
  useMutation(ProviderService.method.deleteProvider, { onSuccess: refreshProviders });
