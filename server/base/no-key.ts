const KINDS: readonly (readonly [pattern: RegExp, sentence: string])[] = [
  [/^(undefined|null|none|nil|nan|\[object object\])$/i, "is what a program writes where it has no key"],
  [
    /^(\$\{?[\w:.-]+\}?|%\w+%|\{\{.*\}\}|\$\(.*\)|\$\{\{.*\}\}|(process|import\.meta)\.env\b.*|os\.(environ|getenv)\b.*)$/i,
    'is a variable that nothing has replaced by its value: a shell does so between double quotes, "$NAME", and not ' +
      "between single ones, which are closed around it, '\"$NAME\"'",
  ],
  [/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*_(KEY|TOKEN|SECRET|ME|HERE)$/, "is a name that stands for a key, and no key"],
  [/^<.*>$|^\[.*\]$|^(sk-|key-)?x{3,}$/i, "is what an example has in the place of a key, and no key"],
  [/[^.-]\.{3}|\.{3}[^.]|…/, "is cut short by dots; copy the whole key"],
  [/^[^*].*\*{3}|^\*+[^*]/, "is masked: the stars stand for what is not shown; copy the key where it is whole"],
  [/^https?:\/\//i, "is a URL, and no key"],
  [/^\{/, "is JSON, and no key; give the text of the key alone"],
];

/** What a text is that stands where a key belongs, for anybody to see that it is none; it never repeats the text. */
export function whatIsNoKey(text: string): string | undefined {
  return KINDS.find(([pattern]) => pattern.test(text))?.[1];
}
