import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

/** A request to it, as far as a test wants to know. */
export interface TransitRequest {
  readonly path: string;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: { readonly associated_data?: string; readonly context?: string };
}

/**
 * Speaks the part of HashiCorp Vault's API that wraps keys, over HTTP: one transit key, `transit/patchbay`, with its
 * versions, and the errors that Vault answers with.
 */
export class FakeTransit {
  readonly #server: Server;
  #versions = [randomBytes(32)];
  readonly requests: TransitRequest[] = [];
  /** What it takes; tests revoke it by changing it. */
  token = `hvs.${randomBytes(12).toString("hex")}`;
  isSealed = false;
  /** Accepts requests and never answers them. */
  isSilent = false;
  /** As Vault did before 1.13. */
  ignoresAssociatedData = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FakeTransit> {
    const server = createServer();
    const fake = new FakeTransit(server);
    server.on("request", async (request, response) => {
      const body = (await json(request)) as Record<string, string>;
      const path = request.url ?? "";
      fake.requests.push({ path, headers: request.headers, body });
      if (fake.isSilent) return;
      const [status, answer] = fake.#answer(path, request.headers["x-vault-token"], body);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return fake;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What `vault write -f transit/keys/patchbay/rotate` does. */
  rotate(): void {
    this.#versions.push(randomBytes(32));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #answer(path: string, token: unknown, body: Record<string, string>): [number, object] {
    if (this.isSealed) return [503, { errors: ["Vault is sealed"] }];
    if (token !== this.token) return [403, { errors: ["permission denied"] }];
    const [, verb, key] = /^\/v1\/transit\/(encrypt|decrypt)\/(\w+)$/.exec(path) ?? [];
    if (verb === undefined) return [404, { errors: [`no handler for route "${path}"`] }];
    if (key !== "patchbay") return [400, { errors: ["encryption key not found"] }];
    const aad = Buffer.from(this.ignoresAssociatedData ? "" : (body.associated_data ?? ""), "base64");
    return verb === "encrypt" ? this.#encrypt(body.plaintext ?? "", aad) : this.#decrypt(body.ciphertext ?? "", aad);
  }

  #encrypt(plaintext: string, aad: Buffer): [number, object] {
    const iv = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.#versions.at(-1) as Buffer, iv).setAAD(aad);
    const bytes = Buffer.concat([
      iv,
      cipher.update(Buffer.from(plaintext, "base64")),
      cipher.final(),
      cipher.getAuthTag(),
    ]);
    const ciphertext = `vault:v${this.#versions.length}:${bytes.toString("base64")}`;
    return [200, { data: { ciphertext, key_version: this.#versions.length } }];
  }

  #decrypt(ciphertext: string, aad: Buffer): [number, object] {
    const [, version = "", encoded = ""] = /^vault:v(\d+):(.+)$/.exec(ciphertext) ?? [];
    const key = this.#versions[Number(version) - 1];
    const bytes = Buffer.from(encoded, "base64");
    if (!key || bytes.length < 28) return [400, { errors: ["invalid ciphertext: wrong length"] }];
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12), { authTagLength: 16 })
      .setAAD(aad)
      .setAuthTag(bytes.subarray(-16));
    try {
      const plaintext = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
      return [200, { data: { plaintext: plaintext.toString("base64") } }];
    } catch {
      return [400, { errors: ["cipher: message authentication failed"] }];
    }
  }
}
