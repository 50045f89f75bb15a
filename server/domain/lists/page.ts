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
