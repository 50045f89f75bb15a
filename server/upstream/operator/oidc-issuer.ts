import { parseAllowRules } from "../egress/allow-rule.ts";
import { routeOf } from "../egress/check-url.ts";
import { Egress } from "../egress/egress.ts";

/** Whose tokens are taken. */
export interface OidcTarget {
  /** To the letter as tokens have it in `iss`. */
  readonly issuer: string;
  /** Where its keys are; undefined: where its discovery document says. */
  readonly jwksUri: string | undefined;
}

const MAX_ANSWER_BYTES = 256 * 1024;
const DISCOVERY_PATH = "/.well-known/openid-configuration";
/** Clear text would let whoever is in between make tokens. */
const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/**
 * The one issuer of tokens that the operator named, reached through an Egress of its own: its origin is open here, that of
 * its keys as far as the operator named it or it is public, and neither is open to any Llm for that.
 */
export class OidcIssuer {
  readonly #target: OidcTarget;
  readonly #egress: Egress;

  constructor(target: OidcTarget) {
    this.#target = target;
    this.#egress = new Egress({ allow: openedBy(target) });
  }

  /** Its keys, as a JSON Web Key Set. */
  async keys(signal: AbortSignal): Promise<string> {
    return this.#get(this.#target.jwksUri ?? (await this.#discover(signal)), signal);
  }

  close(): Promise<void> {
    return this.#egress.close();
  }

  async #discover(signal: AbortSignal): Promise<string> {
    const { issuer } = this.#target;
    const document = JSON.parse(await this.#get(issuer.replace(/\/$/, "") + DISCOVERY_PATH, signal));
    if (document.issuer !== issuer) throw new Error("the discovery document is another issuer's");
    if (typeof document.jwks_uri !== "string") throw new Error("the discovery document has no jwks_uri");
    return document.jwks_uri;
  }

  async #get(url: string, signal: AbortSignal): Promise<string> {
    const response = await this.#egress.request({
      ownerId: "operator",
      url,
      method: "GET",
      headers: { accept: "application/json", "user-agent": "patchbay" },
      streamed: false,
      signal,
    });
    const text = await response.text(MAX_ANSWER_BYTES);
    if (response.status !== 200) throw new Error(`the issuer answered ${response.status}`);
    return text;
  }
}

/** What opens the origins of an issuer and its keys, and nothing else; throws an Error when one of them cannot be called. */
export function openedBy({ issuer, jwksUri }: OidcTarget) {
  return [issuer, ...(jwksUri === undefined ? [] : [jwksUri])].flatMap((url) => {
    const { origin, protocol, hostname } = new URL(url);
    if (protocol !== "https:" && !LOOPBACK.test(hostname)) throw new Error("it must be https, but for this machine");
    const rules = parseAllowRules(origin);
    routeOf(url, rules);
    return rules;
  });
}
