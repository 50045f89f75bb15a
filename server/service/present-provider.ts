import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { Llm_ProviderTypeSchema } from "../../gen/patchbay/v1/llm_pb.ts";
import {
  Provider_StatusSchema,
  type ProviderModelSchema,
  type ProviderSchema,
} from "../../gen/patchbay/v1/provider_pb.ts";
import type { FetchedModels } from "../domain/models/model-lists.ts";
import { etagOf } from "../domain/providers/provider-values.ts";
import type { Provider } from "../store/provider.entity.ts";
import type { ServedModel } from "../upstream/adapter.ts";
import { numberOf } from "./enum-names.ts";
import { presentNotice, presentTest } from "./present-llm.ts";

/** A Provider as callers see it: all of it but its credentials. */
export function presentProvider(provider: Readonly<Provider>): MessageInitShape<typeof ProviderSchema> {
  return {
    providerId: provider.id,
    name: provider.name,
    number: provider.number,
    displayName: provider.displayName,
    providerType: numberOf(Llm_ProviderTypeSchema, provider.providerType),
    baseUrl: provider.endpointUrl,
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
  const { id, displayName, ownedBy, createdAt, maxContextLength } = model;
  return {
    modelIdentifier: id,
    displayName,
    ownedBy,
    ...(createdAt === undefined ? {} : { createdAt: BigInt(createdAt) }),
    ...(maxContextLength === undefined ? {} : { maxContextLength }),
  };
}
