/** The number of letters to insert, to remove, to replace, or to swap with the next one. */
export function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, at(i - 1, j) + 1, at(i, j - 1) + 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwapped) row[j] = Math.min(at(i, j), at(i - 2, j - 2) + 1);
    }
  }
  return at(a.length, b.length);
}

/** The names that somebody may have meant who wrote another one, the likeliest first: at most three. */
export function nearestNames(written: string, names: Iterable<string>): string[] {
  const wanted = written.toLowerCase().slice(0, 64);
  const farthest = Math.max(2, wanted.length / 3);
  return [...new Set(names)]
    .map((name) => {
      const known = name.toLowerCase();
      const isPart = wanted.length > 2 && (known.includes(wanted) || wanted.includes(known));
      return { name, distance: isPart ? 1 : editDistance(wanted, known.slice(0, 64)) };
    })
    .filter(({ distance }) => distance <= farthest)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name);
}
