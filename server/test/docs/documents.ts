import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The root of the repository. */
export const ROOT = join(import.meta.dirname, "../../..");

/** A fenced block of a Markdown file. */
export interface Block {
  readonly file: string;
  /** The line that it begins in. */
  readonly line: number;
  /** Such as `sh` or `ts`. */
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a Markdown file, in their order. */
export function blocksOf(file: string, text = readFileSync(join(ROOT, file), "utf8")): Block[] {
  const blocks: Block[] = [];
  let open: { line: number; language: string; lines: string[] } | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const [isFence, language = ""] = /^```(\w*)\s*$/.exec(line) ?? [];
    if (isFence === undefined) open?.lines.push(line);
    else if (!open) open = { line: index + 1, language, lines: [] };
    else {
      blocks.push({ file, line: open.line, language: open.language, text: open.lines.join("\n") });
      open = undefined;
    }
  }
  return blocks;
}
