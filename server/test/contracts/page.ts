import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The pages that the project was created from, beside the checkout where they are ours to have. */
const PAGES: Readonly<Record<string, string>> = {
  "000": "000_938b913b101c6723.txt",
  "001": "001_07e1c61dfb1eb99e.txt",
  "002": "002_548d78a397e5eab0.txt",
};
const FOLDER = join(import.meta.dirname, "../../../../shared/contracts");

/** A line of curl that a reader of a page would try, and what the page shows for it. */
export interface Example {
  /** What curl gets, word by word. */
  readonly words: readonly string[];
  /** Undefined if the page shows nothing. */
  readonly answer?: unknown;
}

/** The lines of a page: from the page itself where it is, or else from our copy of them. */
export function readExamples(name: string): Example[] {
  return readPage(name) ?? readCopy(name);
}

/** Undefined where the page is not. */
export function readPage(name: string): Example[] | undefined {
  const file = join(FOLDER, PAGES[name] ?? "");
  return existsSync(file) ? parseExamples(readFileSync(file, "utf8")) : undefined;
}

export function readCopy(name: string): Example[] {
  return JSON.parse(readFileSync(join(import.meta.dirname, "copies", `${name}.json`), "utf8"));
}

/** An answer belongs to the line before it, and of several the first is the one of success. */
function parseExamples(page: string): Example[] {
  const starts = [...page.matchAll(/\bcurl\s/g)].map(({ index }) => index);
  return starts.map((start, number) => {
    const { words, rest } = readWords(page.slice(start + "curl".length, starts[number + 1]));
    const answer = readObject(rest);
    return { words, ...(answer === undefined ? {} : { answer }) };
  });
}

/** The options of a line and its one URL; the generators of the pages have put line ends into lines, and lost others. */
function readWords(text: string): { words: string[]; rest: string } {
  const words: string[] = [];
  let rest = text;
  for (let hasUrl = false, takesValue = false; ; ) {
    const [all = "", quoted, single, plain] = /^[\s\\]*(?:"([^"]*)"|'([^']*)'|([^\s"'{\\]\S*))/.exec(rest) ?? [];
    const word = quoted ?? single ?? plain;
    if (word === undefined) return { words, rest };
    const isOption = /^-\w$/.test(word);
    const isUrl = /^https?:/.test(word) && !takesValue;
    if (!isOption && !takesValue && (!isUrl || hasUrl)) return { words, rest };
    words.push(word);
    hasUrl ||= isUrl;
    takesValue = isOption;
    rest = rest.slice(all.length);
  }
}

/** The first JSON object of a text, if nothing but a few words stands before it. */
function readObject(text: string): unknown {
  const start = text.indexOf("{");
  for (let end = text.indexOf("}", start); start !== -1 && end !== -1; end = text.indexOf("}", end + 1)) {
    try {
      return JSON.parse(text.slice(start, end + 1));
    } catch {
      // Not its last brace yet.
    }
  }
  return undefined;
}
