import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What it answers in place of what it has. */
type Answer = (response: ServerResponse) => unknown;

/**
 * A real HTTP server that answers as HashiCorp Vault's key-value engine does, version 2, as far as reading goes: its
 * paths, its tokens, its errors, and its answers for what is deleted or never was.
 */
export class KeyValueServer {
  /** By `mount/path`; null for a secret whose newest version is deleted. */
  readonly secrets = new Map<string, Readonly<Record<string, unknown>> | null>();
  /** Every request: its path, token and namespace. */
  readonly requests: { path: string; token: unknown; namespace: unknown }[] = [];
  token = "hvs.test-token";
  /** Answers the next requests, while it is set. */
  instead: Answer | undefined;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(): Promise<KeyValueServer> {
    const server = new KeyValueServer();
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #answer({ url = "", headers }: IncomingMessage, response: ServerResponse): void {
    const token = headers["x-vault-token"];
    this.requests.push({ path: url, token, namespace: headers["x-vault-namespace"] });
    const [status, body] = token === this.token ? this.#read(url) : [403, { errors: ["permission denied"] }];
    if (this.instead) this.instead(response);
    else response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  }

  #read(url: string): [status: number, body: object] {
    const [, mount = "", path = ""] = /^\/v1\/([^/]+)\/data\/(.+)$/.exec(url) ?? [];
    const secret = this.secrets.get(`${mount}/${decodeURIComponent(path)}`);
    if (secret === undefined) return [404, { errors: [] }];
    const metadata = { version: 1, destroyed: false, deletion_time: secret === null ? "2026-01-01T00:00:00Z" : "" };
    return [secret === null ? 404 : 200, { request_id: "r", data: { data: secret, metadata } }];
  }
}
