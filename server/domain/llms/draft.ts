import { invalidField } from "../../base/fault.ts";
import type { Capabilities, StoredPrice, StoredSampling } from "../../store/llm.entity.ts";
import { providers } from "../../upstream/providers.ts";
import type { ProviderType } from "../../upstream/target.ts";
import type { CredentialsDraft } from "../credentials/draft.ts";
import type { Property } from "../models/inference.ts";

/** What a caller says of a new Llm; empty and undefined values are left open. */
export interface LlmDraft {
  readonly llmId: string;
  readonly ownerId: string;
  readonly displayName: string;
  readonly description: string;
  /** Undefined: the Provider's. */
  readonly providerType: ProviderType | undefined;
  /** The Provider to take endpoint and credentials from, by its id or its name. */
  readonly providerId: string | undefined;
  readonly endpointUrl: string;
  readonly apiPath: string;
  readonly modelIdentifier: string;
  readonly supportedModalities: readonly string[];
  readonly credentials: CredentialsDraft | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string;
  readonly monitoringEndpoint: string;
  readonly capabilities: Capabilities;
  readonly defaultSampling: StoredSampling;
  readonly maxContextLength: number | undefined;
  readonly clientConfig: Readonly<Record<string, unknown>> | undefined;
  readonly price: StoredPrice | undefined;
  /** 0: it is not checked. */
  readonly checkIntervalSeconds: number;
}

/** What a caller changes of an Llm: undefined stays as it is, null is cleared. */
export interface LlmChange {
  readonly etag: string;
  readonly displayName: string | undefined;
  readonly description: string | undefined;
  readonly providerType: ProviderType | undefined;
  /** The Provider to take endpoint and credentials from, by its id or its name. */
  readonly providerId: string | null | undefined;
  readonly endpointUrl: string | undefined;
  readonly apiPath: string | undefined;
  readonly modelIdentifier: string | undefined;
  readonly supportedModalities: readonly string[] | undefined;
  readonly credentials: CredentialsDraft | null | undefined;
  readonly replaceLabels: Readonly<Record<string, string>> | undefined;
  readonly mergeLabels: Readonly<Record<string, string>> | undefined;
  readonly version: string | undefined;
  readonly monitoringEndpoint: string | undefined;
  readonly capabilities: Capabilities | null | undefined;
  readonly defaultSampling: StoredSampling | undefined;
  readonly maxContextLength: number | null | undefined;
  /** The properties of the model that are sent back as somebody else's word: unchanged, they do not become the owner's. */
  readonly echoes: ReadonlySet<Property>;
  readonly clientConfig: Readonly<Record<string, unknown>> | null | undefined;
  readonly price: StoredPrice | null | undefined;
  readonly checkIntervalSeconds: number | undefined;
  readonly disabled: boolean | undefined;
}

/** The address to use where the caller named none. */
export function endpointOrDefault(endpointUrl: string, providerType: ProviderType, field = "endpoint_url"): string {
  const url = endpointUrl || providers[providerType].defaultEndpointUrl;
  if (url) return url;
  throw invalidField(field, `is required for ${providerType}, which has no address of its own`);
}
