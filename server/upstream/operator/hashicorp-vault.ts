import { readFile, stat } from "node:fs/promises";
import type { Secret } from "../../base/secret.ts";
import { Egress } from "../egress/egress.ts";
import { UpstreamFailure } from "../models/failure.ts";
import { asObject, parseObject } from "../models/json-value.ts";
import { ruleFor } from "./otlp-collector.ts";

/** Which HashiCorp Vault or OpenBao, and what lets us in. */
export interface VaultTarget {
  /** Such as `https://vault.example.com:8200`. */
  readonly address: string;
  /** A token, or the file that an agent keeps one in. */
  readonly token: Secret | { readonly file: string };
  /** Undefined: the root namespace. */
  readonly namespace: string | undefined;
}

export interface VaultAnswer {
  readonly status: number;
  readonly text: string;
}

const TIMEOUT_MS = 5_000;
const MAX_ANSWER_BYTES = 256 * 1024;

/** The vault gave no answer. The message goes behind its name, and quotes nothing of it. */
export class VaultUnavailable extends Error {
  override readonly name = "VaultUnavailable";
}

/**
 * The API of HashiCorp Vault. The origin that the operator named is reached through an Egress of its own, and is open to
 * nothing else for that.
 */
export class HashiCorpVault {
  readonly #egress: Egress;
  readonly #target: VaultTarget;
  readonly #timeoutMs: number;

  constructor(target: VaultTarget, timeoutMs = TIMEOUT_MS) {
    this.#target = target;
    this.#timeoutMs = timeoutMs;
    this.#egress = new Egress({ allow: [ruleFor(target.address)] });
  }

  /** Whatever Vault answers; without a body, a GET. */
  async call(path: string, body?: object): Promise<VaultAnswer> {
    const { address, namespace } = this.#target;
    const token = await this.#token();
    try {
      const response = await this.#egress.request({
        ownerId: "operator",
        url: address + path,
        method: body === undefined ? "GET" : "POST",
        headers: {
          accept: "application/json",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          "user-agent": "patchbay",
          "x-vault-request": "true",
          "x-vault-token": token,
          ...(namespace === undefined ? {} : { "x-vault-namespace": namespace }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        streamed: false,
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
      return { status: response.status, text: await response.text(MAX_ANSWER_BYTES) };
    } catch (error) {
      if (error instanceof UpstreamFailure) throw new VaultUnavailable(`cannot be reached (${error.kind})`);
      const isLate = (error as Error).name === "TimeoutError";
      throw isLate ? new VaultUnavailable(`did not answer in ${this.#timeoutMs} ms`) : error;
    }
  }

  close(): Promise<void> {
    return this.#egress.close();
  }

  /** Read for each call, because an agent replaces it before it expires. */
  async #token(): Promise<string> {
    const { token } = this.#target;
    if (!("file" in token)) return token.reveal();
    const text = await readTokenFile(token.file);
    // Anything else would not go into a header.
    if (/^[!-~]+$/.test(text)) return text;
    throw new VaultUnavailable(`is not called: the file ${token.file} of VAULT_TOKEN_FILE holds no token`);
  }
}

async function readTokenFile(file: string): Promise<string> {
  try {
    const { mode } = await stat(file);
    if ((mode & 0o007) !== 0) throw new VaultUnavailable(`is not called: everybody can read ${file} (chmod o= it)`);
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new VaultUnavailable(`is not called: the file ${file} of VAULT_TOKEN_FILE cannot be read (${code})`);
  }
}

/** The key-value engine of HashiCorp Vault, version 2. */
export class KeyValueVault {
  readonly #vault: HashiCorpVault;

  constructor(target: VaultTarget, timeoutMs?: number) {
    this.#vault = new HashiCorpVault(target, timeoutMs);
  }

  /** A field of the newest version of a secret, whose path begins with its mount; undefined if it is not ours to have. */
  async read(path: string, field: string): Promise<string | undefined> {
    const [mount = "", ...segments] = path.split("/").map(encodeURIComponent);
    const { status, text } = await this.#vault.call(`/v1/${mount}/data/${segments.join("/")}`);
    if (status === 404 || status === 403) return undefined;
    if (status !== 200) throw new VaultUnavailable(`answers ${status}`);
    const values = asObject(asObject(parseObject(text)?.data)?.data);
    // By own properties only: a field may be called like one that every object has.
    const value = values !== undefined && Object.hasOwn(values, field) ? values[field] : undefined;
    return typeof value === "string" ? value : undefined;
  }

  close(): Promise<void> {
    return this.#vault.close();
  }
}
