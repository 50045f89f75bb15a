import { Fault, invalidField } from "../../base/fault.ts";
import { DEMO_URL } from "../../upstream/demo/demo-endpoint.ts";
import { refusalOf } from "../../upstream/egress/denial.ts";
import type { Egress } from "../../upstream/egress/egress.ts";
import { type ProviderType, providers } from "../../upstream/models/provider-types.ts";

const MAX_BYTES = 2_048;

/**
 * The one spelling of an endpoint's URL that stands for all others: WHATWG-parsed, without a default port, a trailing
 * slash or dot, and with percent-encoding only where it is needed. What is stored, compared and connected to.
 */
export function canonicalEndpoint(raw: string, field: string): string {
  if (/^patchbay:/i.test(raw.trim())) return canonicalOwn(raw, field);
  const url = URL.parse(raw.trim());
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw invalidField(
      field,
      `must be an http or https URL such as https://api.openai.com/v1${whatIsNoUrl(raw.trim())}`,
    );
  }
  // What parsers read differently is nothing that anybody means: WHATWG takes a backslash for a slash, and drops a tab.
  if (!/^[a-z]+:\/\/[^/]/i.test(raw.trim()) || /[\\\s\p{Cc}]/u.test(raw.trim())) {
    throw invalidField(field, "must be written with //, and without backslashes, white space and control characters");
  }
  // WHATWG drops an empty userinfo ("https://@host"): a URL that was written with one is looked at as it was written.
  if (url.username || url.password || /^[a-z]+:[\\/]*[^/\\?#]*@/i.test(raw.trim())) {
    throw invalidField(field, "must not hold a user name or password; credentials have a field of their own");
  }
  if (url.hash || raw.includes("#")) throw invalidField(field, "must not have a fragment (#…)");
  if (url.search || raw.includes("?")) throw invalidField(field, "must not have a query (?…)");
  url.hostname = url.hostname.replace(/\.$/, "");
  const canonical = url.origin + canonicalPath(url.pathname).replace(/\/+$/, "");
  if (Buffer.byteLength(canonical) > MAX_BYTES) throw invalidField(field, `must not be longer than ${MAX_BYTES} bytes`);
  return canonical;
}

/** What a text is that is no such URL, where it can be seen. */
function whatIsNoUrl(text: string): string {
  if (/^["'`<].*["'`>]$/.test(text)) return "; leave out what stands around it";
  if (/^\$|^%\w+%$|^\{\{/.test(text)) return "; it is a variable that nothing has replaced by its value";
  if (/^https?\b/i.test(text)) return "; a colon and two slashes belong behind http or https";
  if (/^[\w.-]+(:\d+)?(\/|$)/.test(text) && /[.:]/.test(text)) return "; it has no http:// or https:// before it";
  return "";
}

/** Endpoints inside of the server have URLs of a scheme of ours; there is one. */
function canonicalOwn(raw: string, field: string): string {
  if (raw.trim().replace(/\/+$/, "").toLowerCase() === DEMO_URL) return DEMO_URL;
  throw invalidField(field, `must be ${DEMO_URL} for the demo endpoint of this server, else an http or https URL`);
}

/** Percent-escapes of characters that need none are undone, the others written in upper case. */
function canonicalPath(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (escaped, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9\-._~]/.test(character) ? character : escaped.toUpperCase();
  });
}

/** The address to use where the caller named none. */
export function endpointOrDefault(endpointUrl: string, providerType: ProviderType, field = "endpoint_url"): string {
  const url = endpointUrl || providers[providerType].defaultEndpointUrl;
  if (url) return url;
  throw invalidField(field, `is required for ${providerType}, which has no address of its own`);
}

/** The canonical form of an address that this server may connect to. */
export function allowedEndpoint(egress: Egress, raw: string, field: string): string {
  const endpointUrl = canonicalEndpoint(raw, field);
  const verdict = egress.check(endpointUrl);
  if (verdict.allowed) return endpointUrl;
  const refusal = refusalOf(verdict.reason, endpointUrl);
  throw new Fault("ENDPOINT_NOT_ALLOWED", `${field}: ${refusal}`, { fields: [{ field, description: refusal }] });
}

/** A path below an allowed endpoint; it cannot lead out of it. */
export function allowedApiPath(egress: Egress, endpointUrl: string, apiPath: string): string {
  if (egress.check(endpointUrl + apiPath).allowed) return apiPath;
  throw invalidField("api_path", "must be a plain path such as /chat/completions, without dot segments");
}

/** What calls end with at the endpoints of all APIs, and the base URL of none. */
const CALL_PATH = /\/(?:chat\/completions|completions|responses|messages|embeddings)$/;

/** Refuses a whole URL of a call where its base belongs: the path of the call would be in it twice. */
export function requireBase(endpointUrl: string, apiPath: string, field = "endpoint_url"): void {
  const { pathname } = new URL(endpointUrl);
  const end = pathname.endsWith(apiPath) ? apiPath : CALL_PATH.exec(pathname)?.[0];
  if (end === undefined) return;
  const base = endpointUrl.slice(0, -end.length);
  throw invalidField(
    field,
    `ends with ${end}, which is the path of a call: give ${base}, and chats go to ${base}${apiPath}`,
  );
}

/** What looks like a mistake in an endpoint, in a sentence; undefined for nothing. */
export function endpointHint(
  endpointUrl: string,
  apiPath: string,
  isOpenAiCompatible: boolean,
  field = "endpointUrl",
): string | undefined {
  const { pathname } = new URL(endpointUrl);
  if (pathname.endsWith(apiPath)) {
    return `${field} ends with ${apiPath}, and apiPath adds it again: chats go to ${endpointUrl}${apiPath}`;
  }
  const last = pathname.slice(pathname.lastIndexOf("/"));
  if (last !== "/" && apiPath.startsWith(`${last}/`)) {
    return `${field} ends with ${last}, and apiPath begins with it: chats go to ${endpointUrl}${apiPath}`;
  }
  if (isOpenAiCompatible && pathname === "/") {
    return `${field} has no path, and most OpenAI-compatible endpoints end with /v1: chats go to ${endpointUrl}${apiPath}`;
  }
  return undefined;
}
