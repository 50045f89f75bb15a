import { Fault, invalidField } from "../../base/fault.ts";
import { Secret } from "../../base/secret.ts";
import { providers } from "../../upstream/providers.ts";
import type { ProviderType } from "../../upstream/target.ts";
import { type Credentials, isMask } from "./credentials.ts";

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
