import type { JsonObject } from "@bufbuild/protobuf";
import type { Connection } from "../calls/connection.ts";
import { UsageError } from "../failure.ts";
import type { Noun } from "./nouns.ts";

/** The most rows that one call may ask for. */
const PAGE_SIZE = 1_000;

/** The pages of a list, each asked for when it is wanted. */
export async function* pagesOf(
  connection: Connection,
  noun: Pick<Noun, "list" | "items">,
  filter: JsonObject,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<JsonObject[]> {
  let pageToken = "";
  let left = limit;
  do {
    const page = await connection.call(noun.list, { ...filter, pageSize: Math.min(left, PAGE_SIZE), pageToken });
    const rows = (page[noun.items] ?? []) as JsonObject[];
    yield rows;
    left -= rows.length;
    pageToken = String(page.nextPageToken ?? "");
  } while (pageToken !== "" && left > 0);
}

/** What --limit says; without it there is none. */
export function readLimit(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`--limit is "${text}"; it must be a number from 1 on.`);
}
