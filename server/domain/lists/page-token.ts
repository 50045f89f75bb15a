import { Fault } from "../../base/fault.ts";
import type { Vault } from "../../store/vault/vault.ts";
import { type PositionKey, readPosition, signPosition } from "./signed-position.ts";

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
