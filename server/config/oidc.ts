import type { IdTokenRules } from "../domain/access/callers.ts";
import { readTokenLimits } from "../domain/access/token-limits.ts";
import type { HolderLimits } from "../domain/call/holder-limits.ts";
import { type OidcTarget, openedBy } from "../upstream/operator/oidc-issuer.ts";
import { ConfigError } from "./config.ts";

/** Whose tokens are taken besides API keys, and which. */
export type OidcConfig = OidcTarget & IdTokenRules & { readonly console: ConsoleSignIn | undefined };

/** How people sign in to the console at the issuer; as a public client, it has no secret. */
export interface ConsoleSignIn {
  readonly issuer: string;
  readonly clientId: string;
  readonly audience: string;
  readonly scope: string;
}

const OTHERS = [
  "OIDC_AUDIENCE",
  "OIDC_JWKS_URI",
  "OIDC_ACCOUNT_CLAIM",
  "OIDC_ROLE_CLAIM",
  "OIDC_LIMITS_CLAIM",
  "OIDC_DEFAULT_LIMITS",
  "OIDC_CONSOLE_CLIENT_ID",
  "OIDC_CONSOLE_SCOPE",
];

const URL_ADVICE = "it must be an https URL without query or user name; http is for this machine only";

/** Reads the OIDC_… settings; undefined when none is set. */
export function readOidc(read: (name: string) => string): OidcConfig | undefined {
  const issuer = read("OIDC_ISSUER");
  if (issuer === "") {
    const set = OTHERS.find((name) => read(name) !== "");
    if (set) throw new ConfigError(`${set} is set without OIDC_ISSUER, which it says more about.`);
    return undefined;
  }
  const audience = read("OIDC_AUDIENCE");
  if (audience === "") {
    throw new ConfigError(
      "OIDC_AUDIENCE is missing: without it, tokens that the issuer made for others would be taken.",
    );
  }
  requireUrl("OIDC_ISSUER", issuer);
  const jwksUri = read("OIDC_JWKS_URI") || undefined;
  if (jwksUri !== undefined) requireUrl("OIDC_JWKS_URI", jwksUri);
  const clientId = read("OIDC_CONSOLE_CLIENT_ID");
  const scope = read("OIDC_CONSOLE_SCOPE");
  if (scope !== "" && clientId === "") {
    throw new ConfigError("OIDC_CONSOLE_SCOPE is set without OIDC_CONSOLE_CLIENT_ID, which it says more about.");
  }
  return {
    issuer,
    audience,
    console: clientId ? { issuer, clientId, audience, scope: scope || "openid profile" } : undefined,
    jwksUri,
    accountClaim: read("OIDC_ACCOUNT_CLAIM") || "patchbay_account",
    roleClaim: read("OIDC_ROLE_CLAIM") || "patchbay_role",
    limitsClaim: read("OIDC_LIMITS_CLAIM") || "patchbay_limits",
    defaultLimits: readDefaultLimits(read("OIDC_DEFAULT_LIMITS")),
  };
}

function readDefaultLimits(text: string): HolderLimits {
  try {
    return readTokenLimits(JSON.parse(text || "{}"));
  } catch (error) {
    const example = '{"requestsPerMinute": 60, "budget": {"amountUsd": "25", "period": "MONTH"}}';
    throw new ConfigError(`OIDC_DEFAULT_LIMITS cannot be read: it must be limits in JSON, such as ${example}.`, {
      cause: error,
    });
  }
}

function requireUrl(name: string, url: string): void {
  try {
    openedBy({ issuer: url, jwksUri: undefined });
  } catch (error) {
    throw new ConfigError(`${name} cannot be used: ${URL_ADVICE}.`, { cause: error });
  }
}
