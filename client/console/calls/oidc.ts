/** Signing in at an OpenID Connect issuer: the authorization code flow of a public client, with PKCE. */
import * as oauth from "oauth4webapi";
import { signIn } from "./session.ts";
import type { ConsoleSettings } from "./settings.ts";
import { serverUrl } from "./transport.ts";

type Oidc = NonNullable<ConsoleSettings["oidc"]>;

/** What the answer of the issuer is compared with; one sign-in at a time. */
const STORED = "patchbay.oidc";
const redirectUri = `${serverUrl}/`;

/** http is for an issuer on one's own machine, as the server has it. */
const insecure = (issuer: string) => ({ [oauth.allowInsecureRequests]: issuer.startsWith("http:") });

async function discover({ issuer }: Oidc): Promise<oauth.AuthorizationServer> {
  const url = new URL(issuer);
  const response = await oauth.discoveryRequest(url, { algorithm: "oidc", ...insecure(issuer) });
  return oauth.processDiscoveryResponse(url, response);
}

/** Leaves for the issuer, which sends the browser back to this page. */
export async function leaveForIssuer(oidc: Oidc): Promise<void> {
  const server = await discover(oidc);
  if (!server.authorization_endpoint) throw new Error(`${oidc.issuer} has no authorization endpoint.`);
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const nonce = oauth.generateRandomNonce();
  sessionStorage.setItem(STORED, JSON.stringify({ verifier, state, nonce }));
  const url = new URL(server.authorization_endpoint);
  const parameters = {
    client_id: oidc.clientId,
    response_type: "code",
    redirect_uri: redirectUri,
    scope: oidc.scope,
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...(oidc.audience !== oidc.clientId && { audience: oidc.audience }),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  location.assign(url);
}

export async function comeBack(oidc: Oidc): Promise<void> {
  const answer = new URL(location.href);
  const stored = JSON.parse(sessionStorage.getItem(STORED) ?? "{}") as Record<string, string>;
  sessionStorage.removeItem(STORED);
  // The code leaves the address bar, whatever becomes of it.
  history.replaceState(null, "", `${redirectUri}${location.hash}`);
  const server = await discover(oidc);
  const client: oauth.Client = { client_id: oidc.clientId };
  const parameters = oauth.validateAuthResponse(server, client, answer, stored.state ?? oauth.expectNoState);
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    oauth.None(),
    parameters,
    redirectUri,
    stored.verifier ?? "",
    insecure(oidc.issuer),
  );
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
    ...(stored.nonce && { expectedNonce: stored.nonce }),
    requireIdToken: true,
  });
  signIn({ kind: "token", bearer: tokenFor(oidc.audience, [tokens.access_token, tokens.id_token ?? ""]) });
}

/** The one that was made for the server; the server checks it whatever it says. */
function tokenFor(audience: string, tokens: readonly string[]): string {
  return tokens.find((token) => audiencesOf(token).includes(audience)) ?? tokens[0] ?? "";
}

function audiencesOf(token: string): readonly string[] {
  try {
    const claims = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    return [(JSON.parse(atob(claims)) as { aud?: string | string[] }).aud ?? []].flat();
  } catch {
    return [];
  }
}
