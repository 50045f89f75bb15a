import { randomUUID } from "node:crypto";
import { newRow } from "../../store/insertion.ts";
import { Llm } from "../../store/llm.entity.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { Egress } from "../../upstream/egress/egress.ts";
import { providers } from "../../upstream/providers.ts";
import type { Scope } from "../access/scope.ts";
import { fingerprintOf } from "../credentials/credentials.ts";
import { completeCredentials, describeDraft } from "../credentials/draft.ts";
import { requireRefAllowed, type SecretRefs } from "../credentials/secret-refs.ts";
import { setCurrent } from "../credentials/slots.ts";
import type { ModelFacts } from "../models/catalog.ts";
import { NOTHING_KNOWN } from "../models/model-knowledge.ts";
import { allowedConfig } from "./client-config.ts";
import { digestOf, sealForLlm, useOf } from "./credentials.ts";
import { endpointOrDefault, type LlmDraft } from "./draft.ts";
import { allowedApiPath, allowedEndpoint } from "./endpoint.ts";
import { knownAfter } from "./known-model.ts";
import type { SettledDraft } from "./through-provider.ts";

interface Means {
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
  { vault, egress, secretRefs }: Means,
  scope: Scope,
  draft: SettledDraft,
  { ownerId, facts, requestDigest }: Circumstances,
): Promise<Llm> {
  const { providerType, providerId = null } = draft;
  const now = new Date();
  const credentials = draft.credentials && completeCredentials(draft.credentials, providerType);
  const endpointUrl = allowedEndpoint(egress, endpointOrDefault(draft.endpointUrl, providerType), "endpoint_url");
  const apiPath = allowedApiPath(egress, endpointUrl, draft.apiPath || providers[providerType].defaultApiPath);
  const unknown = { modelState: "UNKNOWN", model: NOTHING_KNOWN };
  const known = knownAfter({ ...unknown, providerType, modelIdentifier: draft.modelIdentifier }, draft, { facts });
  const llm = newRow(scope.em, Llm, {
    ...known,
    id: draft.llmId || randomUUID(),
    owner: ownerId,
    displayName: draft.displayName,
    description: draft.description,
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
  return vault.digest("request", JSON.stringify({ ...rest, ownerId, key, rates }));
}
