import { HashiCorpVault, type VaultTarget, VaultUnavailable } from "./hashicorp-vault.ts";
import { asObject, parseObject } from "./json-value.ts";

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
