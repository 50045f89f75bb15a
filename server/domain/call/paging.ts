import { timingSafeEqual } from "node:crypto";
import { Fault } from "../../base/fault.ts";
import type { Vault } from "../../store/vault/vault.ts";

const DEFAULT_PAGE_SIZE = 50;
/** The most rows that a page has. */
export const LARGEST_PAGE_SIZE = 1_000;

/** One page of a list. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** Which page of which list a caller asks for. */
export interface PageAsk {
  readonly key: ListKey;
  /** 0 asks for what is usual, and more than there may be is as much as there may be. */
  readonly pageSize: number;
  /** Empty: the first. */
  readonly pageToken: string;
}

/**
 * One page of a list. `list` reads the rows behind a position, from the first if there is none; it is asked for one row
 * more than the page has, which tells that there is a next page. `positionOf` says where a row stands in the list.
 */
export async function readPage<Row>(
  vault: Vault,
  { key, pageSize, pageToken }: PageAsk,
  list: (after: readonly string[] | undefined, limit: number) => Promise<readonly Row[]>,
  positionOf: (row: Row) => readonly string[],
): Promise<Page<Row>> {
  const size = Math.min(pageSize || DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE);
  const found = await list(readPageToken(vault, key, pageToken), size + 1);
  const rows = found.slice(0, size);
  const last = rows.at(-1);
  const isLast = found.length <= size || last === undefined;
  return { rows, nextPageToken: isLast ? "" : signPosition(vault, "page-token", key, positionOf(last)) };
}

/** The position of a row in a list whose order is that in which its rows were made. */
export function byCreation({ createdAt, id }: { readonly createdAt: Date; readonly id: string }): readonly string[] {
  return [createdAt.toISOString(), id];
}

/** The position of a row in a list that is ordered by one of its properties, and its id. */
export function byProperty<Name extends string>(name: Name) {
  return (
    row: { readonly id: string } & Readonly<Record<Name, string | number | bigint | Date>>,
  ): readonly string[] => {
    const value: string | number | bigint | Date = row[name];
    return [value instanceof Date ? value.toISOString() : String(value), row.id];
  };
}

/** A position that `byProperty` gave, by its parts. */
export function propertyPosition(position: readonly string[] | undefined): { value: string; id: string } | undefined {
  const [value, id] = position ?? [];
  return value === undefined || id === undefined ? undefined : { value, id };
}

/** All that decides which rows a list has and in which order, the caller's reach among it; anything that JSON can say. */
export type ListKey = PositionKey;

/** The position in a page token of the same list; undefined for the first page. */
function readPageToken(vault: Vault, key: ListKey, token: string): readonly string[] | undefined {
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
