import { Fault, invalidField } from "../../base/fault.ts";
import type { Provider } from "../../store/provider.entity.ts";
import type { EntityManager } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { Egress } from "../../upstream/egress/egress.ts";
import type { ProviderType } from "../../upstream/target.ts";
import { completeCredentials, standsForStored } from "../credentials/draft.ts";
import { requireRefAllowed, type SecretRefs } from "../credentials/secret-refs.ts";
import { endpointOrDefault } from "../llms/draft.ts";
import { allowedEndpoint } from "../llms/endpoint.ts";
import { replaceCredentials, useOf } from "./credentials.ts";
import type { ProviderChange } from "./provider-change.ts";
import { providerTypeOf } from "./provider-values.ts";

interface Means {
  readonly vault: Vault;
  readonly egress: Egress;
  readonly secretRefs: SecretRefs;
  readonly em: EntityManager;
}

/** Writes a change into a Provider, or all there is into a new one; tells whether its endpoint or its key is another. */
export async function applyChange(means: Means, provider: Provider, change: ProviderChange): Promise<boolean> {
  if (change.providerType !== undefined && change.providerType !== provider.providerType) {
    const advice = "Delete this one, or take another name";
    throw invalidField("provider_type", `never changes; it is ${provider.providerType}. ${advice}`);
  }
  if (change.displayName !== undefined) provider.displayName = change.displayName ?? provider.name;
  if (change.metadata !== undefined) provider.metadata = { ...change.metadata };
  return changeConnection(means, provider, change);
}

/** Stored credentials never follow a moved endpoint. */
async function changeConnection(
  { vault, egress, secretRefs, em }: Means,
  provider: Provider,
  { baseUrl, credentials }: ProviderChange,
): Promise<boolean> {
  const providerType = providerTypeOf(provider);
  const endpointUrl =
    baseUrl === undefined ? provider.endpointUrl : allowedBaseUrl(egress, baseUrl ?? "", providerType);
  const isMoved = endpointUrl !== provider.endpointUrl;
  const keeps =
    credentials === undefined ||
    (credentials !== null && provider.hasCredentials && standsForStored(credentials, { providerId: provider.id }));
  if (keeps && isMoved && provider.hasCredentials) {
    throw new Fault(
      "CREDENTIALS_REQUIRED",
      "stored credentials never follow a moved endpoint: send credentials together with the new base_url",
      { metadata: { providerId: provider.id } },
    );
  }
  provider.endpointUrl = endpointUrl;
  if (!keeps) {
    const complete = credentials ? completeCredentials(credentials, providerType) : undefined;
    if (complete) requireRefAllowed(secretRefs, complete, useOf(provider));
    await replaceCredentials(vault, em, provider, complete);
  }
  if (keeps && !isMoved) return false;
  provider.status = "UNTESTED";
  provider.lastTest = null;
  return true;
}

/** The canonical form of a base URL that this server may connect to; of an empty one, the vendor's own. */
export function allowedBaseUrl(egress: Egress, baseUrl: string, providerType: ProviderType): string {
  return allowedEndpoint(egress, endpointOrDefault(baseUrl, providerType, "base_url"), "base_url");
}
