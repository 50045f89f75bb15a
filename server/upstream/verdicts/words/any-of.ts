/** What holds where any of these holds, as one expression. */
export function anyOf(...alternatives: readonly RegExp[]): RegExp {
  const flags = new Set(alternatives.flatMap((alternative) => [...alternative.flags]));
  return new RegExp(alternatives.map(({ source }) => source).join("|"), [...flags].join(""));
}

/** What is one of these as a whole. */
export function exactly(...alternatives: readonly RegExp[]): RegExp {
  const { source, flags } = anyOf(...alternatives);
  return new RegExp(`^(${source})$`, flags);
}
