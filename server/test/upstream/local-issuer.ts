import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";

const PATH = "/realms/patchbay";

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

/** A key that the issuer signs with. */
export interface IssuerKey extends KeyPair {
  readonly kid: string;
  readonly algorithm: string;
}

/** An OpenID Connect issuer on a real socket: its discovery document, its keys, and tokens signed with them. */
export class LocalIssuer {
  readonly requests: string[] = [];
  readonly url: string;
  /** What goes wrong with the next requests. */
  fault: "down" | "redirect" | "not-json" | "other-issuer" | undefined;
  /** What people and programs that sign in are answered, at `/authorize` and `/token`. */
  onSignIn: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  readonly #server: Server;
  readonly #published: JWK[] = [];

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${PATH}`;
    server.on("request", (request, response) => {
      const { url = "" } = request;
      this.requests.push(url);
      if (url.startsWith(`${PATH}/authorize`) || url.startsWith(`${PATH}/token`))
        return void this.onSignIn?.(request, response);
      if (this.fault === "down") return void response.writeHead(503).end();
      if (this.fault === "redirect") return void response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
      if (this.fault === "not-json") return void response.writeHead(200).end("<html>");
      const issuer = this.fault === "other-issuer" ? "https://else.example.com" : this.url;
      const answers: Record<string, object> = {
        [`${PATH}/.well-known/openid-configuration`]: {
          issuer,
          jwks_uri: `${this.url}/keys`,
          authorization_endpoint: `${this.url}/authorize`,
          token_endpoint: `${this.url}/token`,
        },
        [`${PATH}/keys`]: { keys: this.#published },
      };
      const answer = answers[url];
      response
        .writeHead(answer ? 200 : 404, { "content-type": "application/json", "access-control-allow-origin": "*" })
        .end(JSON.stringify(answer ?? {}));
    });
  }

  static async start(): Promise<LocalIssuer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new LocalIssuer(server);
  }

  /** A new key, published unless it is to be a stranger's. */
  async addKey(kid: string, algorithm = "RS256", { published = true } = {}): Promise<IssuerKey> {
    const pair = await generateKeyPair(algorithm, { extractable: true });
    if (published) this.#published.push({ ...(await exportJWK(pair.publicKey)), kid, alg: algorithm, use: "sig" });
    return { ...pair, kid, algorithm };
  }

  /** How often the keys were asked for. */
  get timesAsked(): number {
    return this.requests.filter((url) => url.endsWith("/keys")).length;
  }

  /** A token with these claims, and more headers than it needs if they are given. */
  sign(key: IssuerKey, claims: JWTPayload, header: Record<string, unknown> = {}): Promise<string> {
    return new SignJWT(claims)
      .setProtectedHeader({ alg: key.algorithm, kid: key.kid, typ: "JWT", ...header })
      .sign(key.privateKey);
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
