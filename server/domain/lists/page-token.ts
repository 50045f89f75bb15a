import { timingSafeEqual } from "node:crypto";
import { Fault } from "../../base/fault.ts";
import type { Vault } from "../../store/vault/vault.ts";

const SIGNATURE_BYTES = 16;

/** All that decides which rows a list has and in which order, the caller's reach among it; anything that JSON can say. */
export type ListKey = readonly unknown[];

/** A position in a list that only the same list can use. */
export function makePageToken(vault: Vault, key: ListKey, position: readonly string[]): string {
  const bytes = Buffer.from(JSON.stringify(position));
  return Buffer.concat([sign(vault, key, bytes), bytes]).toString("base64url");
}

/** The position in a page token of the same list; undefined for the first page. */
export function readPageToken(vault: Vault, key: ListKey, token: string): readonly string[] | undefined {
  if (token === "") return undefined;
  const bytes = Buffer.from(token, "base64url");
  const signature = bytes.subarray(0, SIGNATURE_BYTES);
  const position = bytes.subarray(SIGNATURE_BYTES);
  const expected = sign(vault, key, position);
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
    throw new Fault(
      "PAGE_TOKEN_INVALID",
      "page_token is not the next_page_token of a list with the same filters and order; start again without it",
      { fields: [{ field: "page_token", description: "must be the next_page_token of the same query" }] },
    );
  }
  return JSON.parse(position.toString("utf8"));
}

function sign(vault: Vault, key: ListKey, position: Buffer): Buffer {
  return vault.digest("page-token", JSON.stringify(key), position).subarray(0, SIGNATURE_BYTES);
}
