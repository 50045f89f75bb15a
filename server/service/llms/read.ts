import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { CapabilitySource_Source, type CapabilitySources } from "../../../gen/patchbay/v1/capability_sources_pb.ts";
import {
  Llm_ModalitySchema,
  Llm_ProviderType,
  Llm_ProviderTypeSchema,
  Llm_StatusSchema,
  type LlmCapabilities,
  type Patience,
  type SamplingParams,
} from "../../../gen/patchbay/v1/llm_pb.ts";
import {
  type CreateLlmRequest,
  type ListLlmsRequest,
  ListLlmsRequest_Direction,
  ListLlmsRequest_OrderBy,
  type TestConnectionRequest,
  type UpdateLlmRequest,
  UpdateLlmRequestSchema,
} from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { ModelState_StateSchema } from "../../../gen/patchbay/v1/model_state_pb.ts";
import type { TokenPrice } from "../../../gen/patchbay/v1/usage_pb.ts";
import { invalidField } from "../../base/fault.ts";
import type { SamplingParams as Sampling } from "../../base/sampling.ts";
import type { LlmChange, LlmDraft } from "../../domain/llms/change.ts";
import type { ConnectionDraft } from "../../domain/llms/connection-tests.ts";
import type { Query } from "../../domain/llms/values.ts";
import { PROPERTIES, type Property } from "../../domain/models/inference.ts";
import type { LlmOrder } from "../../store/queries/llm-list.ts";
import type { Capabilities, StoredPatience, StoredPrice } from "../../store/schema/llm.entity.ts";
import type { ProviderType } from "../../upstream/models/provider-types.ts";
import { nameOf } from "../call/enums.ts";
import { readCredentials } from "./read-credentials.ts";

const ORDERS: Readonly<Record<number, LlmOrder>> = {
  [ListLlmsRequest_OrderBy.CREATED_AT]: "createdAt",
  [ListLlmsRequest_OrderBy.UPDATED_AT]: "updatedAt",
  [ListLlmsRequest_OrderBy.DISPLAY_NAME]: "displayName",
  [ListLlmsRequest_OrderBy.MODEL_IDENTIFIER]: "modelIdentifier",
};

/** Fields of UpdateLlmRequest that say which Llm is meant and how it is changed, and not what to change. */
const NOT_CHANGES = new Set([
  "llm_id",
  "update_mask",
  "etag",
  "capability_sources",
  "request_id",
  "validate_only",
  "dashscope_api_dialect",
]);
/** Fields that an Llm is not without: they can be changed, and not cleared. */
const REQUIRED = ["display_name", "endpoint_url", "model_identifier"] as const;

/** A new Llm as the request describes it. */
export function readDraft(request: CreateLlmRequest): LlmDraft {
  const { dashscopeApiDialect: dialect = 0, providerType } = request;
  const isDashscope = providerType === Llm_ProviderType.DASHSCOPE || providerType === 0;
  if (dialect !== 0 && !isDashscope) throw invalidField("dashscope_api_dialect", "is for the provider type DASHSCOPE");
  return {
    llmId: request.llmId,
    ownerId: request.ownerId,
    displayName: request.displayName,
    description: request.description,
    alias: request.alias,
    providerType: readProviderType(request.providerType),
    providerId: request.providerId || undefined,
    endpointUrl: request.endpointUrl,
    apiPath: request.apiPath,
    modelIdentifier: request.modelIdentifier,
    supportedModalities: readModalities(request.supportedModalities),
    credentials: readCredentials(request.credentials),
    labels: request.labels,
    version: request.version,
    monitoringEndpoint: request.monitoringEndpoint,
    capabilities: readCapabilities(request.capabilities),
    defaultSampling: readSampling(request.defaultSamplingParams),
    patience: readPatience(request.patience),
    maxContextLength: request.maxContextLength,
    clientConfig: withPlainNames(request.clientConfig),
    price: readPrice(request.price) ?? undefined,
    checkIntervalSeconds: request.checkIntervalSeconds,
  };
}

/** A connection as the request describes it. */
export function readConnection(request: TestConnectionRequest): ConnectionDraft {
  return {
    llmId: request.llmId,
    providerType: readProviderType(request.providerType),
    endpointUrl: request.endpointUrl,
    apiPath: request.apiPath,
    modelIdentifier: request.modelIdentifier,
    credentials: readCredentials(request.credentials),
    sampling: request.defaultSamplingParams && readSampling(request.defaultSamplingParams),
    clientConfig: request.clientConfig && (withPlainNames(request.clientConfig) ?? undefined),
    takesSampling: request.capabilities?.supportsSamplingParameters,
    patience: request.patience && readPatience(request.patience),
  };
}

/** Which Llms, in which order. */
export function readQuery(request: ListLlmsRequest): Query {
  return {
    filter: {
      ownerId: request.ownerId || undefined,
      providerType: readProviderType(request.providerType),
      status: nameOf(Llm_StatusSchema, request.status),
      modelState: nameOf(ModelState_StateSchema, request.modelState),
      labels: { ...request.labels, ...request.label },
      search: request.search,
      showDeleted: request.showDeleted,
    },
    order: ORDERS[request.orderBy] ?? "createdAt",
    descending: request.direction === ListLlmsRequest_Direction.DESC,
  };
}

/** A change: the fields that the mask names, or else those that are set. */
export function readChange(request: UpdateLlmRequest): LlmChange {
  const masked = readMask(request.updateMask, request.providerId !== undefined);
  const isMeant = (field: string) => masked === undefined || masked.has(field);
  // Only a mask can say that a field without a value is meant.
  const isCleared = (field: string) => masked?.has(field) ?? false;
  for (const field of REQUIRED) {
    const isSet = {
      display_name: request.displayName,
      endpoint_url: request.endpointUrl,
      model_identifier: request.modelIdentifier,
    }[field];
    if (isCleared(field) && isSet === undefined)
      throw invalidField(field, "is in update_mask and has no value; it cannot be cleared");
  }
  const pick = <Value, Cleared>(
    field: string,
    value: Value | undefined,
    cleared: Cleared,
  ): Value | Cleared | undefined => {
    if (!isMeant(field)) return undefined;
    return value === undefined && isCleared(field) ? cleared : value;
  };
  const providerId = pick("provider_id", request.providerId, "");
  const labels = Object.keys(request.labels).length > 0 ? request.labels : undefined;
  const modalities = request.supportedModalities.length > 0 ? readModalities(request.supportedModalities) : undefined;
  return {
    etag: request.etag,
    displayName: pick("display_name", request.displayName, undefined),
    description: pick("description", request.description, ""),
    alias: pick("alias", request.alias, ""),
    providerType: readProviderType(request.providerType),
    providerId: providerId === "" ? null : providerId,
    endpointUrl: pick("endpoint_url", request.endpointUrl, undefined),
    apiPath: pick("api_path", request.apiPath, ""),
    modelIdentifier: pick("model_identifier", request.modelIdentifier, undefined),
    supportedModalities: pick("supported_modalities", modalities, []),
    credentials: pick("credentials", readCredentials(request.credentials), null),
    replaceLabels: pick("replace_labels", request.replaceLabels?.labels, {}) ?? pick("labels", labels, {}),
    mergeLabels: pick("merge_labels", request.mergeLabels?.labels, {}),
    version: pick("version", request.version, ""),
    monitoringEndpoint: pick("monitoring_endpoint", request.monitoringEndpoint, ""),
    capabilities: pick("capabilities", request.capabilities && readCapabilities(request.capabilities), null),
    defaultSampling: pick(
      "default_sampling_params",
      request.defaultSamplingParams && readSampling(request.defaultSamplingParams),
      {},
    ),
    patience: pick("patience", request.patience && readPatience(request.patience), {}),
    maxContextLength: pick("max_context_length", request.maxContextLength, null),
    echoes: readEchoes(request.capabilitySources),
    clientConfig: pick("client_config", withPlainNames(request.clientConfig), null),
    price: pick("price", request.price && readPrice(request.price), null),
    checkIntervalSeconds: pick("check_interval_seconds", request.checkIntervalSeconds, 0),
    disabled: pick("disabled", request.disabled, false),
  };
}

/** The properties that somebody else than the owner is named as the source of. */
function readEchoes(sources: CapabilitySources | undefined): ReadonlySet<Property> {
  return new Set(
    PROPERTIES.filter((name) => sources?.[name] && sources[name].source !== CapabilitySource_Source.OWNER),
  );
}

/** The sampling parameters that are set. */
export function readSampling(params: SamplingParams | undefined): Sampling {
  if (!params) return {};
  const { $typeName: _, $unknown: __, stopSequences, ...numbers } = params;
  return { ...numbers, ...(stopSequences.length > 0 ? { stopSequences } : {}) };
}

/**
 * Undefined without a mask. `*` is all but the credentials, and but the Provider that may stand for them unless one is
 * named: nobody loses a key by replacing the rest.
 */
function readMask(mask: FieldMask | undefined, namesProvider: boolean): ReadonlySet<string> | undefined {
  if (!mask || mask.paths.length === 0) return undefined;
  const known = UpdateLlmRequestSchema.fields.map(({ name }) => name).filter((name) => !NOT_CHANGES.has(name));
  const unknown = mask.paths.find((path) => path !== "*" && !known.includes(path));
  if (unknown !== undefined) {
    throw invalidField("update_mask", `"${unknown}" is not a field that can be changed; those are ${known.join(", ")}`);
  }
  if (!mask.paths.includes("*")) return new Set(mask.paths);
  return new Set(known.filter((name) => name !== "credentials" && (name !== "provider_id" || namesProvider)));
}

/** What is left to the server's settings is not there. */
function readPatience(patience: Patience | undefined): StoredPatience {
  if (!patience) return {};
  const { $typeName: _, $unknown: __, ...seconds } = patience;
  return seconds;
}

/** Null for a price without a rate: that is none. */
function readPrice(price: TokenPrice | undefined): StoredPrice | null | undefined {
  if (!price) return undefined;
  const { $typeName: _, $unknown: __, ...rates } = price;
  return Object.values(rates).some((rate) => rate !== undefined) ? { ...rates, setAt: Date.now() } : null;
}

/** The word for a provider type; undefined where none is given. */
export function readProviderType(number: number): ProviderType | undefined {
  return nameOf<ProviderType>(Llm_ProviderTypeSchema, number);
}

function readModalities(numbers: readonly number[]): string[] {
  return numbers.flatMap((number) => nameOf(Llm_ModalitySchema, number) ?? []);
}

function readCapabilities(capabilities: LlmCapabilities | undefined): Capabilities {
  if (!capabilities) return {};
  const { $typeName: _, $unknown: __, ...given } = capabilities;
  return given;
}

/** Names that mean something else to JavaScript: whoever copies them carelessly changes every object there is. */
const UNSAFE = new Set(["__proto__", "constructor", "prototype"]);

/** A clientConfig, all of whose names are plain ones, however deep; the contract says the same of labels. */
export function withPlainNames(config: JsonObject | undefined): JsonObject | undefined {
  const waiting: (JsonValue | undefined)[] = [config];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value !== "object" || value === null) continue;
    const unsafe = Array.isArray(value) ? undefined : Object.keys(value).find((name) => UNSAFE.has(name));
    if (unsafe !== undefined) throw invalidField("client_config", `must not have the name "${unsafe}" in it`);
    waiting.push(...Object.values(value));
  }
  return config;
}
