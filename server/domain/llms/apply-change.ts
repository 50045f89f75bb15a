import { Fault, invalidField } from "../../base/fault.ts";
import type { Llm } from "../../store/llm.entity.ts";
import type { Provider } from "../../store/provider.entity.ts";
import type { EntityManager } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { Egress } from "../../upstream/egress/egress.ts";
import { providers } from "../../upstream/providers.ts";
import { type Credentials, fingerprintOf } from "../credentials/credentials.ts";
import { completeCredentials, standsForStored } from "../credentials/draft.ts";
import { requireRefAllowed, type SecretRefs } from "../credentials/secret-refs.ts";
import { clearCurrent, setCurrent } from "../credentials/slots.ts";
import type { ModelFacts } from "../models/catalog.ts";
import { givenOf, withoutEchoes } from "../models/inference.ts";
import { forgetEndpoint } from "../models/model-knowledge.ts";
import { allowedConfig } from "./client-config.ts";
import { digestOf, sealForLlm, useOf } from "./credentials.ts";
import type { LlmChange } from "./draft.ts";
import { allowedApiPath, allowedEndpoint } from "./endpoint.ts";
import { knownAfter } from "./known-model.ts";
import { inferredOf, providerTypeOf } from "./llm-values.ts";
import { requireNoRotation } from "./rotation.ts";
import { checkThroughProvider } from "./through-provider.ts";

const MOST_LABELS = 20;

interface Means {
  readonly vault: Vault;
  readonly egress: Egress;
  readonly secretRefs: SecretRefs;
  readonly em: EntityManager;
  readonly facts: ModelFacts | undefined;
  /** The one that the change names, held; null if it takes the Llm's away, undefined if it says nothing of it. */
  readonly provider: Provider | null | undefined;
}

/** Writes a change into an Llm; it is the caller's to store it. */
export async function applyChange(means: Means, llm: Llm, change: LlmChange): Promise<void> {
  if (change.providerType !== undefined && change.providerType !== llm.providerType) {
    throw invalidField("provider_type", `never changes; it is ${llm.providerType}. Create another Llm instead`);
  }
  llm.displayName = change.displayName ?? llm.displayName;
  llm.description = change.description ?? llm.description;
  llm.version = change.version ?? llm.version;
  llm.labels = changedLabels(llm.labels, change);
  llm.defaultSampling = change.defaultSampling ?? llm.defaultSampling;
  llm.disabled = change.disabled ?? llm.disabled;
  llm.checkIntervalSeconds = change.checkIntervalSeconds ?? llm.checkIntervalSeconds;
  if (change.clientConfig !== undefined) llm.clientConfig = allowedConfig(providerTypeOf(llm), change.clientConfig);
  if (change.price !== undefined) llm.price = change.price;
  if (change.monitoringEndpoint !== undefined) {
    llm.monitoringEndpoint = change.monitoringEndpoint
      ? allowedEndpoint(means.egress, change.monitoringEndpoint, "monitoring_endpoint")
      : "";
  }
  llm.modelIdentifier = change.modelIdentifier ?? llm.modelIdentifier;
  await changeConnection(means, llm, change);
  changeModel(means, llm, change);
}

/** Where a change leads, and with which credentials; undefined keeps the stored ones, null means none. */
export interface ChangedConnection {
  readonly endpointUrl: string;
  readonly apiPath: string;
  readonly credentials: Credentials | null | undefined;
  readonly providerId: string | null;
}

/** The rule that stored credentials never follow a moved endpoint, for changes that are stored or only tested. */
export function connectionAfter(
  egress: Egress,
  llm: Llm,
  change: Pick<LlmChange, "endpointUrl" | "apiPath" | "credentials">,
  provider?: Provider | null,
): ChangedConnection {
  const providerType = providerTypeOf(llm);
  const endpointBefore = provider?.endpointUrl ?? llm.endpointUrl;
  const endpointUrl =
    change.endpointUrl === undefined ? endpointBefore : allowedEndpoint(egress, change.endpointUrl, "endpoint_url");
  const apiPath = change.apiPath === undefined ? llm.apiPath : change.apiPath || providers[providerType].defaultApiPath;
  allowedApiPath(egress, endpointUrl, apiPath);
  const credentials = changedCredentials(llm, change.credentials);
  const providerId = (provider === undefined ? llm.provider : provider?.id) ?? null;
  const asked = { endpointUrl, apiPath, credentials, providerId };
  if (providerId || llm.provider) return checkThroughProvider(llm, asked, endpointBefore, provider);
  const isMoved = endpointUrl !== llm.endpointUrl || apiPath !== llm.apiPath;
  if (isMoved && llm.hasCredentials && credentials === undefined) {
    throw new Fault(
      "CREDENTIALS_REQUIRED",
      "stored credentials never follow a moved endpoint: send credentials together with the new endpoint_url or api_path",
      { metadata: { llmId: llm.id } },
    );
  }
  return asked;
}

function changedCredentials(llm: Llm, credentials: LlmChange["credentials"]): Credentials | null | undefined {
  if (credentials === undefined || credentials === null) return credentials;
  if (standsForStored(credentials, { llmId: llm.id })) return undefined;
  return completeCredentials(credentials, providerTypeOf(llm));
}

async function changeConnection(means: Means, llm: Llm, change: LlmChange): Promise<void> {
  const { vault, egress, secretRefs, em } = means;
  const after = connectionAfter(egress, llm, change, means.provider);
  const { endpointUrl, apiPath, credentials, providerId } = after;
  const isOther = endpointUrl !== llm.endpointUrl || apiPath !== llm.apiPath || providerId !== (llm.provider ?? null);
  if (isOther) requireNoRotation(llm);
  llm.provider = providerId;
  llm.endpointUrl = endpointUrl;
  llm.apiPath = apiPath;
  if (credentials === null) clearCurrent(llm, fingerprintOf(vault, llm.owner, undefined));
  if (credentials) {
    requireRefAllowed(secretRefs, credentials, useOf(llm));
    setCurrent(llm, await sealForLlm(vault, em, llm, credentials));
  }
  // Also when they are the same as those that did not open.
  if (credentials !== undefined && llm.status === "CREDENTIALS_UNREADABLE") llm.status = "UNTESTED";
  const digest = digestOf(llm);
  if (digest.equals(llm.connectionDigest)) return;
  llm.connectionDigest = digest;
  llm.lastTest = null;
  llm.model = forgetEndpoint(llm.model);
  // Credentials that do not open do not begin to because something else has changed.
  if (llm.status !== "CREDENTIALS_UNREADABLE") llm.status = "UNTESTED";
}

/** What the owner left open is inferred anew, because the model may be another one now. */
function changeModel({ facts }: Means, llm: Llm, change: LlmChange): void {
  const stored = inferredOf(llm);
  const given = givenOf(stored);
  const said = {
    capabilities: change.capabilities === null ? {} : { ...given.capabilities, ...change.capabilities },
    maxContextLength:
      change.maxContextLength === undefined ? given.maxContextLength : (change.maxContextLength ?? undefined),
    supportedModalities: change.supportedModalities ?? given.supportedModalities,
  };
  Object.assign(llm, knownAfter(llm, withoutEchoes(said, stored, change.echoes), { facts }));
}

function changedLabels(
  labels: Record<string, string>,
  { replaceLabels, mergeLabels }: LlmChange,
): Record<string, string> {
  const changed = replaceLabels ?? { ...labels, ...mergeLabels };
  const count = Object.keys(changed).length;
  if (count > MOST_LABELS) {
    throw invalidField("merge_labels", `would make ${count} labels; at most ${MOST_LABELS} are kept`);
  }
  return changed;
}
