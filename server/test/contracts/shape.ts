/** What an answer lacks of a documented one, by name and type; a null on either side stands for any scalar. */
export function missingIn(actual: unknown, documented: unknown, path = "answer"): string[] {
  if (Array.isArray(documented)) {
    if (!Array.isArray(actual)) return [`${path} is no array`];
    if (documented.length > 0 && actual.length === 0) return [`${path} is empty`];
    return actual.flatMap((item, index) => missingIn(item, documented[0], `${path}[${index}]`));
  }
  if (typeof documented === "object" && documented !== null) {
    if (typeof actual !== "object" || actual === null) return [`${path} is no object`];
    return Object.entries(documented).flatMap(([name, value]) =>
      name in actual
        ? missingIn((actual as Record<string, unknown>)[name], value, `${path}.${name}`)
        : [`${path} has no ${name}`],
    );
  }
  if (documented === null || actual === null || typeof actual === typeof documented) return [];
  return [`${path} is a ${typeof actual}, not a ${typeof documented}`];
}
