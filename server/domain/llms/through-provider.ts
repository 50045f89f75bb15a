import { Fault, invalidField } from "../../base/fault.ts";
import { findProvider, holdProvider } from "../../store/queries/providers.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import type { Provider } from "../../store/schema/provider.entity.ts";
import type { EntityManager } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { ProviderType } from "../../upstream/models/provider-types.ts";
import type { Credentials } from "../connections/credentials.ts";
import { canonicalEndpoint } from "../connections/endpoint.ts";
import { forgetEndpoint } from "../models/knowledge.ts";
import { connectionOfProvider, keyAmong, providerNotFound } from "../providers/values.ts";
import type { ChangedConnection, LlmDraft } from "./change.ts";
import { digestOf, openSlot } from "./credentials.ts";

/** A draft of which it is clear whose endpoint and credentials it has; with a Provider, its endpoint and its id. */
export type SettledDraft = LlmDraft & { readonly providerType: ProviderType };

/** Settles a draft by the Provider that it names, if it names one, among its owner's. */
export async function settleDraft(em: EntityManager, draft: LlmDraft, ownerId: string): Promise<SettledDraft> {
  const { providerType, endpointUrl, credentials } = draft;
  if (!draft.providerId) {
    if (!providerType) throw invalidField("provider_type", "is required without a provider_id");
    return { ...draft, providerType };
  }
  const provider = await findProvider(em, keyAmong(ownerId, draft.providerId));
  if (!provider) throw providerNotFound(draft.providerId);
  if (providerType !== undefined) requireType(provider, providerType);
  if (credentials) throw credentialsOfProvider();
  if (endpointUrl && canonicalEndpoint(endpointUrl, "endpoint_url") !== provider.endpointUrl) {
    throw invalidField("endpoint_url", `is the Provider's, ${provider.endpointUrl}; leave it out`);
  }
  const settled = { providerId: provider.id, providerType: provider.providerType as ProviderType };
  return { ...draft, ...settled, endpointUrl: provider.endpointUrl };
}

/** A Provider among its owner's that nobody changes or deletes until the transaction ends; to be held before any Llm. */
export async function holdAmong(em: EntityManager, ownerId: string, name: string): Promise<Provider> {
  const provider = await holdProvider(em, keyAmong(ownerId, name));
  if (!provider) throw providerNotFound(name);
  return provider;
}

/**
 * The connection of an Llm that has a Provider, gets one or loses it. A Provider brings its own credentials, so none are
 * asked for when it is set; to move away from them, others must be given or expressly none.
 */
export function checkThroughProvider(
  llm: Llm,
  asked: ChangedConnection,
  endpointBefore: string,
  provider: Provider | null | undefined,
): ChangedConnection {
  const { endpointUrl } = asked;
  if (asked.providerId === null) {
    if (asked.credentials !== undefined) return asked;
    throw required(llm, "the credentials are the Provider's, and stay with it: send others together with the change");
  }
  if (provider) requireType(provider, llm.providerType);
  if (asked.credentials) throw credentialsOfProvider();
  if (endpointUrl !== endpointBefore) {
    throw required(llm, "the endpoint is the Provider's: change it there, or clear provider_id and send credentials");
  }
  return { ...asked, credentials: llm.hasCredentials ? null : undefined };
}

/** Where an Llm that was loaded with its credentials is reached, and with whose: its own, or those of its Provider. */
export async function connectionOf(
  vault: Vault,
  em: EntityManager,
  llm: Readonly<Llm>,
): Promise<{ endpointUrl: string; credentials: Credentials | undefined }> {
  if (llm.provider) return connectionOfProvider(vault, em, llm.provider);
  return { endpointUrl: llm.endpointUrl, credentials: await openSlot(vault, em, llm) };
}

/** Takes a Provider from an Llm, which has no credentials then. */
export function leaveProvider(llm: Llm): void {
  llm.provider = null;
  llm.connectionDigest = digestOf(llm);
  llm.status = "UNTESTED";
  llm.lastTest = null;
  llm.model = forgetEndpoint(llm.model);
}

function requireType(provider: Provider, providerType: string): void {
  if (provider.providerType === providerType) return;
  throw invalidField("provider_type", `is ${providerType}, and that of the Provider is ${provider.providerType}`);
}

/** The refusal of credentials for an Llm that has its Provider's. */
export function credentialsOfProvider(): Fault {
  return invalidField("credentials", "are the Provider's: change them there, or clear provider_id");
}

function required(llm: Llm, message: string): Fault {
  return new Fault("CREDENTIALS_REQUIRED", message, { metadata: { llmId: llm.id } });
}
