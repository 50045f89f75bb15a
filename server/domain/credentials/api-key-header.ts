import { Secret } from "../../base/secret.ts";
import type { ApiKeyHeader } from "../../upstream/target.ts";
import type { Credentials } from "./credentials.ts";
import type { SecretRefs, Use } from "./secret-refs.ts";

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
