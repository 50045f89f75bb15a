import { randomBytes } from "node:crypto";
import { Fault, StartError } from "../../base/fault.ts";
import { type KeySource, keysUnavailable, type WrappedBytes } from "../../base/key-source.ts";
import { HashiCorpVault, type VaultTarget, VaultUnavailable } from "./hashicorp-vault.ts";

/** Which key of which HashiCorp Vault. */
export interface TransitTarget extends VaultTarget {
  /** Where the transit engine is mounted. */
  readonly mount: string;
  readonly key: string;
}

/** What Vault says of a ciphertext or a context that is not the one; anything else may be another day's fault. */
const DOES_NOT_OPEN = /message authentication failed|invalid ciphertext/;

interface Answer {
  readonly status: number;
  readonly data: { readonly ciphertext?: unknown; readonly plaintext?: unknown };
  readonly errors: readonly unknown[];
}

/** A key of HashiCorp Vault's transit engine, which never leaves it. */
export class TransitKey implements KeySource {
  readonly name: string;
  readonly #vault: HashiCorpVault;
  readonly #target: TransitTarget;
  readonly #onChange: (problem: Error | undefined) => void;
  #isFailing = false;

  /** `onChange` is told when the key can no longer be used, and when it can again. */
  constructor(target: TransitTarget, onChange: (problem: Error | undefined) => void, timeoutMs?: number) {
    this.#target = target;
    this.#onChange = onChange;
    this.name = `the transit key ${target.mount}/${target.key} of ${target.address} (VAULT_TRANSIT_KEY)`;
    this.#vault = new HashiCorpVault(target, timeoutMs);
  }

  /** Proves that the key wraps, unwraps, and tells contexts apart; a StartError says what it does not. */
  async check(): Promise<void> {
    const bytes = new Uint8Array(randomBytes(32));
    try {
      const wrapped = await this.wrap(bytes, ["check", "a"]);
      const unwrapped = await this.unwrap(wrapped, ["check", "a"]);
      if (!unwrapped || !Buffer.from(bytes).equals(unwrapped)) throw new StartError(`${this.name} does not work.`);
      if (!(await this.unwrap(wrapped, ["check", "b"]))) return;
    } catch (error) {
      if (error instanceof Fault && error.cause instanceof Error) throw new StartError(error.cause.message);
      throw error;
    }
    throw new StartError(
      `${this.name} does not bind what it encrypts to its associated_data: ` +
        "Vault 1.13 or later is needed, or OpenBao, and a key of type aes256-gcm96 or chacha20-poly1305.",
    );
  }

  /** Vault names the version in what it encrypts: asking so takes no other permission. */
  async activeKeyId(): Promise<string> {
    return (await this.wrap(new Uint8Array(1), ["version"])).keyId;
  }

  async wrap(bytes: Uint8Array, context: readonly string[]): Promise<WrappedBytes> {
    const plaintext = Buffer.from(bytes).toString("base64");
    const { data } = await this.#call("encrypt", { plaintext, ...bindingOf(context) });
    const [ciphertext, version] = /^vault:v(\d+):\S+$/.exec(String(data.ciphertext)) ?? [];
    if (!ciphertext) throw this.#failed("does not answer as HashiCorp Vault does");
    return { keyId: `${this.#target.mount}/${this.#target.key}:v${version}`, blob: { ciphertext } };
  }

  async unwrap({ blob: { ciphertext } }: WrappedBytes, context: readonly string[]): Promise<Uint8Array | undefined> {
    if (!ciphertext?.startsWith("vault:v")) return undefined; // What a key ring wrapped, say.
    const { status, data } = await this.#call("decrypt", { ciphertext, ...bindingOf(context) });
    if (status === 400) return undefined;
    if (typeof data.plaintext !== "string") throw this.#failed("does not answer as HashiCorp Vault does");
    return new Uint8Array(Buffer.from(data.plaintext, "base64"));
  }

  close(): Promise<void> {
    return this.#vault.close();
  }

  async #call(verb: "encrypt" | "decrypt", body: object): Promise<Answer> {
    const answer = await this.#send(verb, body);
    const isRefusedForGood = answer.status === 400 && answer.errors.some((text) => DOES_NOT_OPEN.test(String(text)));
    if (answer.status !== 200 && !(verb === "decrypt" && isRefusedForGood)) {
      throw this.#failed(`answers ${answer.status}${adviceFor(answer.status, verb, this.#target)}`);
    }
    if (this.#isFailing) this.#onChange(undefined);
    this.#isFailing = false;
    return answer;
  }

  async #send(verb: string, body: object): Promise<Answer> {
    const { mount, key } = this.#target;
    try {
      const { status, text } = await this.#vault.call(`/v1/${mount}/${verb}/${key}`, body);
      const { data = {}, errors = [] } = readObject(text);
      return { status, data: data ?? {}, errors };
    } catch (error) {
      throw error instanceof VaultUnavailable ? this.#failed(error.message) : error;
    }
  }

  /** The words are ours: an answer of Vault's is never quoted. */
  #failed(what: string): Error {
    const problem = new Error(`HashiCorp Vault at ${this.#target.address} (VAULT_ADDR) ${what}.`);
    if (!this.#isFailing) this.#onChange(problem);
    this.#isFailing = true;
    return keysUnavailable(problem);
  }
}

/** The context authenticates the ciphertext; where the key is a derived one, it chooses the key as well. */
function bindingOf(context: readonly string[]) {
  const encoded = Buffer.from(JSON.stringify(["patchbay/v1", ...context])).toString("base64");
  return { associated_data: encoded, context: encoded };
}

function adviceFor(status: number, verb: string, { mount, key }: TransitTarget): string {
  if (status === 403) return `: the token has expired, or no policy of its allows "update" on ${mount}/${verb}/${key}`;
  if (status === 404)
    return `: no transit engine is mounted at ${mount}, or the namespace is another (VAULT_NAMESPACE)`;
  if (status === 400) return `: ${mount} has no key ${key}, or not of a type that encrypts with associated_data`;
  if (status === 429) return ": too many requests";
  return status === 503 ? ": it is sealed, or in maintenance" : "";
}

/** A proxy before Vault may answer with anything. */
function readObject(text: string): { data?: Answer["data"]; errors?: unknown[] } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
