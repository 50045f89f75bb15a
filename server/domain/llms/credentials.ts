import { createHash } from "node:crypto";
import { Fault, type Reason } from "../../base/fault.ts";
import { markReadable, markUnreadable } from "../../store/queries/llms.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import type { EntityManager } from "../../store/store.ts";
import { Unreadable } from "../../store/vault/sealing.ts";
import type { Place, Vault } from "../../store/vault/vault.ts";
import { type Credentials, fingerprintOf, openCredentials, sealCredentials } from "../connections/credentials.ts";
import type { Use } from "../connections/secret-refs.ts";
import { issueVersion, type Kept, keep, keptIn, type Slot } from "../connections/slots.ts";

/** What makes an Llm the same connection as another, besides its owner. */
export interface Connection {
  readonly ownerId: string;
  readonly providerType: string;
  readonly endpointUrl: string;
  readonly apiPath: string;
  readonly modelIdentifier: string;
  /** The Provider that endpoint and credentials are taken from. */
  readonly providerId: string | null;
}

/**
 * A digest, because an index cannot hold a URL of 2,048 bytes. A Provider stands for its endpoint and its credentials,
 * whatever they are: no key of a Provider is kept from being changed because its Llms would be duplicates then.
 */
export function connectionDigestOf(connection: Connection, fingerprint: Buffer): Buffer {
  const { ownerId, providerType, endpointUrl, apiPath, modelIdentifier, providerId } = connection;
  const place = providerId === null ? endpointUrl : { providerId };
  return createHash("sha256")
    .update(JSON.stringify([ownerId, providerType, place, apiPath, modelIdentifier]))
    .update(fingerprint)
    .digest();
}

/** The digest that an Llm has with its credentials, or would have with others. */
export function digestOf(llm: Readonly<Llm>, fingerprint = llm.credentialsFingerprint): Buffer {
  const { owner: ownerId, providerType, endpointUrl, apiPath, modelIdentifier } = llm;
  const providerId = llm.provider ?? null;
  return connectionDigestOf({ ownerId, providerType, endpointUrl, apiPath, modelIdentifier, providerId }, fingerprint);
}

/** Whose credentials they are and where they may go. */
export function useOf({ owner, endpointUrl, apiPath }: Readonly<Llm>): Use {
  return { ownerId: owner, url: endpointUrl + apiPath };
}

/** What an audit record says of the use of an Llm's credentials. */
export function storedUse({ hasCredentials, provider }: Readonly<Llm>): Readonly<Record<string, string>> {
  return { usesSecret: String(hasCredentials || Boolean(provider)), ...(provider ? { providerId: provider } : {}) };
}

/** Seals new credentials to an Llm and to the endpoint it has. */
export async function sealForLlm(vault: Vault, em: EntityManager, llm: Llm, credentials: Credentials): Promise<Kept> {
  const version = issueVersion(llm);
  const sealed = await sealCredentials(vault, em, placeOf(llm, version), credentials);
  return keep(credentials, version, fingerprintOf(vault, llm.owner, credentials), sealed);
}

const MISSING: Readonly<Record<Slot, Reason | undefined>> = {
  CURRENT: undefined,
  PENDING: "PENDING_CREDENTIALS_MISSING",
  PREVIOUS: "PREVIOUS_CREDENTIALS_MISSING",
};

/** What is in a slot; refused if that is nothing, but for the current slot, where nothing is a value. */
export function requireKept(llm: Readonly<Llm>, slot: Slot): Kept | undefined {
  const kept = keptIn(llm, slot);
  const reason = MISSING[slot];
  if (kept || !reason) return kept;
  const next =
    slot === "PENDING"
      ? `add them with POST /v1/llms/${llm.id}:addPendingCredentials`
      : "there are some only between a promotion and the end of the rotation";
  const message = `llm ${llm.id} has no ${slot.toLowerCase()} credentials; ${next}`;
  throw new Fault(reason, message, { metadata: { llmId: llm.id } });
}

/**
 * The credentials in a slot of an Llm that was loaded with them; undefined if it calls without. If the current ones do
 * not open, the Llm says so from then on, and nothing is sent anywhere.
 */
export async function openSlot(
  vault: Vault,
  em: EntityManager,
  llm: Readonly<Llm>,
  slot: Slot = "CURRENT",
): Promise<Credentials | undefined> {
  const kept = requireKept(llm, slot);
  if (!kept) return undefined;
  try {
    const credentials = await openCredentials(vault, em, placeOf(llm, kept.facts.version), kept.sealed);
    if (slot === "CURRENT" && llm.status === "CREDENTIALS_UNREADABLE") await markReadable(em, llm);
    return credentials;
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    if (slot === "CURRENT") await markUnreadable(em, llm);
    throw new Fault(
      "CREDENTIALS_UNREADABLE",
      `the stored credentials of llm ${llm.id} do not open; send them again`,
      { metadata: { llmId: llm.id } },
      error,
    );
  }
}

/** Where credentials of an Llm are sealed to, the same for all slots: credentials move from one to another as they are, unopened. */
function placeOf(llm: Readonly<Llm>, version: number): Place {
  const { ownerId, url } = useOf(llm);
  return { column: "llm.credentials", ownerId, rowId: llm.id, version, endpoint: url };
}
