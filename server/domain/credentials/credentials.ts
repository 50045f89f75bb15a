import { Secret } from "../../base/secret.ts";
import type { EntityManager } from "../../store/store.ts";
import type { SealedSecret } from "../../store/vault/sealing.ts";
import type { Place, Vault } from "../../store/vault/vault.ts";
import { SecretRef } from "./secret-ref.ts";

/** A key, or where it is kept, and the request header that it goes into. */
export interface Credentials {
  readonly source: Secret | SecretRef;
  readonly headerName: string;
  readonly prefix: string;
}

/** What goes into the sealed text; a reference has a fourth part, and nothing in place of the secret. */
type Encoded = [secret: string, headerName: string, prefix: string] | ["", string, string, ref: string];

const HINT_LENGTH = 4;
/** Of a shorter key, four characters would give too much away. */
const LEAST_LENGTH_FOR_HINT = 20;

/** A mask that a client read somewhere and sends back: it stands for what is stored. */
export function isMask(source: Credentials["source"]): boolean {
  return source instanceof Secret && /^\*+$/.test(source.reveal());
}

/** What the contract lets in as a key: it can go into a header. */
export function isInlineSecret(text: string): boolean {
  return /^[!-~]{1,8192}$/.test(text);
}

/** `…a1b2` for long keys, nothing for short ones and for those that are kept elsewhere. */
export function hintOf(credentials: Credentials | undefined): string {
  const text = credentials?.source instanceof Secret ? credentials.source.reveal() : "";
  return text.length >= LEAST_LENGTH_FOR_HINT ? `…${text.slice(-HINT_LENGTH)}` : "";
}

/** Where the key is kept; empty if it is here. */
export function refOf(credentials: Credentials | undefined): string {
  return credentials?.source instanceof SecretRef ? credentials.source.uri : "";
}

/**
 * The same for the same credentials of the same owner, and telling nothing of them: keyed, since keys of local servers
 * can be guessed, and with the owner inside, so that it links nobody. "No credentials" is a value like others. Of a key
 * that is kept elsewhere it is the reference that counts: the key may change there at any time.
 */
export function fingerprintOf(vault: Vault, ownerId: string, credentials: Credentials | undefined): Buffer {
  return vault.digest("fingerprint", ownerId, ...(credentials ? encode(credentials) : ["none"]));
}

/** Seals credentials to their place. */
export function sealCredentials(
  vault: Vault,
  em: EntityManager,
  place: Place,
  credentials: Credentials,
): Promise<SealedSecret> {
  return vault.seal(em, place, new Secret(JSON.stringify(encode(credentials))));
}

/** Opens what `sealCredentials` sealed; anywhere but in its place it is Unreadable. */
export async function openCredentials(
  vault: Vault,
  em: EntityManager,
  place: Place,
  sealed: SealedSecret,
): Promise<Credentials> {
  const opened = await vault.open(em, place, sealed);
  const [secret, headerName, prefix, ref] = JSON.parse(opened.reveal()) as Encoded;
  return { source: ref === undefined ? new Secret(secret) : SecretRef.parse(ref), headerName, prefix };
}

function encode({ source, headerName, prefix }: Credentials): Encoded {
  if (source instanceof SecretRef) return ["", headerName, prefix, source.uri];
  return [source.reveal(), headerName, prefix];
}
