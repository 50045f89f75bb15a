import { FlattenedEncrypt, flattenedDecrypt } from "jose";

/** A flattened JWE without its additional data, which whoever opens it must know. */
export interface SealedSecret {
  readonly protected: string;
  readonly iv: string;
  readonly ciphertext: string;
  readonly tag: string;
}

/** A symmetric key of 256 bits and its name. */
export interface SealingKey {
  readonly id: string;
  readonly secret: Uint8Array | CryptoKey;
}

/** A sealed secret that does not open: another key, another place, or changed bytes. */
export class Unreadable extends Error {
  override readonly name = "Unreadable";
}

/**
 * Encrypts with AES-256-GCM and binds the result to its place: opening it takes the same key and the same binding.
 * The flattened form, because a compact JWE carries its own binding and would open anywhere.
 */
export async function seal(key: SealingKey, binding: readonly string[], plaintext: Uint8Array): Promise<SealedSecret> {
  const jwe = await new FlattenedEncrypt(plaintext)
    .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: key.id })
    .setAdditionalAuthenticatedData(encodeBinding(binding))
    .encrypt(key.secret);
  return {
    protected: jwe.protected as string,
    iv: jwe.iv as string,
    ciphertext: jwe.ciphertext,
    tag: jwe.tag as string,
  };
}

/** Opens what `seal` made; anything but the same key and binding is Unreadable. */
export async function open(
  key: SealingKey,
  binding: readonly string[],
  { protected: header, iv, ciphertext, tag }: SealedSecret,
): Promise<Uint8Array> {
  const aad = Buffer.from(encodeBinding(binding)).toString("base64url");
  try {
    const { plaintext } = await flattenedDecrypt({ protected: header, iv, ciphertext, tag, aad }, key.secret, {
      keyManagementAlgorithms: ["dir"],
      contentEncryptionAlgorithms: ["A256GCM"],
    });
    return plaintext;
  } catch (error) {
    throw new Unreadable(`a sealed secret does not open with key ${key.id}`, { cause: error });
  }
}

/** The key that a sealed secret names, if it names one; there is never a choice of keys to try. */
export function keyIdOf(sealed: { readonly protected?: unknown } | null): string | undefined {
  try {
    const { kid } = JSON.parse(Buffer.from(String(sealed?.protected), "base64url").toString("utf8"));
    return typeof kid === "string" ? kid : undefined;
  } catch {
    return undefined; // It is no header of ours.
  }
}

function encodeBinding(parts: readonly string[]): Uint8Array {
  if (parts.length === 0 || parts.some((part) => part === "" || part.includes("\0"))) {
    throw new Error("a secret is sealed to parts that are neither empty nor hold a NUL");
  }
  return new TextEncoder().encode(["patchbay/v1", ...parts].join("\0"));
}

/** What a secret is sealed to: it opens nowhere else. */
export interface Place {
  /** Which column, such as `llm.credentials`; one of SEALED_COLUMNS. */
  readonly column: string;
  readonly ownerId: string;
  readonly rowId: string;
  /** How many secrets the row has had: an old one does not open in place of a new one. */
  readonly version: number;
  /** Where the secret may be sent. */
  readonly endpoint: string;
}

/** A place as `seal` and `open` take it. */
export function bindingOf({ column, ownerId, rowId, version, endpoint }: Place): string[] {
  return [column, ownerId, rowId, String(version), endpoint];
}
