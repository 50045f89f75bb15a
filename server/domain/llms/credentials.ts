import { createHash } from "node:crypto";
import { Fault } from "../../base/fault.ts";
import { Secret } from "../../base/secret.ts";
import type { Llm } from "../../store/llm.entity.ts";
import { markReadable, markUnreadable } from "../../store/llm-queries.ts";
import type { EntityManager } from "../../store/store.ts";
import { type SealedSecret, Unreadable } from "../../store/vault/sealing.ts";
import type { Place, Vault } from "../../store/vault/vault.ts";
import type { ApiKeyHeader } from "../../upstream/target.ts";

const HINT_LENGTH = 4;
/** Of a shorter key, four characters would give too much away. */
const LEAST_LENGTH_FOR_HINT = 20;

/** What makes an Llm the same connection as another, besides its owner. */
export interface Connection {
  readonly ownerId: string;
  readonly providerType: string;
  readonly endpointUrl: string;
  readonly apiPath: string;
  readonly modelIdentifier: string;
}

/** A mask that a client read somewhere and sends back: it stands for what is stored. */
export function isMask(secret: Secret): boolean {
  return /^\*+$/.test(secret.reveal());
}

/** `…a1b2` for long keys, nothing for short ones. */
export function hintOf(key: ApiKeyHeader | undefined): string {
  const text = key?.secret.reveal() ?? "";
  return text.length >= LEAST_LENGTH_FOR_HINT ? `…${text.slice(-HINT_LENGTH)}` : "";
}

/**
 * The same for the same credentials of the same owner, and telling nothing of them: keyed, since keys of local servers
 * can be guessed, and with the owner inside, so that it links nobody. "No credentials" is a value like others.
 */
export function fingerprintOf(vault: Vault, ownerId: string, key: ApiKeyHeader | undefined): Buffer {
  return vault.digest("fingerprint", ownerId, ...(key ? encode(key) : ["none"]));
}

/** A digest, because an index cannot hold a URL of 2,048 bytes. */
export function connectionDigestOf(connection: Connection, fingerprint: Buffer): Buffer {
  const { ownerId, providerType, endpointUrl, apiPath, modelIdentifier } = connection;
  return createHash("sha256")
    .update(JSON.stringify([ownerId, providerType, endpointUrl, apiPath, modelIdentifier]))
    .update(fingerprint)
    .digest();
}

/** Seals credentials to a row and to the endpoint they are for. */
export function sealCredentials(vault: Vault, em: EntityManager, llm: Llm, key: ApiKeyHeader): Promise<SealedSecret> {
  return vault.seal(em, placeOf(llm), new Secret(JSON.stringify(encode(key))));
}

/**
 * The credentials of an Llm that was loaded with them; undefined if it has none. If they do not open, the Llm says so
 * from then on, and nothing is sent anywhere.
 */
export async function openCredentials(
  vault: Vault,
  em: EntityManager,
  llm: Readonly<Llm>,
): Promise<ApiKeyHeader | undefined> {
  if (!llm.hasCredentials) return undefined;
  try {
    const opened = await vault.open(em, placeOf(llm), llm.sealedCredentials as SealedSecret);
    if (llm.status === "CREDENTIALS_UNREADABLE") await markReadable(em, llm);
    const [secret, headerName, prefix] = JSON.parse(opened.reveal());
    return { secret: new Secret(secret), headerName, prefix };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    await markUnreadable(em, llm);
    throw new Fault(
      "CREDENTIALS_UNREADABLE",
      `the stored credentials of llm ${llm.id} do not open; send them again with UpdateLlm`,
      { metadata: { llmId: llm.id } },
      error,
    );
  }
}

function placeOf(llm: Readonly<Llm>): Place {
  return {
    column: "llm.credentials",
    ownerId: llm.owner,
    rowId: llm.id,
    version: llm.credentialsVersion,
    endpoint: llm.endpointUrl + llm.apiPath,
  };
}

function encode({ secret, headerName, prefix }: ApiKeyHeader): [string, string, string] {
  return [secret.reveal(), headerName, prefix];
}
