/** What a look at one thing found. */
export interface Finding {
  /** What was looked at: a setting, or what it is about. */
  readonly about: string;
  /** `doubt` works, and will hurt somebody; `skipped` was not looked at. */
  readonly verdict: "fine" | "doubt" | "wrong" | "skipped";
  /** What is so, in a sentence. It never holds a secret. */
  readonly found: string;
  /** What to do; undefined where there is nothing to do, or the sentence says it. */
  readonly mend?: string | undefined;
}

export const fine = (about: string, found: string): Finding => ({ about, verdict: "fine", found });
export const skipped = (about: string, found: string): Finding => ({ about, verdict: "skipped", found });
export const doubt = (about: string, found: string, mend: string): Finding => ({
  about,
  verdict: "doubt",
  found,
  mend,
});
export const wrong = (about: string, found: string, mend?: string): Finding => ({
  about,
  verdict: "wrong",
  found,
  mend,
});

/** The first sentence of an error that says what to do behind it, and the rest. */
export function wrongAs(about: string, { message }: Error): Finding {
  const [, found = message, mend = ""] = /^(.*?[.:]) ([A-Z].*)$/s.exec(message) ?? [];
  return wrong(about, found, mend || undefined);
}
