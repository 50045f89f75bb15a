import { randomBytes } from "node:crypto";
import { Fault, StartError } from "../../base/fault.ts";
import { type KeySource, keysUnavailable, type WrappedBytes } from "../../base/key-source.ts";
import { keyIdOf, open, type SealedSecret, seal, Unreadable } from "./sealing.ts";

const KEY_BYTES = 32;
/** Fewer than this many different bytes among 32 do not come from a random source. */
const LEAST_DIFFERENT_BYTES = 16;

const WANTED = `a JWK set, {"keys": [{"kty": "oct", "kid": "…", "k": "…"}]}, whose keys are ${KEY_BYTES} random bytes`;
const ADVICE = "Make one with: patchbay keys generate";

/** A key of a key ring. */
export interface RingKey {
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** A key ring that cannot be used; the message says what to do. */
export class KeyRingError extends StartError {
  override readonly name = "KeyRingError";
}

/** A key ring without a key that something was wrapped with. */
class KeyMissing extends KeyRingError {}

/** Whether that is what an error says: this key ring will not open it, whenever it is asked. */
export function lacksKey(error: unknown): boolean {
  return error instanceof Fault && error.cause instanceof KeyMissing;
}

/** The keys that encrypt the data keys: a JWK set of symmetric keys, of which the first one wraps new ones. */
export class KeyRing implements KeySource {
  readonly name: string;
  readonly keys: readonly RingKey[];
  readonly active: RingKey;

  constructor(keys: readonly [RingKey, ...RingKey[]], name = "the key ring of KEYRING_FILE or KEYRING") {
    this.keys = keys;
    this.active = keys[0];
    this.name = name;
  }

  find(id: string | undefined): RingKey | undefined {
    return this.keys.find((key) => key.id === id);
  }

  async activeKeyId(): Promise<string> {
    return this.active.id;
  }

  async wrap(bytes: Uint8Array, context: readonly string[]): Promise<WrappedBytes> {
    const { id, bytes: secret } = this.active;
    return { keyId: id, blob: { ...(await seal({ id, secret }, context, bytes)) } };
  }

  /** A key that is not here may be in another server's ring, or come back: that is no reason to give up a secret. */
  async unwrap({ blob }: WrappedBytes, context: readonly string[]): Promise<Uint8Array | undefined> {
    const id = keyIdOf(blob);
    if (id === undefined) return undefined;
    const key = this.find(id);
    if (!key) throw keysUnavailable(new KeyMissing(`${capitalize(this.name)} lacks the key ${id}.`));
    try {
      return await open({ id, secret: key.bytes }, context, blob as unknown as SealedSecret);
    } catch (error) {
      if (error instanceof Unreadable) return undefined;
      throw error;
    }
  }
}

/** A fresh key, named after the day. */
export function generateKey(): RingKey {
  const bytes = new Uint8Array(randomBytes(KEY_BYTES));
  return { id: `kek-${new Date().toISOString().slice(0, 10)}-${randomBytes(4).toString("hex")}`, bytes };
}

/** A key ring as a file or a setting holds it. */
export function formatKeyRing(keys: readonly RingKey[], indent = 2): string {
  const jwks = keys.map(({ id, bytes }) => ({ kty: "oct", kid: id, k: Buffer.from(bytes).toString("base64url") }));
  return JSON.stringify({ keys: jwks }, null, indent);
}

/** Reads what `formatKeyRing` writes, or refuses it; the name says in the refusal which key ring it is. */
export function parseKeyRing(text: string, name: string): KeyRing {
  let parsed: { keys?: { kty?: unknown; kid?: unknown; k?: unknown }[] } | null;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's own message would quote the text.
    throw new KeyRingError(`${capitalize(name)} is not JSON; it must be ${WANTED}. ${ADVICE}`);
  }
  const keys = (Array.isArray(parsed?.keys) ? parsed.keys : []).map((jwk): RingKey => {
    const { kty, kid, k } = jwk ?? {};
    const bytes = new Uint8Array(Buffer.from(String(k ?? ""), "base64url"));
    if (kty !== "oct" || typeof kid !== "string" || !/^[\w.-]{1,64}$/.test(kid)) {
      throw new KeyRingError(`A key of ${name} lacks its "kty" or "kid"; it must be ${WANTED}. ${ADVICE}`);
    }
    if (isWeak(bytes)) throw new KeyRingError(`The key ${kid} of ${name} is weak; it must be ${WANTED}. ${ADVICE}`);
    return { id: kid, bytes };
  });
  const [first, ...others] = keys;
  if (!first) throw new KeyRingError(`${capitalize(name)} has no keys; it must be ${WANTED}. ${ADVICE}`);
  if (new Set(keys.map(({ id }) => id)).size < keys.length) {
    throw new KeyRingError(`Two keys of ${name} have the same "kid". Remove or rename one of them.`);
  }
  return new KeyRing([first, ...others], name);
}

/** Whether bytes are too few, or such as people write and test vectors have: repeated, counted up, or a text. */
function isWeak(bytes: Uint8Array): boolean {
  const steps = bytes.map((byte, index) => byte - (bytes[index - 1] ?? 0)).subarray(1);
  return (
    bytes.length !== KEY_BYTES ||
    new Set(bytes).size < LEAST_DIFFERENT_BYTES ||
    new Set(steps).size === 1 ||
    bytes.every((byte) => byte >= 0x20 && byte < 0x7f)
  );
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
