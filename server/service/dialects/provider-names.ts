import { type Llm, Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";

/** The providers that the references know by name, with the address that goes without saying. */
const NAMED: readonly { readonly name: string; readonly type: Llm_ProviderType; readonly endpointUrl: string }[] = [
  { name: "openai", type: Llm_ProviderType.OPENAI, endpointUrl: "https://api.openai.com/v1" },
  { name: "anthropic", type: Llm_ProviderType.ANTHROPIC, endpointUrl: "https://api.anthropic.com/v1" },
];

/** The provider type for a reference's name of a provider. */
export function providerTypeOf(name: string): Llm_ProviderType {
  return NAMED.find((named) => named.name === name)?.type ?? Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE;
}

/** The reference's name for a provider type: all that it does not know are `custom` to it. */
export function nameOfProvider(type: Llm_ProviderType): string {
  return NAMED.find((named) => named.type === type)?.name ?? "custom";
}

/** The base URL of an Llm; undefined where it is the provider's own. */
export function ownBaseUrl({ providerType, endpointUrl }: Llm): string | undefined {
  const isUsual = NAMED.some((named) => named.type === providerType && named.endpointUrl === endpointUrl);
  return isUsual ? undefined : endpointUrl;
}

/** A key as a reference gives it: one that is left out changes nothing. */
export function credentialsOf(apiKey: string | undefined) {
  if (apiKey === undefined) return {};
  return { credentials: { apiKey: { source: { case: "inlineSecret" as const, value: apiKey } } } };
}
