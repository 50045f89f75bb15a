import { Fault, invalidField } from "../../base/fault.ts";
import type { Provider } from "../../store/schema/provider.entity.ts";
import type { EntityManager } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { Egress } from "../../upstream/egress/egress.ts";
import { type ProviderType, providers, providerTypeOf } from "../../upstream/models/provider-types.ts";
import { type CredentialsDraft, completeCredentials, standsForStored } from "../connections/credentials.ts";
import { allowedEndpoint, endpointHint, endpointOrDefault, requireBase } from "../connections/endpoint.ts";
import { type Notice, PLAINTEXT } from "../connections/notice.ts";
import { requireRefAllowed, type SecretRefs } from "../connections/secret-refs.ts";
import { replaceCredentials, useOf } from "./values.ts";

interface Deps {
  readonly vault: Vault;
  readonly egress: Egress;
  readonly secretRefs: SecretRefs;
  readonly em: EntityManager;
}

/** Writes a change into a Provider, or all there is into a new one; tells whether its endpoint or its key is another. */
export async function applyChange(deps: Deps, provider: Provider, change: ProviderChange): Promise<boolean> {
  if (change.providerType !== undefined && change.providerType !== provider.providerType) {
    const advice = "Delete this one, or take another name";
    throw invalidField("provider_type", `never changes; it is ${provider.providerType}. ${advice}`);
  }
  if (change.displayName !== undefined) provider.displayName = change.displayName ?? provider.name;
  if (change.metadata !== undefined) provider.metadata = { ...change.metadata };
  return changeConnection(deps, provider, change);
}

/** Stored credentials never follow a moved endpoint. */
async function changeConnection(
  { vault, egress, secretRefs, em }: Deps,
  provider: Provider,
  { endpointUrl: asked, credentials }: ProviderChange,
): Promise<boolean> {
  const providerType = providerTypeOf(provider);
  const endpointUrl =
    asked === undefined
      ? provider.endpointUrl
      : allowedEndpointUrl(egress, asked ?? "", providerType, provider.endpointUrl);
  const isMoved = endpointUrl !== provider.endpointUrl;
  const keeps =
    credentials === undefined ||
    (credentials !== null && provider.hasCredentials && standsForStored(credentials, { providerId: provider.id }));
  if (keeps && isMoved && provider.hasCredentials) {
    throw new Fault(
      "CREDENTIALS_REQUIRED",
      "stored credentials never follow a moved endpoint: send credentials together with the new endpoint_url",
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

/**
 * The canonical form of a base URL that this server may connect to; of an empty one, the vendor's own. What it was before
 * may be sent again, whatever it is.
 */
export function allowedEndpointUrl(egress: Egress, asked: string, providerType: ProviderType, before = ""): string {
  const endpointUrl = allowedEndpoint(egress, endpointOrDefault(asked, providerType, "endpoint_url"), "endpoint_url");
  if (endpointUrl !== before) requireBase(endpointUrl, providers[providerType].defaultApiPath);
  return endpointUrl;
}

/** What a caller says of a Provider: undefined stays as it is, or is as usual if it is made; null is cleared. */
export interface ProviderChange {
  readonly etag: string;
  readonly displayName: string | null | undefined;
  readonly providerType: ProviderType | undefined;
  readonly endpointUrl: string | null | undefined;
  readonly credentials: CredentialsDraft | null | undefined;
  readonly metadata: Readonly<Record<string, unknown>> | null | undefined;
}

/** What its owner may want to know of a Provider that was just made or changed. */
export function noticesOf(provider: Provider): Notice[] {
  const providerType = providerTypeOf(provider);
  const { asksForKey, defaultApiPath } = providers[providerType];
  const notices: Notice[] = [];
  if (!provider.hasCredentials && asksForKey) {
    const message = `${providerType} asks for an API key, and no credentials are stored`;
    notices.push({ code: "CREDENTIALS_MISSING", message });
  }
  if (provider.endpointUrl.startsWith("http:")) notices.push({ code: "PLAINTEXT_ENDPOINT", message: PLAINTEXT });
  const hint = endpointHint(provider.endpointUrl, defaultApiPath, providerType !== "ANTHROPIC", "endpointUrl");
  if (hint) notices.push({ code: "ENDPOINT_HINT", message: hint });
  return notices;
}
