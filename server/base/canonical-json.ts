/**
 * A value as JSON, the same text for the same content: the members of objects are in the order of their names. To tell a
 * request that is repeated from another one, since maps have no order of their own.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
