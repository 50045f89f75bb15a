import { Fault, invalidField } from "../../base/fault.ts";
import { Secret } from "../../base/secret.ts";
import type { EntityManager } from "../../store/store.ts";
import type { SealedSecret } from "../../store/vault/sealing.ts";
import type { Place, Vault } from "../../store/vault/vault.ts";
import type { Vendor } from "../../upstream/calls/list.ts";
import { type ApiKeyHeader, type ProviderType, providers } from "../../upstream/models/provider-types.ts";
import { SecretRef } from "./secret-ref.ts";
import type { SecretRefs, Use } from "./secret-refs.ts";

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

/** Credentials as a caller gives them; what is left open is the provider's custom. */
export interface CredentialsDraft {
  readonly source: Credentials["source"];
  /** Empty: left open. */
  readonly headerName: string;
  readonly prefix: string | undefined;
}

/** All that a draft says, to be hashed: it holds the secret. */
export function describeDraft({ source, headerName, prefix }: CredentialsDraft): unknown[] {
  const said = [headerName, prefix];
  return source instanceof Secret ? [source.reveal(), ...said] : [source.uri, ...said, "ref"];
}

/**
 * Whether a draft is a mask, which stands for the key that is stored. That one does not go into another header than it
 * was given for: a mask that asks for it is refused, so that nobody believes that it was changed.
 */
export function standsForStored({ source, headerName, prefix }: CredentialsDraft, metadata: Record<string, string>) {
  if (!isMask(source)) return false;
  if (headerName === "" && prefix === undefined) return true;
  throw new Fault(
    "CREDENTIALS_REQUIRED",
    "a stored key stays in the header that it was given for: send the key itself together with header_name or prefix",
    { metadata },
  );
}

/** Credentials with all that was left open filled in. */
export function completeCredentials(draft: CredentialsDraft, providerType: ProviderType): Credentials {
  if (isMask(draft.source)) {
    throw invalidField("credentials.api_key.inline_secret", "is a mask (asterisks only); send the key itself");
  }
  const { defaultHeaderName, defaultPrefix } = providers[providerType];
  const headerName = draft.headerName || defaultHeaderName;
  const prefixOfHeader = headerName.toLowerCase() === "authorization" ? "Bearer " : "";
  const usualPrefix = headerName === defaultHeaderName ? defaultPrefix : prefixOfHeader;
  return { source: draft.source, headerName, prefix: draft.prefix ?? usualPrefix };
}

/** A vendor with the key of these credentials. One that is kept elsewhere is fetched anew, for whoever just changed it. */
export async function vendorOf(
  secretRefs: SecretRefs,
  place: Omit<Vendor, "apiKey">,
  credentials: Credentials | undefined,
  use: Use,
  signal: AbortSignal,
): Promise<Vendor> {
  if (credentials?.source instanceof SecretRef) secretRefs.forget(credentials.source);
  return { ...place, apiKey: credentials && (await apiKeyHeaderOf(secretRefs, credentials, use, signal)) };
}

/** The header that credentials come to at this moment: a key that is kept elsewhere is fetched. */
export async function apiKeyHeaderOf(
  secretRefs: SecretRefs,
  { source, headerName, prefix }: Credentials,
  use: Use,
  signal: AbortSignal,
): Promise<ApiKeyHeader> {
  const secret = source instanceof Secret ? source : await secretRefs.resolve(source, use, signal);
  return { secret, headerName, prefix };
}
