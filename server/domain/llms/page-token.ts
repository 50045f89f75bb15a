import { timingSafeEqual } from "node:crypto";
import { Fault } from "../../base/fault.ts";
import type { LlmFilter, LlmOrder, LlmPosition } from "../../store/llm-queries.ts";
import type { Vault } from "../../store/vault/vault.ts";

const SIGNATURE_BYTES = 16;

/** What a page token is bound to: the caller's reach and all that decides which rows come in which order. */
export interface Query {
  readonly filter: LlmFilter;
  readonly order: LlmOrder;
  readonly descending: boolean;
}

/** A position in a list that only the same query can use. */
export function makePageToken(vault: Vault, query: Query, { value, id }: LlmPosition): string {
  const position = Buffer.from(JSON.stringify([value, id]));
  return Buffer.concat([sign(vault, query, position), position]).toString("base64url");
}

/** The position in a page token of the same query; undefined for the first page. */
export function readPageToken(vault: Vault, query: Query, token: string): LlmPosition | undefined {
  if (token === "") return undefined;
  const bytes = Buffer.from(token, "base64url");
  const signature = bytes.subarray(0, SIGNATURE_BYTES);
  const position = bytes.subarray(SIGNATURE_BYTES);
  const expected = sign(vault, query, position);
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
    throw new Fault(
      "PAGE_TOKEN_INVALID",
      "page_token is not the next_page_token of a list with the same filters and order; start again without it",
      { fields: [{ field: "page_token", description: "must be the next_page_token of the same query" }] },
    );
  }
  const [value, id] = JSON.parse(position.toString("utf8"));
  return { value, id };
}

function sign(vault: Vault, { filter, order, descending }: Query, position: Buffer): Buffer {
  const { ownerId, providerType, status, labels, search } = filter;
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const query = JSON.stringify([ownerId, providerType, status, sorted, search, order, descending]);
  return vault.digest("page-token", query, position).subarray(0, SIGNATURE_BYTES);
}
