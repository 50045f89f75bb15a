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

/** So far apart stand two words of one thought, within a sentence: a full stop inside of a name or a number ends none. */
const APART = "(?:[^.\\n]|\\.(?=\\w)){0,80}?";

/** What says both in one sentence, whichever comes first. */
export function both(one: RegExp, other: RegExp): RegExp {
  const [a, b] = [`(?<!\\w)(?:${one.source})`, `(?<!\\w)(?:${other.source})`];
  return new RegExp(`${a}${APART}${b}|${b}${APART}${a}`, "i");
}
