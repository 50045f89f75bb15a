/** How often a key management service is asked at once. */
export const KEYS_AT_ONCE = 16;

/** Works on so many at once; the results are in the order of the items. */
export async function inChunks<Item, Result>(
  items: readonly Item[],
  size: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += size) {
    results.push(...(await Promise.all(items.slice(start, start + size).map(work))));
  }
  return results;
}
