import type { Vendor } from "../../upstream/model-list.ts";
import { apiKeyHeaderOf } from "./api-key-header.ts";
import type { Credentials } from "./credentials.ts";
import { SecretRef } from "./secret-ref.ts";
import type { SecretRefs, Use } from "./secret-refs.ts";

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
