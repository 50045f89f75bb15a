import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PAGE = join(import.meta.dirname, "../RESULTS.md");

const HEAD = `# What the bench read last

Written by \`npm run bench\`, row by row, with machine, date and commit. Only ratios within one row of one run mean anything:
on a machine that is at work (its load is told) not the small ones, and of code that was called seldom none, as V8 has not
compiled it by then. Why things are as they are is in [the decisions on the hot path](../docs/decisions/hot-path.md).
`;

/** Puts what a row read into its part of the page, and leaves the other parts as they are. */
export function keepResults(row: { name: string; what: string }, machine: string, lines: readonly string[]): void {
  const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim();
  const day = new Date().toISOString().slice(0, 10);
  const title = `## ${row.name}: ${row.what}`;
  const facts = `${day}, commit ${commit || "unknown"}, ${machine}`;
  const part = `${title}\n\n${facts}\n\n\`\`\`text\n${lines.join("\n").replace(/^\n+/, "").trimEnd()}\n\`\`\``;
  const others = existsSync(PAGE)
    ? readFileSync(PAGE, "utf8")
        .split(/^(?=## )/m)
        .slice(1)
    : [];
  const kept = others.map((other) => other.trim()).filter((other) => !other.startsWith(`## ${row.name}: `));
  writeFileSync(PAGE, `${[HEAD.trim(), ...[...kept, part].sort()].join("\n\n")}\n`);
}
