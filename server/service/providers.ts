import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { Llm_ProviderTypeSchema } from "../../gen/patchbay/v1/llm_pb.ts";
import { Provider_StatusSchema, type ProviderSchema } from "../../gen/patchbay/v1/provider_pb.ts";
import {
  type ListProvidersRequest,
  ListProvidersRequest_Direction,
  ListProvidersRequest_OrderBy,
  type ProviderService,
  type UpsertProviderRequest,
} from "../../gen/patchbay/v1/provider_service_pb.ts";
import { invalidField } from "../base/fault.ts";
import type { ProviderChange } from "../domain/providers/change.ts";
import type { Vendors } from "../domain/providers/probes.ts";
import type { ProviderQuery, Providers } from "../domain/providers/providers.ts";
import { etagOf, type ProviderRef } from "../domain/providers/values.ts";
import type { ProviderOrder } from "../store/queries/providers.ts";
import type { Provider } from "../store/schema/provider.entity.ts";
import { scopeOf } from "./call/context.ts";
import { numberOf } from "./call/enums.ts";
import { presentModels, presentNotice, presentTest } from "./llms/present.ts";
import { readProviderType } from "./llms/read.ts";
import { readCredentials, remarkOn } from "./llms/read-credentials.ts";

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
      return {
        provider: presentProvider(provider),
        created: isNew,
        statuses: [...notices, ...remarkOn(request.credentials)].map(presentNotice),
      };
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

const ORDERS: Readonly<Record<number, ProviderOrder>> = {
  [ListProvidersRequest_OrderBy.CREATED_AT]: "createdAt",
  [ListProvidersRequest_OrderBy.UPDATED_AT]: "updatedAt",
  [ListProvidersRequest_OrderBy.NAME]: "name",
  [ListProvidersRequest_OrderBy.DISPLAY_NAME]: "displayName",
  [ListProvidersRequest_OrderBy.ENDPOINT_URL]: "endpointUrl",
  [ListProvidersRequest_OrderBy.NUMBER]: "number",
};

/** The fields of UpsertProviderRequest that an update_mask can name. */
const CHANGES = ["display_name", "endpoint_url", "credentials", "metadata"] as const;
type Change = (typeof CHANGES)[number];

/** Which Provider a request is about. */
export function readProviderRef({ name, ownerId }: { name: string; ownerId: string }): ProviderRef {
  return { name, ownerId: ownerId || undefined };
}

/** A change: the fields that the mask names, or else those that are set. */
export function readProviderChange(request: UpsertProviderRequest): ProviderChange {
  const masked = readMask(request.updateMask);
  const pick = <Value>(field: Change, value: Value | undefined): Value | null | undefined => {
    if (masked === undefined) return value;
    return masked.has(field) ? (value ?? null) : undefined;
  };
  return {
    etag: request.etag,
    displayName: pick("display_name", request.displayName),
    providerType: readProviderType(request.providerType),
    endpointUrl: pick("endpoint_url", request.endpointUrl ?? request.baseUrl),
    credentials: pick("credentials", readCredentials(request.credentials)),
    metadata: pick("metadata", request.metadata),
  };
}

/** Which Providers, in which order. */
export function readProviderQuery(request: ListProvidersRequest): ProviderQuery {
  return {
    filter: {
      ownerId: request.ownerId || undefined,
      providerType: readProviderType(request.providerType),
      search: request.search,
    },
    order: ORDERS[request.orderBy] ?? "createdAt",
    descending: request.direction === ListProvidersRequest_Direction.DESC,
    offset: request.offset,
  };
}

/** Undefined without a mask. */
function readMask(mask: FieldMask | undefined): ReadonlySet<string> | undefined {
  if (!mask || mask.paths.length === 0) return undefined;
  const paths = mask.paths.map((path) => (path === "base_url" ? "endpoint_url" : path));
  const unknown = paths.find((path) => !(CHANGES as readonly string[]).includes(path));
  if (unknown === undefined) return new Set(paths);
  throw invalidField("update_mask", `"${unknown}" is not a field that can be changed; those are ${CHANGES.join(", ")}`);
}

/** A Provider as callers see it: all of it but its credentials. */
export function presentProvider(provider: Readonly<Provider>): MessageInitShape<typeof ProviderSchema> {
  return {
    providerId: provider.id,
    name: provider.name,
    number: provider.number,
    displayName: provider.displayName,
    providerType: numberOf(Llm_ProviderTypeSchema, provider.providerType),
    endpointUrl: provider.endpointUrl,
    metadata: provider.metadata as JsonObject,
    ownerId: provider.owner,
    createdAt: BigInt(provider.createdAt.getTime()),
    updatedAt: BigInt(provider.updatedAt.getTime()),
    createdById: provider.createdBy,
    updatedById: provider.updatedBy,
    status: numberOf(Provider_StatusSchema, provider.status),
    ...(provider.lastTest ? { lastTest: presentTest(provider.lastTest) } : {}),
    hasCredentials: provider.hasCredentials,
    credentialsHint: provider.credentialsHint,
    credentialsRef: provider.credentialsRef,
    etag: etagOf(provider),
  };
}
