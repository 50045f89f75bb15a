import { timingSafeEqual } from "node:crypto";
import { Fault } from "../../base/fault.ts";
import type { Vault } from "../../store/vault/vault.ts";

const DEFAULT_PAGE_SIZE = 50;
const LARGEST_PAGE_SIZE = 1_000;

/** One page of a list. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** How many rows a page has: 0 asks for what is usual, and more than there may be is as much as there may be. */
export function limitOf(pageSize: number): number {
  return Math.min(pageSize || DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE);
}

/** Cuts off the row that was read beyond the limit, which tells that there is a next page. */
export function pageOf<Row>(rows: readonly Row[], limit: number, tokenBehind: (row: Row) => string): Page<Row> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { rows: page, nextPageToken: rows.length > limit && last !== undefined ? tokenBehind(last) : "" };
}

/** All that decides which rows a list has and in which order, the caller's reach among it; anything that JSON can say. */
export type ListKey = PositionKey;

/** A position in a list that only the same list can use. */
export function makePageToken(vault: Vault, key: ListKey, position: readonly string[]): string {
  return signPosition(vault, "page-token", key, position);
}

/** The position in a page token of the same list; undefined for the first page. */
export function readPageToken(vault: Vault, key: ListKey, token: string): readonly string[] | undefined {
  if (token === "") return undefined;
  const position = readPosition(vault, "page-token", key, token);
  if (position) return position;
  throw new Fault(
    "PAGE_TOKEN_INVALID",
    "page_token is not the next_page_token of a list with the same filters and order; start again without it",
    { fields: [{ field: "page_token", description: "must be the next_page_token of the same query" }] },
  );
}

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
