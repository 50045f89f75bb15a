import type { FieldMask } from "@bufbuild/protobuf/wkt";
import {
  type ListProvidersRequest,
  ListProvidersRequest_Direction,
  ListProvidersRequest_OrderBy,
  type UpsertProviderRequest,
} from "../../gen/patchbay/v1/provider_service_pb.ts";
import { invalidField } from "../base/fault.ts";
import type { ProviderChange } from "../domain/providers/provider-change.ts";
import type { ProviderRef } from "../domain/providers/provider-values.ts";
import type { ProviderQuery } from "../domain/providers/providers.ts";
import type { ProviderOrder } from "../store/provider-queries.ts";
import { readCredentials } from "./read-credentials.ts";
import { readProviderType } from "./read-llm.ts";

const ORDERS: Readonly<Record<number, ProviderOrder>> = {
  [ListProvidersRequest_OrderBy.CREATED_AT]: "createdAt",
  [ListProvidersRequest_OrderBy.UPDATED_AT]: "updatedAt",
  [ListProvidersRequest_OrderBy.NAME]: "name",
  [ListProvidersRequest_OrderBy.DISPLAY_NAME]: "displayName",
  [ListProvidersRequest_OrderBy.BASE_URL]: "endpointUrl",
  [ListProvidersRequest_OrderBy.NUMBER]: "number",
};

/** The fields of UpsertProviderRequest that an update_mask can name. */
const CHANGES = ["display_name", "base_url", "credentials", "metadata"] as const;
type Change = (typeof CHANGES)[number];

/** Which Provider a request is about. */
export function readProviderRef({ name, ownerId }: { name: string; ownerId: string }): ProviderRef {
  return { name, ownerId: ownerId.toLowerCase() || undefined };
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
    baseUrl: pick("base_url", request.baseUrl),
    credentials: pick("credentials", readCredentials(request.credentials)),
    metadata: pick("metadata", request.metadata),
  };
}

/** Which Providers, in which order. */
export function readProviderQuery(request: ListProvidersRequest): ProviderQuery {
  return {
    filter: {
      ownerId: request.ownerId.toLowerCase() || undefined,
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
  const unknown = mask.paths.find((path) => !(CHANGES as readonly string[]).includes(path));
  if (unknown === undefined) return new Set(mask.paths);
  throw invalidField("update_mask", `"${unknown}" is not a field that can be changed; those are ${CHANGES.join(", ")}`);
}
