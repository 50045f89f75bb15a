import type { ProviderType } from "../../upstream/models/provider-types.ts";

/** The provider type of an Llm or a Provider. The column holds nothing else: what goes in is checked by the contract. */
export function providerTypeOf({ providerType }: { readonly providerType: string }): ProviderType {
  return providerType as ProviderType;
}
