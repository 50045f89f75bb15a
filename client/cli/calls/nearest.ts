/** Of the known words, those that a slip of the finger or another habit would have meant, the nearest first. */
export function nearestOf(word: string, known: readonly string[]): string[] {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, "");
  const wanted = plain(word);
  // A beginning or an end is as good as the whole: `model` means `modelIdentifier`, and `name` means `displayName`.
  const distanceTo = (name: string) =>
    Math.min(
      distanceOf(wanted, name),
      distanceOf(wanted, name.slice(0, wanted.length)) + 0.5,
      name.endsWith(wanted) ? 0.5 : Number.POSITIVE_INFINITY,
    );
  return known
    .map((name) => ({ name, distance: distanceTo(plain(name)) }))
    .filter(({ distance }) => distance <= Math.max(1.5, wanted.length / 3))
    .sort((a, b) => a.distance - b.distance)
    .map(({ name }) => name);
}

/** How many characters have to be put in, taken out, replaced, or swapped with the next. */
function distanceOf(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = isSwap ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      rows[i]?.push(Math.min(replaced, swapped, at(i - 1, j) + 1, at(i, j - 1) + 1));
    }
  }
  return at(a.length, b.length);
}
