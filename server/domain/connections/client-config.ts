import { invalidField } from "../../base/fault.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import { adapterOf } from "../../upstream/calls/adapters.ts";
import { type ClientConfig, readClientConfig } from "../../upstream/models/client-config.ts";
import type { ProviderType } from "../../upstream/models/provider-types.ts";
import { providerTypeOf } from "../../upstream/models/provider-types.ts";

type StoredConfig = Readonly<Record<string, unknown>>;

/** A client configuration that may be stored: it says nothing of where requests go, with which key, or what they are. */
export function allowedConfig<Config extends StoredConfig | null>(providerType: ProviderType, config: Config): Config {
  if (config === null) return config;
  const { refused } = readClientConfig(adapterOf(providerType).configNames, config);
  if (refused === undefined) return config;
  throw invalidField(
    `client_config.${refused}`,
    "cannot be set by a client configuration: it has no say in the endpoint, the credentials, the model, the messages " +
      "and whether a reply is streamed, and its headers are texts of one line",
  );
}

/** What of an Llm's client configuration goes with its requests; undefined: nothing. */
export function configOf(llm: Readonly<Pick<Llm, "providerType" | "clientConfig">>): ClientConfig | undefined {
  if (!llm.clientConfig) return undefined;
  const { members, headers } = readClientConfig(adapterOf(providerTypeOf(llm)).configNames, llm.clientConfig);
  return { members, headers };
}

/** The paths of what is kept and not sent, because the Llm's API is not known to take it. */
export function unsentConfig(llm: Readonly<Llm>): readonly string[] {
  if (!llm.clientConfig) return [];
  return readClientConfig(adapterOf(providerTypeOf(llm)).configNames, llm.clientConfig).unsent;
}
