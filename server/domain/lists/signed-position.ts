import { timingSafeEqual } from "node:crypto";
import type { Vault } from "../../store/vault/vault.ts";

const SIGNATURE_BYTES = 16;

/** All that a position is bound to: what is asked for, and what the caller may see; anything that JSON can say. */
export type PositionKey = readonly unknown[];

/** What positions are made for: one for another purpose is none. */
type Purpose = "page-token" | "resume-token";

/** A position as a text that callers can give back, and neither make nor use for something else. */
export function signPosition(vault: Vault, purpose: Purpose, key: PositionKey, position: readonly string[]): string {
  const bytes = Buffer.from(JSON.stringify(position));
  return Buffer.concat([sign(vault, purpose, key, bytes), bytes]).toString("base64url");
}

/** The position in such a text; undefined if it is not one that was made for this. */
export function readPosition(
  vault: Vault,
  purpose: Purpose,
  key: PositionKey,
  text: string,
): readonly string[] | undefined {
  const bytes = Buffer.from(text, "base64url");
  const signature = bytes.subarray(0, SIGNATURE_BYTES);
  const position = bytes.subarray(SIGNATURE_BYTES);
  const expected = sign(vault, purpose, key, position);
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return undefined;
  return JSON.parse(position.toString("utf8"));
}

function sign(vault: Vault, purpose: Purpose, key: PositionKey, position: Buffer): Buffer {
  return vault.digest(purpose, JSON.stringify(key), position).subarray(0, SIGNATURE_BYTES);
}
