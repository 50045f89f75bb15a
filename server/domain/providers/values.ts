import { Fault } from "../../base/fault.ts";
import { canonicalId, isUuid } from "../../base/uuids.ts";
import {
  findProvider,
  markProviderReadable,
  markProviderUnreadable,
  type ProviderKey,
} from "../../store/queries/providers.ts";
import type { Provider } from "../../store/schema/provider.entity.ts";
import type { EntityManager } from "../../store/store.ts";
import { type SealedSecret, Unreadable } from "../../store/vault/sealing.ts";
import type { Place, Vault } from "../../store/vault/vault.ts";
import type { ProviderType } from "../../upstream/models/provider-types.ts";
import type { OwnPermission } from "../call/permissions.ts";
import { reach, requireReach, type Scope } from "../call/scope.ts";
import { type Credentials, hintOf, openCredentials, refOf, sealCredentials } from "../connections/credentials.ts";
import type { Use } from "../connections/secret-refs.ts";

/** A Provider as a caller names it. */
export interface ProviderRef {
  /** Its name, or its id. */
  readonly name: string;
  /** Whose it is; undefined: the caller's if it is named by its name, else anybody's. */
  readonly ownerId: string | undefined;
}

/** The APIs that go without saying, by the names of those who speak them. */
const TYPES_BY_NAME: ReadonlyMap<string, ProviderType> = new Map([
  ["openai", "OPENAI"],
  ["anthropic", "ANTHROPIC"],
  ["openrouter", "OPEN_ROUTER"],
  ["dashscope", "DASHSCOPE"],
  ["ollama", "OLLAMA"],
  ["vllm", "VLLM"],
]);

/** The API that a Provider of this name speaks unless somebody says otherwise. */
export function usualTypeOf(name: string): ProviderType {
  return TYPES_BY_NAME.get(name) ?? "CUSTOM_OPENAI_COMPATIBLE";
}

/** Which Provider is meant, as far as the caller reaches with a permission. */
export function keyOf(scope: Scope, { name, ownerId }: ProviderRef, permission: OwnPermission): ProviderKey {
  if (ownerId !== undefined) requireReach(scope, ownerId, permission);
  if (isUuid(name)) return { id: canonicalId(name), ownerId: ownerId ?? reach(scope, permission) };
  return { name, ownerId: ownerId ?? scope.caller.accountId };
}

/** Which of an owner's Providers is meant by its name or its id. */
export function keyAmong(ownerId: string, name: string): ProviderKey {
  return isUuid(name) ? { id: canonicalId(name), ownerId } : { name, ownerId };
}

/** Names the version of a Provider that a change was made from. */
export function etagOf(provider: Provider): string {
  return `r${provider.revision}`;
}

/** Refuses a change of something newer than the caller knows; an empty etag is any. */
export function requireEtag(provider: Provider, etag: string): void {
  if (etag === "" || etag === etagOf(provider)) return;
  const message = `provider ${provider.name} has changed since ${etag}; get it again and repeat the change`;
  throw new Fault("ETAG_MISMATCH", message, { metadata: { providerId: provider.id, etag: etagOf(provider) } });
}

/** Missing and not to be seen are the same. */
export function providerNotFound(name: string): Fault {
  return new Fault("PROVIDER_NOT_FOUND", `there is no provider ${JSON.stringify(name)}`);
}

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
export async function connectionOfProvider(
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
