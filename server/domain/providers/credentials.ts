import { Fault } from "../../base/fault.ts";
import type { Provider } from "../../store/provider.entity.ts";
import { findProvider, markProviderReadable, markProviderUnreadable } from "../../store/provider-queries.ts";
import type { EntityManager } from "../../store/store.ts";
import { type SealedSecret, Unreadable } from "../../store/vault/sealing.ts";
import type { Place, Vault } from "../../store/vault/vault.ts";
import { type Credentials, hintOf, openCredentials, refOf, sealCredentials } from "../credentials/credentials.ts";
import type { Use } from "../credentials/secret-refs.ts";
import { providerNotFound } from "./provider-values.ts";

/** Whose credentials they are and where they may go. */
export function useOf({ owner, endpointUrl }: Provider): Use {
  return { ownerId: owner, url: endpointUrl };
}

/** Gives a Provider other credentials, sealed to the endpoint it has; undefined: none. */
export async function replaceCredentials(
  vault: Vault,
  em: EntityManager,
  provider: Provider,
  credentials: Credentials | undefined,
): Promise<void> {
  provider.credentialsVersion++;
  provider.hasCredentials = credentials !== undefined;
  provider.credentialsHint = hintOf(credentials);
  provider.credentialsRef = refOf(credentials);
  provider.sealedCredentials = credentials ? await sealCredentials(vault, em, placeOf(provider), credentials) : null;
}

/**
 * The credentials of a Provider that was loaded with them; undefined if it has none. If they do not open, the Provider
 * says so from then on, and nothing is sent anywhere.
 */
export async function credentialsOf(
  vault: Vault,
  em: EntityManager,
  provider: Provider,
): Promise<Credentials | undefined> {
  if (!provider.sealedCredentials) return undefined;
  try {
    const sealed = provider.sealedCredentials as SealedSecret;
    const credentials = await openCredentials(vault, em, placeOf(provider), sealed);
    if (provider.status === "CREDENTIALS_UNREADABLE") await markProviderReadable(em, provider);
    return credentials;
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    await markProviderUnreadable(em, provider);
    throw new Fault(
      "CREDENTIALS_UNREADABLE",
      `the stored credentials of provider ${provider.name} do not open; send them again with UpsertProvider`,
      { metadata: { providerId: provider.id } },
      error,
    );
  }
}

/** Where those are reached who use a Provider, and with which credentials: both of one moment, whatever changes meanwhile. */
export async function wayThrough(
  vault: Vault,
  em: EntityManager,
  id: string,
): Promise<{ endpointUrl: string; credentials: Credentials | undefined }> {
  const provider = await findProvider(em, { id, ownerId: undefined }, { withCredentials: true });
  if (!provider) throw providerNotFound(id);
  return { endpointUrl: provider.endpointUrl, credentials: await credentialsOf(vault, em, provider) };
}

function placeOf({ owner, id, credentialsVersion, endpointUrl }: Provider): Place {
  return {
    column: "provider.credentials",
    ownerId: owner,
    rowId: id,
    version: credentialsVersion,
    endpoint: endpointUrl,
  };
}
