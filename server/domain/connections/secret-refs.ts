import { LRUCache } from "lru-cache";
import { Fault } from "../../base/fault.ts";
import { Secret } from "../../base/secret.ts";
import type { KeyValueVault } from "../../upstream/operator/hashicorp-vault.ts";
import { VaultUnavailable } from "../../upstream/operator/hashicorp-vault.ts";
import type { SecretFiles } from "../../upstream/operator/secret-files.ts";
import { type Credentials, isInlineSecret } from "./credentials.ts";
import { REF_FIELD, SecretRef } from "./secret-ref.ts";
import { findSecretRefRule, folderOf, isOwnVariable, type SecretRefRule } from "./secret-ref-rules.ts";

/** Whose credentials a reference is part of, and the URL that they are for. */
export interface Use {
  readonly ownerId: string;
  readonly url: string;
}

/** What references lead to. */
export interface SecretSources {
  readonly readVariable: (name: string) => string | undefined;
  readonly files: SecretFiles;
  /** Undefined: there is none. */
  readonly vault: KeyValueVault | undefined;
}

interface Options {
  readonly rules: readonly SecretRefRule[];
  /** The names of the server's settings, which are never given out. */
  readonly ownSettings: ReadonlySet<string>;
  readonly sources: SecretSources;
  readonly heldMs?: number;
}

/** A changed secret is used after this long at the latest. */
const HELD_MS = 5 * 60_000;
/** So that a burst of calls asks once, and whoever mends it need not wait. */
const FAILURE_HELD_MS = 1_000;
const MAX_HELD = 1_000;
const RETRY_AFTER_MS = 5_000;

/** The reasons of what `resolve` refuses. */
const REASONS: ReadonlySet<string> = new Set([
  "SECRET_REF_NOT_ALLOWED",
  "SECRET_REF_UNRESOLVED",
  "SECRET_SOURCE_UNAVAILABLE",
]);

/**
 * Keys that are kept elsewhere. The operator's rules are asked each time, on write and at use, before anything is looked
 * for: a refusal never tells what is there.
 */
export class SecretRefs {
  readonly #options: Options;
  readonly #held: LRUCache<string, Promise<Secret>>;
  readonly #heldMs: number;

  constructor(options: Options) {
    this.#options = options;
    this.#heldMs = options.heldMs ?? HELD_MS;
    this.#held = new LRUCache({ max: MAX_HELD });
  }

  /** Refuses a reference that is about to be stored and could not be used. */
  requireAllowed(ref: SecretRef, use: Use): void {
    if (!this.#ruleFor(ref, use))
      throw notAllowed([{ field: REF_FIELD, description: "SECRET_REFS does not allow it" }]);
  }

  /** The secret itself, not older than 5 minutes. */
  async resolve(ref: SecretRef, use: Use, signal: AbortSignal): Promise<Secret> {
    const rule = this.#ruleFor(ref, use);
    if (!rule) throw notAllowed();
    const folder = folderOf(rule, use.ownerId);
    const key = JSON.stringify([ref.uri, folder]);
    const secret = this.#held.get(key) ?? this.#hold(key, this.#read(ref, folder));
    return unlessAborted(secret, signal);
  }

  /** To be called when an endpoint refuses a key: it may have changed. Of a burst of refusals, the first counts. */
  forget(ref: SecretRef): void {
    for (const key of this.#held.keys()) {
      const heldForMs = this.#heldMs - this.#held.getRemainingTTL(key);
      if (JSON.parse(key)[0] === ref.uri && heldForMs >= FAILURE_HELD_MS) this.#held.delete(key);
    }
  }

  #ruleFor(ref: SecretRef, { ownerId, url }: Use): SecretRefRule | undefined {
    const { rules, ownSettings } = this.#options;
    if (ref.scheme === "env" && isOwnVariable(ref.path, ownSettings)) return undefined;
    return findSecretRefRule(rules, ref, ownerId, url);
  }

  #hold(key: string, secret: Promise<Secret>): Promise<Secret> {
    this.#held.set(key, secret, { ttl: this.#heldMs });
    secret.catch(() => {
      if (this.#held.peek(key) === secret)
        this.#held.set(key, secret, { ttl: Math.min(FAILURE_HELD_MS, this.#heldMs) });
    });
    return secret;
  }

  async #read(ref: SecretRef, folder: string): Promise<Secret> {
    const text = await this.#text(ref, folder);
    const value = text?.replace(/\r?\n$/, "");
    if (value === undefined) throw unresolved(MISSING[ref.scheme]);
    if (!isInlineSecret(value)) throw unresolved("what is there is not a key of 1 to 8,192 visible ASCII characters");
    return new Secret(value);
  }

  async #text({ scheme, path, field }: SecretRef, folder: string): Promise<string | undefined> {
    const { readVariable, files, vault } = this.#options.sources;
    if (scheme === "env") return readVariable(path);
    if (scheme === "file") return files.read(path, folder);
    try {
      return await vault?.read(path, field);
    } catch (error) {
      if (!(error instanceof VaultUnavailable)) throw error;
      const message = "the vault that the secret reference leads to does not answer; try again in a moment";
      throw new Fault("SECRET_SOURCE_UNAVAILABLE", message, { retryAfterMs: RETRY_AFTER_MS }, error);
    }
  }
}

/** Refuses credentials that are about to be stored and refer to what they may not. */
export function requireRefAllowed(secretRefs: SecretRefs, { source }: Credentials, use: Use): void {
  if (source instanceof SecretRef) secretRefs.requireAllowed(source, use);
}

/** Whether an error is that a reference does not give its secret. */
export function isRefusedRef(error: unknown): error is Fault {
  return error instanceof Fault && REASONS.has(error.reason);
}

const MISSING: Readonly<Record<SecretRef["scheme"], string>> = {
  env: "the server has no such environment variable",
  file: "there is no regular file of at most 8,192 bytes that the server can read and that lies in the allowed folder",
  vault: "the vault has no such secret with such a field, or does not give it to this server",
};

function notAllowed(fields: readonly { field: string; description: string }[] = []): Fault {
  const message =
    "the secret reference may not be used for this endpoint; the operator's setting SECRET_REFS says which may be";
  return new Fault("SECRET_REF_NOT_ALLOWED", message, { fields });
}

function unresolved(why: string): Fault {
  return new Fault("SECRET_REF_UNRESOLVED", `the secret reference leads to no key: ${why}`);
}

/** The work goes on for whoever else waits for it. */
async function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
