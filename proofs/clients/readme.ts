import { readFileSync } from "node:fs";

/** The lines of the first block of code in a language of a Markdown file. */
export function linesOf(file: string, language: string): string {
  const [, lines] = new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "s").exec(readFileSync(file, "utf8")) ?? [];
  if (lines === undefined) throw new Error(`${file} has no lines of ${language}`);
  return lines;
}
