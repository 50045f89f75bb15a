import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { type KnownModel, keepModel, lockLlm } from "../../store/queries/llms.ts";
import { Llm } from "../../store/schema/llm.entity.ts";
import { newRow } from "../../store/sql/statements.ts";
import type { EntityManager } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { Egress } from "../../upstream/egress/egress.ts";
import { providers, providerTypeOf } from "../../upstream/models/provider-types.ts";
import { canonicalJson } from "../call/answer-once.ts";
import type { Scope } from "../call/scope.ts";
import { allowedConfig } from "../connections/client-config.ts";
import { completeCredentials, describeDraft, fingerprintOf } from "../connections/credentials.ts";
import { allowedApiPath, allowedEndpoint, endpointOrDefault, requireBase } from "../connections/endpoint.ts";
import { requireRefAllowed, type SecretRefs } from "../connections/secret-refs.ts";
import { setCurrent } from "../connections/slots.ts";
import { lookUpModel, type ModelFacts } from "../models/catalog.ts";
import { givenOf, inferModel, type ModelProperties } from "../models/inference.ts";
import { learn, type ModelKnowledge, type ModelNews, NOTHING_KNOWN } from "../models/knowledge.ts";
import type { ModelStateName } from "../models/model-state.ts";
import type { LlmDraft } from "./change.ts";
import { digestOf, sealForLlm, useOf } from "./credentials.ts";
import type { SettledDraft } from "./through-provider.ts";
import { inferredOf, notify } from "./values.ts";

interface Deps {
  readonly vault: Vault;
  readonly egress: Egress;
  readonly secretRefs: SecretRefs;
}

/** What goes into a new Llm besides its draft. */
interface Circumstances {
  readonly ownerId: string;
  readonly facts: ModelFacts | undefined;
  readonly requestDigest: Buffer;
}

/** An Llm made from a draft, its credentials sealed, and not yet stored. */
export async function composeLlm(
  { vault, egress, secretRefs }: Deps,
  scope: Scope,
  draft: SettledDraft,
  { ownerId, facts, requestDigest }: Circumstances,
): Promise<Llm> {
  const { providerType, providerId = null } = draft;
  const now = new Date();
  const credentials = draft.credentials && completeCredentials(draft.credentials, providerType);
  const endpointUrl = allowedEndpoint(egress, endpointOrDefault(draft.endpointUrl, providerType), "endpoint_url");
  const apiPath = allowedApiPath(egress, endpointUrl, draft.apiPath || providers[providerType].defaultApiPath);
  if (providerId === null) requireBase(endpointUrl, apiPath);
  const unknown = { modelState: "UNKNOWN", model: NOTHING_KNOWN };
  const known = knownAfter({ ...unknown, providerType, modelIdentifier: draft.modelIdentifier }, draft, { facts });
  const llm = newRow(scope.em, Llm, {
    ...known,
    id: draft.llmId || randomUUID(),
    owner: ownerId,
    displayName: draft.displayName,
    description: draft.description,
    alias: draft.alias,
    providerType,
    provider: providerId,
    endpointUrl,
    apiPath,
    modelIdentifier: draft.modelIdentifier,
    labels: draft.labels,
    version: draft.version,
    monitoringEndpoint: draft.monitoringEndpoint
      ? allowedEndpoint(egress, draft.monitoringEndpoint, "monitoring_endpoint")
      : "",
    defaultSampling: draft.defaultSampling,
    patience: draft.patience,
    checkIntervalSeconds: draft.checkIntervalSeconds,
    clientConfig: allowedConfig(providerType, draft.clientConfig ?? null),
    price: draft.price ?? null,
    sealedCredentials: null,
    credentialsVersion: 0,
    credentialsIssued: 0,
    hasCredentials: false,
    credentialsHint: "",
    credentialsRef: "",
    credentialsFingerprint: Buffer.alloc(0),
    sealedPendingCredentials: null,
    pendingCredentials: null,
    sealedPreviousCredentials: null,
    previousCredentials: null,
    connectionDigest: Buffer.alloc(0),
    requestDigest,
    status: "UNTESTED",
    lastTest: null,
    createdAt: now,
    updatedAt: now,
    createdBy: scope.caller.accountId,
    updatedBy: scope.caller.accountId,
    deletedAt: null,
  });
  if (credentials) {
    requireRefAllowed(secretRefs, credentials, useOf(llm));
    setCurrent(llm, await sealForLlm(vault, scope.em, llm, credentials));
  } else {
    llm.credentialsFingerprint = fingerprintOf(vault, ownerId, undefined);
  }
  llm.connectionDigest = digestOf(llm);
  return llm;
}

/** Tells a repeated request from a different one. Keyed, because the request holds the secret. */
export function requestDigestOf(vault: Vault, draft: LlmDraft, ownerId: string): Buffer {
  const { credentials, price, ...rest } = draft;
  const key = credentials && describeDraft(credentials);
  const rates = price && { ...price, setAt: undefined };
  return vault.digest("request", canonicalJson({ ...rest, ownerId, key, rates }));
}

/** What is known of the model of an Llm after news of it, and what its properties are then. */
export function knownAfter(
  llm: Pick<Llm, "providerType" | "modelIdentifier" | "modelState" | "model">,
  given: ModelProperties,
  news: ModelNews,
): KnownModel & Pick<Llm, "inferred"> {
  const name = { providerType: providerTypeOf(llm), name: llm.modelIdentifier };
  const { state, model } = learn(knowledgeOf(llm), name, news);
  const { capabilities, maxContextLength = null, supportedModalities, inferred } = inferModel(given, model.claims);
  return {
    modelState: state,
    model,
    capabilities,
    maxContextLength,
    supportedModalities: [...supportedModalities],
    supportsWebSearch: news.facts?.supportsWebSearch ?? false,
    inferred: [...inferred],
  };
}

/**
 * Keeps what is new of the model of an Llm, and tells those who watch if it is more than that it was looked at. False if
 * the connection is another one by now, so that the news are not of it.
 */
export async function saveNews(
  em: EntityManager,
  seen: Readonly<Llm>,
  { list, test }: Omit<ModelNews, "facts">,
): Promise<boolean> {
  const facts = await lookUpModel(providerTypeOf(seen), seen.modelIdentifier);
  // Of its own, so that the row is as it is now and not as it was seen.
  return em.fork().transactional(async (em) => {
    const llm = await lockLlm(em, seen.id, undefined);
    if (!llm || !isSameConnection(llm, seen)) return false;
    const { inferred: _, ...known } = knownAfter(llm, givenOf(inferredOf(llm)), { facts, list, test });
    const before = knownOf(llm);
    if (isDeepStrictEqual(known, before)) return true;
    await keepModel(em, llm.id, known);
    if (!isDeepStrictEqual(unchecked(known), unchecked(before))) await notify(em, llm, "model_changed");
    return true;
  });
}

function knowledgeOf({ modelState, model }: Pick<Llm, "modelState" | "model">): ModelKnowledge {
  return { state: modelState as ModelStateName, model };
}

function isSameConnection(one: Readonly<Llm>, other: Readonly<Llm>): boolean {
  return one.connectionDigest.equals(other.connectionDigest) && one.credentialsVersion === other.credentialsVersion;
}

function knownOf(llm: Llm): KnownModel {
  const { modelState, model, capabilities, maxContextLength, supportedModalities, supportsWebSearch } = llm;
  return { modelState, model, capabilities, maxContextLength, supportedModalities, supportsWebSearch };
}

function unchecked(known: KnownModel): KnownModel {
  return { ...known, model: { ...known.model, checkedAt: undefined } };
}
