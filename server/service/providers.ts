import type { ServiceImpl } from "@connectrpc/connect";
import type { ProviderService } from "../../gen/patchbay/v1/provider_service_pb.ts";
import type { Providers } from "../domain/providers/providers.ts";
import type { Vendors } from "../domain/providers/vendors.ts";
import { presentNotice, presentTest } from "./present-llm.ts";
import { presentModels, presentProvider } from "./present-provider.ts";
import { readProviderChange, readProviderQuery, readProviderRef } from "./read-provider.ts";
import { scopeOf } from "./scope-key.ts";

/** The rpcs of ProviderService: unpack, ask the domain, present. */
export function providerRpcs({
  providers,
  vendors,
}: {
  providers: Providers;
  vendors: Vendors;
}): ServiceImpl<typeof ProviderService> {
  return {
    async upsertProvider(request, context) {
      const ref = readProviderRef(request);
      const { provider, isNew, notices } = await providers.upsert(scopeOf(context), ref, readProviderChange(request));
      return { provider: presentProvider(provider), created: isNew, statuses: notices.map(presentNotice) };
    },

    async getProvider(request, context) {
      return { provider: presentProvider(await providers.get(scopeOf(context), readProviderRef(request))) };
    },

    async listProviders(request, context) {
      const { pageSize, pageToken, includeTotalSize } = request;
      const query = readProviderQuery(request);
      const page = await providers.list(scopeOf(context), query, pageSize, pageToken, includeTotalSize);
      return {
        providers: page.rows.map(presentProvider),
        nextPageToken: page.nextPageToken,
        ...(page.totalSize === undefined ? {} : { totalSize: page.totalSize }),
      };
    },

    async deleteProvider(request, context) {
      await providers.delete(scopeOf(context), readProviderRef(request), request.etag);
      return {};
    },

    async testProvider(request, context) {
      return { test: presentTest(await vendors.test(scopeOf(context), readProviderRef(request))) };
    },

    async listProviderModels(request, context) {
      const ref = readProviderRef(request);
      return presentModels(await vendors.models(scopeOf(context), ref, request.maxAgeMs), "vendor");
    },
  };
}
