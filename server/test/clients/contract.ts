import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The page that the project was created from, beside the checkout where it is ours to have. */
const PAGE = join(import.meta.dirname, "../../../../shared/contracts/003_24218d2ab5a5cbfc.txt");
/** Its request and its answer, as they are there. */
const COPY = join(import.meta.dirname, "contract-003.txt");

/** A reference API's example of creating an Llm: the line that a reader would try, and what the page shows for it. */
export interface Contract {
  /** For a shell, word by word but for what the page's generator broke: its line ends and its quote in a quote. */
  readonly line: string;
  /** The answer, in which the generator has put every scalar into quotes. */
  readonly answer: Record<string, unknown>;
}

export function readContract(): Contract {
  return parse(readFileSync(existsSync(PAGE) ? PAGE : COPY, "utf8"));
}

function parse(page: string): Contract {
  const [, line, answer] = /(curl -X POST .*?\}')(\{\s*"llm".*)$/s.exec(page) ?? [];
  if (line === undefined || answer === undefined) throw new Error("the page has no line of curl with an answer");
  return { line: line.replaceAll(" \\ -", " \\\n  -").replaceAll("\\'", "'\\''"), answer: JSON.parse(answer) };
}
