import { UpstreamFailure } from "../models/failure.ts";
import { providers } from "../models/provider-types.ts";
import type { Route } from "./check-url.ts";
import { type EgressDenied, refusalOf } from "./denial.ts";
import type { Limits } from "./limits.ts";

/**
 * One text for a closed port, a connection that times out, a name that does not resolve, one that resolves to an
 * address which the policy closes, and a server of another protocol: told apart, they would make a port scanner of us.
 */
const UNREACHABLE =
  "nothing answered at the endpoint as a server of HTTP, or its address is not open to this server (setting EGRESS_ALLOW); " +
  "check its host and port, and that it is running";

/** The hosts of vendors: that they are there everybody knows, and so nothing is learned from how they cannot be reached. */
const VENDORS: ReadonlySet<string> = new Set(
  Object.values(providers).flatMap(({ defaultEndpointUrl: url }) =>
    url?.startsWith("https:") ? new URL(url).host : [],
  ),
);

/** How a name is told to be none: by the resolver of this machine. */
const UNRESOLVED = new Set(["ENOTFOUND", "EAI_AGAIN", "EAI_FAIL"]);

function unreachable(error: Error, code: string, { origin, rule }: Place): UpstreamFailure {
  return new UpstreamFailure("unreachable", unreachableSentence(new URL(origin).host, code, rule), {}, error);
}

function unreachableSentence(host: string, code: string, rule: Place["rule"]): string {
  // What the operator opened is open: but for metadata services, of which no more is told than of a closed port.
  if (rule !== undefined) return OPEN_UNREACHABLE;
  if (!VENDORS.has(host)) return UNREACHABLE;
  if (UNRESOLVED.has(code))
    return `the name ${host} could not be resolved: this server has no network to it, or no DNS`;
  return `${host} did not answer: the network between this server and it is down, or a firewall closes it`;
}

const OPEN_UNREACHABLE =
  "nothing answered at the endpoint as a server of HTTP; check its host and port, and that it is running";

/** Where a call went. */
type Place = Pick<Route, "origin" | "rule">;

/** The refusal of a URL that is closed as it is written. */
export function blocked(denied: EgressDenied, url: string): UpstreamFailure {
  return new UpstreamFailure("blocked", refusalOf(denied.reason, url), {}, denied);
}

/** The refusal of headers that no request may have. It has no cause, which may name the header's value. */
export function unsendable(): UpstreamFailure {
  return new UpstreamFailure(
    "request-refused",
    "nothing was sent: the key or its header's name does not fit into a header",
  );
}

/**
 * What an error of the connection means; status is 0 when it came before the head of the answer. What was sent may have
 * been carried out, and billed, and was not unreachable.
 */
export function connectionFailure(
  error: Error,
  status: number,
  wasSent: boolean,
  { limits, route }: { readonly limits: Limits; readonly route: Place },
): UpstreamFailure {
  const code = "code" in error ? String(error.code) : "";
  if (status !== 0) {
    return new UpstreamFailure(
      "bad-reply",
      "the connection ended in the middle of the reply",
      { httpStatus: status },
      error,
    );
  }
  if (code === "UND_ERR_INVALID_ARG") return unsendable();
  if (code.startsWith("CERT_") || CERTIFICATE_ERRORS.has(code)) {
    return new UpstreamFailure(
      "unreachable",
      "the endpoint's TLS certificate is not one that this server trusts",
      {},
      error,
    );
  }
  if (code === "UND_ERR_HEADERS_OVERFLOW") {
    const sentence = `the endpoint's answer has a head of more than ${limits.headerBytes / 1024} KiB, which is not read`;
    return new UpstreamFailure("bad-reply", sentence, {}, error);
  }
  // What answers in another protocol is told apart from nothing at all no more than a closed port is.
  if (!wasSent || code.startsWith("HPE_")) return unreachable(error, code, route);
  return new UpstreamFailure("cut", CUT, {}, error);
}

const CUT =
  "the connection ended after the request was sent, before an answer: whether it was carried out, and billed, is not known";

const CERTIFICATE_ERRORS = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);
