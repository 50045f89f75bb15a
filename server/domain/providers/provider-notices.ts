import type { Provider } from "../../store/provider.entity.ts";
import { providers } from "../../upstream/providers.ts";
import { endpointHint } from "../llms/endpoint.ts";
import { type Notice, PLAINTEXT } from "../llms/notices.ts";
import { providerTypeOf } from "./provider-values.ts";

/** What its owner may want to know of a Provider that was just made or changed. */
export function noticesOf(provider: Provider): Notice[] {
  const providerType = providerTypeOf(provider);
  const { asksForKey, defaultApiPath } = providers[providerType];
  const notices: Notice[] = [];
  if (!provider.hasCredentials && asksForKey) {
    const message = `${providerType} asks for an API key, and no credentials are stored`;
    notices.push({ code: "CREDENTIALS_MISSING", message });
  }
  if (provider.endpointUrl.startsWith("http:")) notices.push({ code: "PLAINTEXT_ENDPOINT", message: PLAINTEXT });
  const hint = endpointHint(provider.endpointUrl, defaultApiPath, providerType !== "ANTHROPIC", "baseUrl");
  if (hint) notices.push({ code: "ENDPOINT_HINT", message: hint });
  return notices;
}
