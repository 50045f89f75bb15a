/** Which rule of the egress policy closes a call. For logs and tests: only some may be told to the caller. */
export type DenyReason =
  | "parse"
  | "scheme"
  | "userinfo"
  | "shape"
  | "port"
  | "host-denied"
  | "redirect"
  | "dns-empty"
  | AddressDenyReason;

/** What is wrong with an address. */
export type AddressDenyReason =
  | "ip-unspecified"
  | "ip-loopback"
  | "ip-private"
  | "ip-linklocal"
  | "ip-cgnat"
  | "ip-metadata"
  | "ip-reserved"
  | "ip-multicast"
  | "ip-broadcast"
  | "ip-embedded-v4";

/** A call that the egress policy closed. It names the rule, never the address that a name resolved to. */
export class EgressDenied extends Error {
  override readonly name = "EgressDenied";
  readonly reason: DenyReason;

  constructor(reason: DenyReason) {
    super(`egress denied: ${reason}`);
    this.reason = reason;
  }
}

const ADVICE: Readonly<Partial<Record<DenyReason, string>>> = {
  parse: "it is not a URL",
  userinfo: "a URL never carries a name or a password; keys belong into the credentials",
  shape: "a URL here has no query, fragment, backslash, white space or dot segment, and at most 2048 bytes",
  "ip-metadata": "a cloud's metadata service is never open",
};

/** What to tell the owner of a URL that the policy closes without asking the network. */
export function refusalOf(reason: DenyReason, url: string): string {
  const parsed = URL.parse(url);
  if (parsed?.protocol === "patchbay:") return "the demo endpoint is switched off (setting DEMO_ENDPOINT)";
  const opening = `the operator can open it by starting the server with EGRESS_ALLOW=${parsed?.origin}`;
  const advice = ADVICE[reason] ?? opening;
  const mayBeTypo = reason === "scheme" && parsed?.protocol === "http:" && isNameOfTheInternet(parsed);
  if (mayBeTypo)
    return `write https://, since endpoints of the internet are not called without encryption; else ${opening}`;
  return `endpoint not allowed by the egress policy (setting EGRESS_ALLOW): ${advice}`;
}

/** Such as api.openai.com, and no address, localhost or name of a network of one's own. */
function isNameOfTheInternet({ hostname, port }: URL): boolean {
  return (
    port === "" && /\.[a-z]{2,}$/.test(hostname) && !/\.(local|localhost|internal|lan|home|corp|test)$/.test(hostname)
  );
}
