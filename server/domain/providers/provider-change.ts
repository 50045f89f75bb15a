import type { ProviderType } from "../../upstream/target.ts";
import type { CredentialsDraft } from "../credentials/draft.ts";

/** What a caller says of a Provider: undefined stays as it is, or is as usual if it is made; null is cleared. */
export interface ProviderChange {
  readonly etag: string;
  readonly displayName: string | null | undefined;
  readonly providerType: ProviderType | undefined;
  readonly baseUrl: string | null | undefined;
  readonly credentials: CredentialsDraft | null | undefined;
  readonly metadata: Readonly<Record<string, unknown>> | null | undefined;
}
