import { Fault, invalidField } from "../../base/fault.ts";
import type { SamplingParams } from "../../base/sampling.ts";
import type { Capabilities, Llm, StoredPatience, StoredPrice } from "../../store/schema/llm.entity.ts";
import type { Provider } from "../../store/schema/provider.entity.ts";
import type { EntityManager } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { Egress } from "../../upstream/egress/egress.ts";
import { type ProviderType, providers, providerTypeOf } from "../../upstream/models/provider-types.ts";
import { allowedConfig } from "../connections/client-config.ts";
import {
  type Credentials,
  type CredentialsDraft,
  completeCredentials,
  fingerprintOf,
  standsForStored,
} from "../connections/credentials.ts";
import { allowedApiPath, allowedEndpoint, requireBase } from "../connections/endpoint.ts";
import { requireRefAllowed, type SecretRefs } from "../connections/secret-refs.ts";
import { clearCurrent, setCurrent } from "../connections/slots.ts";
import type { ModelFacts } from "../models/catalog.ts";
import { givenOf, type Property, withoutEchoes } from "../models/inference.ts";
import { forgetEndpoint } from "../models/knowledge.ts";
import { knownAfter } from "./create.ts";
import { digestOf, sealForLlm, useOf } from "./credentials.ts";
import { requireNoRotation } from "./rotation.ts";
import { checkThroughProvider } from "./through-provider.ts";
import { inferredOf } from "./values.ts";

const MAX_LABELS = 20;

interface Deps {
  readonly vault: Vault;
  readonly egress: Egress;
  readonly secretRefs: SecretRefs;
  readonly em: EntityManager;
  readonly facts: ModelFacts | undefined;
  /** The one that the change names, held; null if it takes the Llm's away, undefined if it says nothing of it. */
  readonly provider: Provider | null | undefined;
}

/** Writes a change into an Llm; it is the caller's to store it. */
export async function applyChange(deps: Deps, llm: Llm, change: LlmChange): Promise<void> {
  if (change.providerType !== undefined && change.providerType !== llm.providerType) {
    throw invalidField("provider_type", `never changes; it is ${llm.providerType}. Create another Llm instead`);
  }
  llm.displayName = change.displayName ?? llm.displayName;
  llm.description = change.description ?? llm.description;
  llm.alias = change.alias ?? llm.alias;
  llm.version = change.version ?? llm.version;
  llm.labels = changedLabels(llm.labels, change);
  llm.defaultSampling = change.defaultSampling ?? llm.defaultSampling;
  llm.patience = change.patience ?? llm.patience;
  llm.disabled = change.disabled ?? llm.disabled;
  llm.checkIntervalSeconds = change.checkIntervalSeconds ?? llm.checkIntervalSeconds;
  if (change.clientConfig !== undefined) llm.clientConfig = allowedConfig(providerTypeOf(llm), change.clientConfig);
  if (change.price !== undefined) llm.price = change.price;
  if (change.monitoringEndpoint !== undefined) {
    llm.monitoringEndpoint = change.monitoringEndpoint
      ? allowedEndpoint(deps.egress, change.monitoringEndpoint, "monitoring_endpoint")
      : "";
  }
  llm.modelIdentifier = change.modelIdentifier ?? llm.modelIdentifier;
  await changeConnection(deps, llm, change);
  changeModel(deps, llm, change);
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
  if (isMoved) requireBase(endpointUrl, apiPath);
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

async function changeConnection(deps: Deps, llm: Llm, change: LlmChange): Promise<void> {
  const { vault, egress, secretRefs, em } = deps;
  const after = connectionAfter(egress, llm, change, deps.provider);
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
function changeModel({ facts }: Deps, llm: Llm, change: LlmChange): void {
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
  if (count > MAX_LABELS) {
    throw invalidField("merge_labels", `would make ${count} labels; at most ${MAX_LABELS} are kept`);
  }
  return changed;
}

/** What a caller says of a new Llm; empty and undefined values are left open. */
export interface LlmDraft {
  readonly llmId: string;
  readonly ownerId: string;
  readonly displayName: string;
  readonly description: string;
  /** What programs call it by; empty for nothing. */
  readonly alias: string;
  /** Undefined: the Provider's. */
  readonly providerType: ProviderType | undefined;
  /** The Provider to take endpoint and credentials from, by its id or its name. */
  readonly providerId: string | undefined;
  readonly endpointUrl: string;
  readonly apiPath: string;
  readonly modelIdentifier: string;
  readonly supportedModalities: readonly string[];
  readonly credentials: CredentialsDraft | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string;
  readonly monitoringEndpoint: string;
  readonly capabilities: Capabilities;
  readonly defaultSampling: SamplingParams;
  readonly patience: StoredPatience;
  readonly maxContextLength: number | undefined;
  readonly clientConfig: Readonly<Record<string, unknown>> | undefined;
  readonly price: StoredPrice | undefined;
  /** 0: it is not checked. */
  readonly checkIntervalSeconds: number;
}

/** What a caller changes of an Llm: undefined stays as it is, null is cleared. */
export interface LlmChange {
  readonly etag: string;
  readonly displayName: string | undefined;
  readonly description: string | undefined;
  readonly alias: string | undefined;
  readonly providerType: ProviderType | undefined;
  /** The Provider to take endpoint and credentials from, by its id or its name. */
  readonly providerId: string | null | undefined;
  readonly endpointUrl: string | undefined;
  readonly apiPath: string | undefined;
  readonly modelIdentifier: string | undefined;
  readonly supportedModalities: readonly string[] | undefined;
  readonly credentials: CredentialsDraft | null | undefined;
  readonly replaceLabels: Readonly<Record<string, string>> | undefined;
  readonly mergeLabels: Readonly<Record<string, string>> | undefined;
  readonly version: string | undefined;
  readonly monitoringEndpoint: string | undefined;
  readonly capabilities: Capabilities | null | undefined;
  readonly defaultSampling: SamplingParams | undefined;
  readonly patience: StoredPatience | undefined;
  readonly maxContextLength: number | null | undefined;
  /** The properties of the model that are sent back as somebody else's word: unchanged, they do not become the owner's. */
  readonly echoes: ReadonlySet<Property>;
  readonly clientConfig: Readonly<Record<string, unknown>> | null | undefined;
  readonly price: StoredPrice | null | undefined;
  readonly checkIntervalSeconds: number | undefined;
  readonly disabled: boolean | undefined;
}
