import { readFile } from "node:fs/promises";
import type { Secret } from "../base/secret.ts";
import { Egress } from "./egress/egress.ts";
import { UpstreamFailure } from "./failure.ts";
import { asObject, parseObject } from "./json-value.ts";
import { ruleFor } from "./otlp-collector.ts";

/** Which HashiCorp Vault, and what lets us in. */
export interface KeyValueTarget {
  /** Such as `https://vault.example.com:8200`. */
  readonly address: string;
  /** A token, or the file that an agent keeps one in. */
  readonly token: Secret | { readonly file: string };
  /** Undefined: the root namespace. */
  readonly namespace: string | undefined;
}

const TIMEOUT_MS = 5_000;
const MAX_ANSWER_BYTES = 256 * 1024;

/** The vault does not answer, or not as one that is open; the message says how, and none of what it answered. */
export class VaultUnavailable extends Error {
  override readonly name = "VaultUnavailable";
}

/**
 * The key-value engine, version 2, of HashiCorp Vault or OpenBao. The origin that the operator named is reached through
 * an Egress of its own, and is open to no Llm for that.
 */
export class KeyValueVault {
  readonly #egress: Egress;
  readonly #target: KeyValueTarget;
  readonly #timeoutMs: number;

  constructor(target: KeyValueTarget, timeoutMs = TIMEOUT_MS) {
    this.#target = target;
    this.#timeoutMs = timeoutMs;
    this.#egress = new Egress({ allow: [ruleFor(target.address)] });
  }

  /** A field of the newest version of a secret, whose path begins with its mount; undefined if it is not ours to have. */
  async read(path: string, field: string): Promise<string | undefined> {
    const [mount = "", ...segments] = path.split("/").map(encodeURIComponent);
    const { status, text } = await this.#get(`/v1/${mount}/data/${segments.join("/")}`);
    if (status === 404 || status === 403) return undefined;
    if (status !== 200) throw new VaultUnavailable(`it answers ${status}`);
    const values = asObject(asObject(parseObject(text)?.data)?.data);
    // By own properties only: a field may be called like one that every object has.
    const value = values !== undefined && Object.hasOwn(values, field) ? values[field] : undefined;
    return typeof value === "string" ? value : undefined;
  }

  close(): Promise<void> {
    return this.#egress.close();
  }

  async #get(path: string): Promise<{ status: number; text: string }> {
    const { address, namespace } = this.#target;
    const token = await this.#token();
    try {
      const response = await this.#egress.request({
        ownerId: "operator",
        url: address + path,
        method: "GET",
        headers: {
          accept: "application/json",
          "user-agent": "patchbay",
          "x-vault-request": "true",
          "x-vault-token": token,
          ...(namespace === undefined ? {} : { "x-vault-namespace": namespace }),
        },
        streamed: false,
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
      return { status: response.status, text: await response.text(MAX_ANSWER_BYTES) };
    } catch (error) {
      if (error instanceof UpstreamFailure) throw new VaultUnavailable(error.kind, { cause: error });
      if ((error as Error).name === "TimeoutError") throw new VaultUnavailable("timeout", { cause: error });
      throw error;
    }
  }

  /** Read for each call, because an agent replaces it before it expires. */
  async #token(): Promise<string> {
    const { token } = this.#target;
    if (!("file" in token)) return token.reveal();
    const text = await readFile(token.file, "utf8").catch((error) => {
      throw new VaultUnavailable("the file of VAULT_TOKEN_FILE cannot be read", { cause: error });
    });
    if (/^[!-~]+$/.test(text.trim())) return text.trim();
    throw new VaultUnavailable("the file of VAULT_TOKEN_FILE holds no token");
  }
}
