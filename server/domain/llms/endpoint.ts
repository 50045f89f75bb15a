import { Fault, invalidField } from "../../base/fault.ts";
import type { Egress } from "../../upstream/egress/egress.ts";

const MOST_BYTES = 2_048;

/**
 * The one spelling of an endpoint's URL that stands for all others: WHATWG-parsed, without a default port, a trailing
 * slash or dot, and with percent-encoding only where it is needed. What is stored, compared and connected to.
 */
export function canonicalEndpoint(raw: string, field: string): string {
  const url = URL.parse(raw.trim());
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw invalidField(field, "must be an http or https URL such as https://api.openai.com/v1");
  }
  // WHATWG drops an empty userinfo ("https://@host"): a URL that was written with one is looked at as it was written.
  if (url.username || url.password || /^[a-z]+:[\\/]*[^/\\?#]*@/i.test(raw.trim())) {
    throw invalidField(field, "must not hold a user name or password; credentials have a field of their own");
  }
  if (url.hash || raw.includes("#")) throw invalidField(field, "must not have a fragment (#…)");
  if (url.search || raw.includes("?"))
    throw invalidField(field, "must not have a query (?…); the api_path may have one");
  url.hostname = url.hostname.replace(/\.$/, "");
  const canonical = url.origin + canonicalPath(url.pathname).replace(/\/+$/, "");
  if (Buffer.byteLength(canonical) > MOST_BYTES)
    throw invalidField(field, `must not be longer than ${MOST_BYTES} bytes`);
  return canonical;
}

/** Percent-escapes of characters that need none are undone, the others written in upper case. */
function canonicalPath(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (escaped, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9\-._~]/.test(character) ? character : escaped.toUpperCase();
  });
}

/** The canonical form of an address that this server may connect to. */
export function allowedEndpoint(egress: Egress, raw: string, field: string): string {
  const endpointUrl = canonicalEndpoint(raw, field);
  if (egress.check(endpointUrl).allowed) return endpointUrl;
  throw new Fault(
    "ENDPOINT_NOT_ALLOWED",
    `${field}: this server's egress policy does not allow ${new URL(endpointUrl).origin}; its operator can, with the setting EGRESS_ALLOW`,
    { fields: [{ field, description: "is closed by the egress policy (setting EGRESS_ALLOW)" }] },
  );
}

/** What looks like a mistake in an endpoint, in a sentence; undefined for nothing. */
export function endpointHint(endpointUrl: string, apiPath: string, isOpenAiCompatible: boolean): string | undefined {
  const { pathname } = new URL(endpointUrl);
  const [bareApiPath = ""] = apiPath.split("?");
  if (pathname.endsWith(bareApiPath) && bareApiPath !== "") {
    return `endpointUrl ends with ${bareApiPath}, and apiPath adds it again: chats go to ${endpointUrl}${apiPath}`;
  }
  if (isOpenAiCompatible && pathname === "/") {
    return `endpointUrl has no path, and most OpenAI-compatible endpoints end with /v1: chats go to ${endpointUrl}${apiPath}`;
  }
  return undefined;
}
