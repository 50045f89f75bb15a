import { fromJson, type JsonObject, type JsonValue, type MessageInitShape } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import {
  CapabilitySource_Source,
  type CapabilitySourceSchema,
  type CapabilitySourcesSchema,
} from "../../../gen/patchbay/v1/capability_sources_pb.ts";
import {
  ConnectionTest_OutcomeSchema,
  ConnectionTest_Stage_NameSchema,
  ConnectionTest_Stage_StateSchema,
  type ConnectionTestSchema,
} from "../../../gen/patchbay/v1/connection_test_pb.ts";
import type { StoredCredentialsSchema } from "../../../gen/patchbay/v1/credentials_pb.ts";
import {
  Llm_DashscopeApiDialect,
  Llm_ModalitySchema,
  Llm_ProviderTypeSchema,
  Llm_StatusSchema,
  type LlmSchema,
  type PatienceSchema,
} from "../../../gen/patchbay/v1/llm_pb.ts";
import { WatchLlmsResponse_KindSchema, type WatchLlmsResponseSchema } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import {
  ModelState_Source,
  ModelState_StateSchema,
  type ModelStateSchema,
} from "../../../gen/patchbay/v1/model_state_pb.ts";
import { Notice_CodeSchema, type NoticeSchema } from "../../../gen/patchbay/v1/notice_pb.ts";
import type { ProviderModelSchema } from "../../../gen/patchbay/v1/provider_pb.ts";
import type { TokenPriceSchema } from "../../../gen/patchbay/v1/usage_pb.ts";
import { usdOf } from "../../base/usd.ts";
import type { Notice } from "../../domain/connections/notice.ts";
import { purgeTimeOf } from "../../domain/llms/deletion.ts";
import { etagOf, inferredOf } from "../../domain/llms/values.ts";
import type { LlmEvent } from "../../domain/llms/watch-llms.ts";
import { PROPERTIES, type PropertySource, sourcesOf } from "../../domain/models/inference.ts";
import { outputLimitOf } from "../../domain/models/knowledge.ts";
import type { FetchedModels } from "../../domain/models/lists.ts";
import type { Llm, StoredPrice, StoredSlot, StoredTest } from "../../store/schema/llm.entity.ts";
import type { ServedModel } from "../../upstream/models/adapter.ts";
import { numberOf } from "../call/enums.ts";

/** An Llm as callers see it: all of it but its credentials. */
export function presentLlm(llm: Readonly<Llm>): MessageInitShape<typeof LlmSchema> {
  const { stopSequences = [], ...sampling } = llm.defaultSampling;
  return {
    llmId: llm.id,
    displayName: llm.displayName,
    description: llm.description,
    alias: llm.alias,
    providerType: numberOf(Llm_ProviderTypeSchema, llm.providerType),
    endpointUrl: llm.endpointUrl,
    apiPath: llm.apiPath,
    modelIdentifier: llm.modelIdentifier,
    supportedModalities: llm.supportedModalities.map((modality) => numberOf(Llm_ModalitySchema, modality)),
    labels: llm.labels,
    version: llm.version,
    monitoringEndpoint: llm.monitoringEndpoint,
    capabilities: llm.capabilities,
    defaultSamplingParams: { ...sampling, stopSequences: [...stopSequences] },
    ...(llm.maxContextLength === null ? {} : { maxContextLength: llm.maxContextLength }),
    ...presentOutputLimit(outputLimitOf(llm.model)),
    ...(llm.clientConfig ? { clientConfig: llm.clientConfig as JsonObject } : {}),
    ownerId: llm.owner,
    createdAt: BigInt(llm.createdAt.getTime()),
    updatedAt: BigInt(llm.updatedAt.getTime()),
    createdById: llm.createdBy,
    updatedById: llm.updatedBy,
    status: numberOf(Llm_StatusSchema, llm.disabled ? "DISABLED" : llm.status),
    checkIntervalSeconds: llm.checkIntervalSeconds,
    isDefault: llm.isDefault ?? false,
    modelDeprecated: llm.modelState === "DEPRECATED" || llm.modelState === "RETIRED",
    modelState: presentModelState(llm),
    capabilitySources: presentSources(llm),
    supportsWebSearch: llm.supportsWebSearch,
    credentialsHint: llm.credentialsHint,
    hasCredentials: llm.hasCredentials,
    credentialsRef: llm.credentialsRef,
    ...(llm.pendingCredentials ? { pendingCredentials: presentSlot(llm.pendingCredentials) } : {}),
    ...(llm.previousCredentials ? { previousCredentials: presentSlot(llm.previousCredentials) } : {}),
    ...(llm.lastTest ? { lastTest: presentTest(llm.lastTest) } : {}),
    etag: etagOf(llm),
    ...(llm.deletedAt
      ? { deletedAt: BigInt(llm.deletedAt.getTime()), purgeAt: BigInt(purgeTimeOf(llm.deletedAt).getTime()) }
      : {}),
    ...(Object.keys(llm.patience).length > 0
      ? { patience: llm.patience as MessageInitShape<typeof PatienceSchema> }
      : {}),
    providerId: llm.provider ?? "",
    ...(llm.price ? { price: presentPrice(llm.price) } : {}),
    ...(llm.providerType === "DASHSCOPE" ? { dashscopeApiDialect: Llm_DashscopeApiDialect.OPENAI_COMPATIBLE } : {}),
    totalCost: llm.totalCost ?? 0n,
    totalCostUsd: usdOf(llm.totalCost ?? 0n),
    unpricedReplies: llm.unpricedReplies ?? 0n,
  };
}

function presentPrice({ setAt: _, ...rates }: StoredPrice): MessageInitShape<typeof TokenPriceSchema> {
  return Object.fromEntries(Object.entries(rates).filter(([, rate]) => rate !== undefined));
}

function presentSlot({ hint, ref, since, test }: StoredSlot): MessageInitShape<typeof StoredCredentialsSchema> {
  return { hint, ref, since: BigInt(since), ...(test ? { lastTest: presentTest(test) } : {}) };
}

/** A remark in the words of the contract. */
export function presentNotice({ code, message }: Notice): MessageInitShape<typeof NoticeSchema> {
  return { code: numberOf(Notice_CodeSchema, code), message };
}

/** The result of a test in the words of the contract. */
export function presentTest(test: StoredTest): MessageInitShape<typeof ConnectionTestSchema> {
  return {
    outcome: numberOf(ConnectionTest_OutcomeSchema, test.outcome),
    reason: test.reason ?? "",
    message: test.message,
    stages: test.stages.map(({ name, state, message }) => ({
      name: numberOf(ConnectionTest_Stage_NameSchema, name),
      state: numberOf(ConnectionTest_Stage_StateSchema, state),
      message,
    })),
    latencyMs: test.latencyMs,
    ...(test.httpStatus === undefined ? {} : { httpStatus: test.httpStatus }),
    model: test.model,
    testedAt: BigInt(test.testedAt),
    ...(test.headersMs === undefined ? {} : { headersMs: test.headersMs }),
    ...(test.firstTokenMs === undefined ? {} : { firstTokenMs: test.firstTokenMs }),
  };
}

/** What has become of the model of an Llm, in the words of the contract. */
export function presentModelState({ modelState, model }: Readonly<Llm>): MessageInitShape<typeof ModelStateSchema> {
  const { source, deprecatedAt = "", retiresAt = "", successor = "", checkedAt } = model;
  return {
    state: numberOf(ModelState_StateSchema, modelState),
    ...(source === undefined ? {} : { source: ModelState_Source[source] }),
    deprecatedAt,
    retiresAt,
    successor,
    ...(checkedAt === undefined ? {} : { checkedAt: BigInt(checkedAt) }),
  };
}

/** Who says what of the model of an Llm; the names are those of the properties. */
export function presentSources(llm: Readonly<Llm>): MessageInitShape<typeof CapabilitySourcesSchema> {
  const sources = sourcesOf(inferredOf(llm), llm.model.claims);
  return Object.fromEntries(
    PROPERTIES.flatMap((name) => {
      const { source, disagreements } = sources[name];
      return source === undefined ? [] : [[name, presentSource(source, disagreements)]];
    }),
  );
}

function presentSource(
  source: NonNullable<PropertySource["source"]>,
  disagreements: PropertySource["disagreements"],
): MessageInitShape<typeof CapabilitySourceSchema> {
  return {
    source: CapabilitySource_Source[source],
    disagreements: disagreements.map((other) => ({
      source: CapabilitySource_Source[other.source],
      value: fromJson(ValueSchema, other.value as JsonValue),
    })),
  };
}

/** An event in the words of the contract. */
export function presentEvent(event: LlmEvent): MessageInitShape<typeof WatchLlmsResponseSchema> {
  const { kind, change, row: llm, resumeToken } = event;
  return {
    kind: numberOf(WatchLlmsResponse_KindSchema, kind.toUpperCase()),
    ...(change
      ? { llmId: change.resourceId, ownerId: change.ownerId, happenedAt: BigInt(change.happenedAt.getTime()) }
      : {}),
    ...(llm ? { llm: presentLlm(llm) } : {}),
    resumeToken,
  };
}

/** A list of models in the words of the contract; who serves them is named in its remark. */
export function presentModels({ models, isComplete, fetchedAt }: FetchedModels, server: "vendor" | "endpoint") {
  const message = `the ${server} serves more models than the ${models.length} that are listed`;
  return {
    models: models.map(presentModel),
    fetchedAt: BigInt(fetchedAt),
    statuses: isComplete ? [] : [presentNotice({ code: "PARTIAL_RESULTS", message })],
  };
}

function presentModel(model: ServedModel): MessageInitShape<typeof ProviderModelSchema> {
  const { id, displayName, ownedBy, createdAt, maxContextLength, maxOutputTokens } = model;
  return {
    modelIdentifier: id,
    displayName,
    ownedBy,
    ...(createdAt === undefined ? {} : { createdAt: BigInt(createdAt) }),
    ...(maxContextLength === undefined ? {} : { maxContextLength }),
    ...presentOutputLimit(maxOutputTokens),
  };
}

function presentOutputLimit(maxOutputTokens: number | undefined): { maxOutputTokens?: number } {
  return maxOutputTokens === undefined ? {} : { maxOutputTokens };
}
